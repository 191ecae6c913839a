"""## What it does

Says how long a run may take by the time limits of its jobs, along the longest path of needs, where that is more than
the time limit of the workflow, or than the time from one scheduled run to the next. Jobs without a time limit count as
nothing, so it may take longer still.

## Why is this bad?

It is worth knowing: the workflow's time limit may end jobs that are within their own, or runs may overlap.

## Example

```yaml
timeout: 1h
jobs:
  load: {timeout: 40m, stages: [{bash: ./load}]}
  report: {needs: load, timeout: 40m, stages: [{bash: ./report}]}
```

Use instead:

```yaml
timeout: 90m
jobs:
  load: {timeout: 40m, stages: [{bash: ./load}]}
  report: {needs: load, timeout: 40m, stages: [{bash: ./report}]}
```
"""

from collections.abc import Iterator
from itertools import pairwise

from jobc.check.rule import Rule
from jobc.check.rules.retry_budget import shown, worst_case
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.constants import Grid, duration, number, text
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.source.file import Span
from jobc.syntax.ast import Job, ListValue, MapValue

RULE = Rule("JC607", "schedule-bound", INFO, "a run that may take longer than its time")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        bounds = list(_bounds(workflow))
        if not bounds or workflow.cycles:
            continue
        total, path = longest_path(workflow)
        way = " → ".join(f"`{job.id}`" for job in (path if len(path) < 8 else [*path[:3], *path[-3:]]))
        for limit, span, words, remedy in bounds:
            if total > limit:
                yield Diagnostic(
                    RULE.name,
                    f"the time limits along {way} add up to {shown(total)}, but {words}",
                    span,
                    help=remedy,
                    related=tuple(
                        Label(job.timeout.span, f"`{job.id}`") for job in path[:8] if job.timeout is not None
                    ),
                )


def _bounds(workflow: WorkflowModel) -> Iterator[tuple[float, Span, str, str]]:
    """(seconds, where they are written, what they are, the remedy)."""
    value = workflow.workflow.timeout
    limit = duration(value)
    if value is not None and limit is not None:
        words = f"the workflow ends after {shown(limit)}"
        yield limit, value.span, words, "give the workflow more time, or its jobs less"
    on = workflow.workflow.on
    schedules = on.get("schedule") if isinstance(on, MapValue) else None
    for entry in schedules.items if isinstance(schedules, ListValue) else ():
        cron = entry.get("cron") if isinstance(entry, MapValue) else None
        gap = _gap(text(cron))
        if cron is not None and gap is not None and workflow.workflow.concurrency is None:
            words = f"the next run begins after {shown(gap)}"
            yield (
                gap,
                cron.span,
                words,
                "run it less often, shorten the time limits, or give it a `concurrency` group",
            )


def _gap(cron: str | None) -> float | None:
    """The least seconds between two of the next hundred times of a schedule."""
    if cron is None:
        return None
    from datetime import datetime

    from cronsim import CronSim, CronSimError

    try:
        times = CronSim(cron, datetime(2024, 1, 1))
        found = [next(times) for _ in range(100)]
    except (CronSimError, StopIteration):
        return None
    return min((b - a).total_seconds() for a, b in pairwise(found))


def longest_path(workflow: WorkflowModel) -> tuple[float, list[Job]]:
    """The worst-case seconds of a run, and the jobs that they come from, first to last."""
    best: dict[str, tuple[float, str | None]] = {}
    for job in workflow.order:
        before = max(
            ((best[need.id][0], need.id) for need in job.needs if need.id in best), default=(0.0, None)
        )
        best[job.id] = (before[0] + _seconds(job), before[1])
    if not best:
        return 0.0, []
    last: str | None = max(best, key=lambda id: best[id][0])
    assert last is not None
    total, path = best[last][0], []
    while last is not None:
        path.append(workflow.jobs[last])
        last = best[last][1]
    return total, [job for job in reversed(path) if _seconds(job)]


def _seconds(job: Job) -> float:
    """The time limit, times the rounds of a matrix and the attempts."""
    each = duration(job.timeout) or 0.0
    if not each:
        return 0.0
    if job.retry is not None:
        each = worst_case(job.retry, each) or each
    if job.strategy is not None and job.strategy.max_parallel is not None:
        total, at_once = Grid(job.strategy).count(), number(job.strategy.max_parallel)
        if total and at_once:
            each *= -(-total // int(at_once))
    return each
