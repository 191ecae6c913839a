"""A shell script reads a variable that nothing sets.

## What it does

Looks for `$name` in shell scripts where neither the script nor an `env` around it sets that variable. As the
environment that jobc is started in reaches every script, a name in capitals may come from there: it is reported only where it
is nearly one that is set, or begins with `JOBC_` and is none of jobc's. `${name:-…}`, a test of the variable, and scripts
that `source` others are left alone.

## Why is this bad?

The shell reads a variable that is not set as nothing, and goes on: `rm -rf "$dir/"` then has another meaning.

## Example

```yaml
jobs:
  clean:
    env: {SCRATCH: /tmp/work}
    stages:
      - bash: |
          dir=$SCRATCH/cache
          rm -rf "$dri/old" "$SCRACH/new"
```

Use instead:

```yaml
jobs:
  clean:
    env: {SCRATCH: /tmp/work}
    stages:
      - bash: |
          dir=$SCRATCH/cache
          rm -rf "$dir/old" "$SCRATCH/new"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.scripts import ScriptPlacement, script_stages, shell_of
from jobc.syntax.ast import BashStage, Job, Stage, child_stages
from jobc.syntax.spelling import nearest

RULE = Rule("JC403", "unset-variable", WARNING, "a shell script reads a variable that nothing sets")

JOBC = ("JOBC_OUTPUT", "JOBC_OUTPUT_JSON", "JOBC_RUN_ID", "JOBC_JOB", "JOBC_STAGE", "JOBC_ATTEMPT")
#: So many names are compared in one script in search of the nearest; findings beyond that propose none.
_COMPARED = 50_000
#: Variables in small letters that come from outside by custom.
_OUTSIDE = frozenset(("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"))


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        shared = {item.key for item in workflow.workflow.env}
        for job in workflow.jobs.values():
            around: set[str] | None = None
            for stage in script_stages(job):
                placed = workflow.scripts.get(id(stage))
                if placed is None or not isinstance(stage, BashStage):
                    continue
                if "$" in placed.text and shell_of(stage, workflow) in ("bash", "sh", "dash"):
                    around = shared | _env(job) if around is None else around
                    own = {item.key for item in stage.env}
                    yield from _script(placed, around | own, stage, workflow)


def _env(job: Job) -> set[str]:
    """The names in `env` of the job and of its stages around other ones."""
    names = {item.key for item in job.env}
    pending: list[Stage] = list(job.stages)
    while pending:
        around = pending.pop()
        inner = [other for body in child_stages(around) for other in body]
        if inner:
            names |= {item.key for item in around.env}
            pending.extend(inner)
    return names


def _script(
    placed: ScriptPlacement, env: set[str], stage: BashStage, workflow: WorkflowModel
) -> Iterator[Diagnostic]:
    from jobc.sema.script_variables import may_read, variables

    slots = {placement.name for placement in placed.placements}
    given = {*env, *slots, *JOBC}
    if not any(_suspicious(name, given) for name in may_read(placed.text) - given):
        return
    found = variables(placed.text)
    if found.open:
        return
    known = given | found.sets
    candidates = sorted(other for other in known - slots if len(other) > 3)
    said: set[str] = set()
    looked = 0
    for name, start, end in found.reads:
        if name in known or name in said or name in _OUTSIDE:
            continue
        near = None
        # The nearest name is looked for by names long enough to tell.
        if len(name) > 3 and looked < _COMPARED:
            near = nearest(name, candidates)
            looked += len(candidates)
        capitals = name.upper() == name
        if capitals and near is None and not name.startswith("JOBC_"):
            continue
        said.add(name)
        yield Diagnostic(
            RULE.name,
            f"nothing sets the variable `{name}`",
            placed.span(start, end),
            help=f"did you mean `{near}`?"
            if near
            else f"set it under `env`, or write `${{{name}:-}}` where it may be unset",
        )


def _suspicious(name: str, given: set[str]) -> bool:
    return name.upper() != name or len(name) > 3
