"""## What it does

Reports jobs that can never run, however other jobs end and whatever the parameters are. The finding says which needs,
which rule and which condition exclude each other.

All outcomes are looked at together: each job that runs may succeed or fail, parameters take all their values, and what
only a run knows (an output, the time) may be anything. Jobs that never run because of such a job are named with it. A
job whose condition is plainly `false` is taken as switched off by hand and is not reported. Neither is a clean-up
job that only runs when the run is cancelled.

## Why is this bad?

The job is dead code that looks alive: the alarm that is never raised, the deployment that is always skipped.

## Example

```yaml
jobs:
  build:
    stages: [{bash: make}]
  alert:
    needs: build
    condition: failure()
    stages: [{bash: ./alert}]
```

The rule `all_success` is judged first, so `failure()` is never true. Use instead:

```yaml
jobs:
  build:
    stages: [{bash: make}]
  alert:
    needs: build
    trigger-rule: one_failed
    stages: [{bash: ./alert}]
```
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from jobc.check.analyses import analyses, bounded
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.model import SemanticModel, WorkflowModel

if TYPE_CHECKING:
    from jobc.sema.reachability import JobReach, Reachability
    from jobc.source.file import Span

RULE = Rule("JC204", "dead-job", WARNING, "a job that can never run, with the proof")

#: Jobs named that never run because of another.
NAMED = 6


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow, reach in analyses(model):
        dead = _dead(reach)
        if not dead:
            continue
        if any(reach.jobs[id].job.trigger_rule == "all_done" for id in dead):
            # Clean-up jobs run in a cancelled run too.
            from jobc.sema.reachability import reachable_when_cancelled

            cancelled = reachable_when_cancelled(workflow)
            dead = {id: None for id in dead if cancelled.jobs[id].runs == 1}
        roots = dict.fromkeys(id for id in dead if not reach.could_run(id, dead.keys()))
        others = [id for id in dead if id not in roots]
        for id in roots:
            job = reach.jobs[id]
            if job.job.condition is None or not model.is_reported(job.job.condition.span):
                yield from bounded(reach, _finding(reach, job, _place(job), others, workflow))


def _dead(reach: Reachability) -> dict[str, None]:
    return {id: None for id, job in reach.jobs.items() if job.runs == 1}


def _place(job: JobReach) -> Span:
    from jobc.sema.diagram import FALSE

    if job.rule == FALSE:
        return job.job.trigger_rule_span or job.job.needs[0].span
    if job.holds == FALSE and job.job.condition is not None:
        return job.job.condition.span
    return job.job.id_span


def _finding(
    reach: Reachability, job: JobReach, span: Span, others: list[str], workflow: WorkflowModel
) -> Iterator[Diagnostic]:
    from jobc.sema.needs import reaches
    from jobc.sema.witness import why_never

    after = (id for id in others if reaches(reach.jobs[id].job, job.job, workflow))
    related = [
        Label(reach.jobs[id].job.id_span, f"so `{id}` never runs either") for id in islice(after, NAMED)
    ]
    if span is not job.job.id_span:
        related.insert(0, Label(job.job.id_span, f"`{job.job.id}` never runs"))
    yield Diagnostic(
        RULE.name,
        f"`{job.job.id}` never runs: {why_never(reach, job)}",
        span,
        help=_remedy(job),
        related=tuple(related),
    )


def _remedy(job: JobReach) -> str:
    from jobc.sema.witness import condition_text

    text = condition_text(job) if job.job.condition is not None else ""
    if job.job.trigger_rule == "all_success" and job.needs and "failure()" in text:
        return "the rule is judged before the condition: write `trigger-rule: one_failed` for a job that handles failures"
    if job.needs and "always()" in text:
        return "the rule is judged before the condition: write `trigger-rule: all_done` for a job that always runs"
    if job.job.condition is not None and job.rule != 1:
        return "change the condition or the trigger rule, or take the job away"
    return "change `trigger-rule` or `needs`, or take the job away"
