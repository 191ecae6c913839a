"""## What it does

Reports two jobs that may run at once and write the same path: in `cache.outputs` or in `artifacts.out`. It also reports
a job whose combinations run at once and write a path that is the same for all of them.

Jobs that cannot both run, that wait for each other, or that one concurrency group keeps apart are left alone, and so are
jobs on different machines and paths that are known only when the job runs.

## Why is this bad?

Local jobs share one work folder. Which of the two files is there at the end, and which of them is published or kept in the
cache, is decided by chance.

## Example

```yaml
jobs:
  linux:
    artifacts: {out: [dist/tool.tar]}
    stages: [{bash: ./package linux}]
  windows:
    artifacts: {out: [dist/tool.tar]}
    stages: [{bash: ./package windows}]
```

Use instead:

```yaml
jobs:
  linux:
    artifacts: {out: [dist/linux/tool.tar]}
    stages: [{bash: ./package linux}]
  windows:
    artifacts: {out: [dist/windows/tool.tar]}
    stages: [{bash: ./package windows}]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.check.written_paths import DeclaredPath, is_local, written
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema import constants
from jobc.sema.conditional import is_conditional
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.needs import reaches
from jobc.syntax.ast import Concurrency, Job

RULE = Rule("JC604", "artifact-race", WARNING, "jobs that write one path at once")

#: So many pairs of paths are compared; what lies beyond is not looked at.
_PAIRS = 200_000


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        writers = [
            (job, paths)
            for job in workflow.jobs.values()
            if (job.cache is not None or job.artifacts is not None)
            and is_local(job, workflow)
            and (paths := written(job))
        ]
        if not writers or constants.number(workflow.workflow.max_parallel) == 1:
            continue
        for job, paths in writers:
            yield from _combinations(job, paths)
        if not workflow.cycles:
            yield from _pairs(writers, workflow)


def _combinations(job: Job, paths: list[DeclaredPath]) -> Iterator[Diagnostic]:
    strategy = job.strategy
    if strategy is None or (strategy.matrix is None and strategy.include is None):
        return
    at_once = constants.number(strategy.max_parallel)
    if at_once is None or at_once < 2:
        return
    count = constants.Grid(strategy).count()
    if count is not None and count < 2:
        return
    seen: set[str] = set()
    for declared in paths:
        if declared.path in seen:
            continue
        seen.add(declared.path)
        yield Diagnostic(
            RULE.name,
            f"the combinations of `{job.id}` run at once, and all write `{declared.shown}`",
            declared.value.span,
            help="put a value of the matrix into the path, or set `max-parallel: 1`",
        )


def _pairs(writers: list[tuple[Job, list[DeclaredPath]]], workflow: WorkflowModel) -> Iterator[Diagnostic]:
    compared = 0
    for i, (second, theirs) in enumerate(writers):
        for first, ours in writers[:i]:
            compared += len(ours) * len(theirs)
            if compared > _PAIRS:
                return
            met = [(one, other) for one in ours for other in theirs if one.meets(other)]
            if not met or not _at_once(first, second, workflow):
                continue
            one, other = met[0]
            shown = one if len(one.path) >= len(other.path) else other
            yield Diagnostic(
                RULE.name,
                f"`{first.id}` and `{second.id}` may run at once, and both write `{shown.shown}`",
                other.value.span,
                help=f"let `{second.id}` need `{first.id}`, or give each a path of its own",
                label=f"written by `{second.id}`",
                related=(Label(one.value.span, f"written by `{first.id}`"),),
            )


def _at_once(first: Job, second: Job, workflow: WorkflowModel) -> bool:
    """Whether nothing keeps two jobs from running at the same time."""
    if reaches(first, second, workflow) or reaches(second, first, workflow):
        return False
    if _kept_apart(first.concurrency, second.concurrency):
        return False
    if not is_conditional(workflow):
        return True
    from jobc.sema.diagram import FALSE, Exhausted
    from jobc.sema.reachability import reachable

    reach = reachable(workflow)
    if reach is None:
        return False
    reach.allow()
    try:
        return reach.diagram.both(reach.jobs[first.id].runs, reach.jobs[second.id].runs) != FALSE
    except Exhausted:
        return False


def _kept_apart(one: Concurrency | None, other: Concurrency | None) -> bool:
    """Whether a concurrency group lets only one of two jobs run; one whose name or limit is not known may."""
    if one is None or other is None:
        return False
    if any(group.limit is not None and (constants.number(group.limit) or 1) > 1 for group in (one, other)):
        return False
    names = constants.text(one.group), constants.text(other.group)
    return None in names or names[0] == names[1]
