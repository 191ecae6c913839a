"""## What it does

Reports an entry of `needs` that names no job of the workflow. The nearest job is proposed.

## Why is this bad?

The job would wait for something that never comes.

## Example

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: biuld
    stages: [{bash: make test}]
```

Use instead:

```yaml
  test:
    needs: build
```

## Fix safety

The fix writes the nearest name. It is safe where only one job is that near and the change makes no cycle: the
file could not run before. Otherwise none is offered.
"""

from collections.abc import Iterator
from itertools import islice

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR, Diagnostic, Edit, Fix
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.needs import reaches, yaml_word
from jobc.syntax.ast import Job, Need
from jobc.syntax.spelling import near

RULE = Rule("JC201", "unknown-need", ERROR, "a need that names no job", fixable="safe")


#: So many names are compared in search of the nearest; findings beyond that propose none.
COMPARED = 300_000
#: So many jobs are named where none is near.
_LISTED = 6


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        compared = 0
        for job in workflow.jobs.values():
            for need in job.needs:
                if need.id not in workflow.jobs:
                    others = [id for id in islice(workflow.jobs, _LISTED + 1) if id != job.id][:_LISTED]
                    close: list[str] = []
                    if compared < COMPARED:
                        close = near(need.id, (id for id in workflow.jobs if id != job.id))
                    compared += len(workflow.jobs) - 1
                    yield _finding(job, need, others, close, workflow)


def _finding(
    job: Job, need: Need, others: list[str], close: list[str], workflow: WorkflowModel
) -> Diagnostic:
    parts = [part.strip() for part in need.id.split(",")]
    if len(parts) > 1 and all(parts):
        remedy = f"for several jobs write a list: `[{', '.join(parts)}]`"
    elif close:
        remedy = f"did you mean `{close[0]}`?"
    elif others:
        remedy = f"name one of the jobs of this workflow: {_listed(others, len(workflow.jobs) - 1)}"
    else:
        remedy = "this workflow has no other job that it could need"
    fix = None
    if len(close) == 1 and _fits(close[0], job, workflow):
        fix = Fix(f"replace with `{close[0]}`", [Edit(need.span, yaml_word(close[0]))], safe=True)
    return Diagnostic(
        RULE.name,
        f"job `{job.id}` needs `{need.id}`, but there is no such job",
        need.span,
        help=remedy,
        fix=fix,
    )


def _fits(name: str, job: Job, workflow: WorkflowModel) -> bool:
    named = any(need.id == name for need in job.needs)
    return not named and not reaches(workflow.jobs[name], job, workflow)


def _listed(names: list[str], count: int) -> str:
    shown = ", ".join(f"`{name}`" for name in names)
    return shown + (f" and {count - len(names)} more" if count > len(names) else "")
