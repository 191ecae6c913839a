"""## What it does

Reports a condition that is true in every run, and a rule that holds whatever the needs do. Both exclude nothing.
`always()` is not reported where it says what happens: on a job that needs nothing, or under `all_done`. Neither is a
condition that says the rule again, such as `needs.build.result == 'success'` under `all_success`.

## Why is this bad?

It reads as if something was decided. The common case is `condition: always()` on a job with the default rule: the rule
`all_success` is judged first, so the job does not run after a failure. Another is `none_skipped` for needs that are never
skipped: the job runs after failures too.

## Example

```yaml
jobs:
  test:
    stages: [{bash: make test}]
  report:
    needs: test
    condition: always()
    stages: [{bash: ./report}]
```

Use instead:

```yaml
jobs:
  test:
    stages: [{bash: make test}]
  report:
    needs: test
    trigger-rule: all_done
    stages: [{bash: ./report}]
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobc.check.analyses import analyses
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, WARNING, Diagnostic
from jobc.sema.model import SemanticModel, WorkflowModel

if TYPE_CHECKING:
    from jobc.sema.reachability import JobReach

RULE = Rule("JC205", "always-runs", INFO, "a condition or a rule that excludes nothing")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow, reach in analyses(model):
        for job in reach.jobs.values():
            if job.exact and job.runs != 1:
                yield from _rule(job)
                if job.job.condition is not None and not model.is_reported(job.job.condition.span):
                    yield from _condition(job, workflow)


def _rule(job: JobReach) -> Iterator[Diagnostic]:
    rule, span = job.job.trigger_rule, job.job.trigger_rule_span
    if rule not in ("none_failed", "none_skipped") or not job.needs or job.rule != 0 or span is None:
        return
    never = "fails" if rule == "none_failed" else "is skipped"
    yield Diagnostic(
        RULE.name,
        f"the rule {rule} excludes nothing: none of what `{job.job.id}` needs ever {never}",
        span,
        help="write `trigger-rule: all_done` if it is to run whatever happens, else `all_success`",
    )


def _condition(job: JobReach, workflow: WorkflowModel) -> Iterator[Diagnostic]:
    from jobc.sema.fold import NOT_CONSTANT, fold
    from jobc.sema.reachability import reachable_when_cancelled, whole
    from jobc.sema.witness import condition_text
    from jobc.syntax.expr import Call

    value = job.job.condition
    assert value is not None
    expr = whole(value)
    # What is true only because the rule held says the rule again, which is no harm.
    if expr is None or fold(expr) is not NOT_CONSTANT or job.condition != 0:
        return
    rule = job.job.trigger_rule
    if rule == "all_done" and reachable_when_cancelled(workflow).jobs[job.job.id].condition != 0:
        return
    if isinstance(expr, Call) and expr.function == "always":
        if rule == "all_done" or not job.needs:
            return
        message = f"`always()` changes nothing: the rule {rule} is judged first, and `{job.job.id}` runs only where it holds"
        help = "write `trigger-rule: all_done` if it is to run whatever happens, else take the condition away"
        # Who writes this wants a clean-up job, and has one that is skipped when it is needed.
        severity: str | None = WARNING
    else:
        message = f"the condition of `{job.job.id}` is always true: `{condition_text(job)}`"
        help = "take the condition away, or compare with what can be different"
        severity = None
    yield Diagnostic(RULE.name, message, value.span, help=help, severity=severity)
