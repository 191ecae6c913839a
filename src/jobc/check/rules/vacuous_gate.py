"""## What it does

Reports a job with the rule `none_failed` that other jobs wait for, or that runs after a failure further up, in the case
that everything it needs was skipped. Nothing it stands for has happened then, and it passes all the same.

## Why is this bad?

A skip is no failure, so `none_failed` takes it as good. Where `build` fails, the tests behind it are skipped, and a gate
behind the tests opens.

## Example

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: build
    stages: [{bash: make test}]
  deploy:
    needs: test
    trigger-rule: none_failed
    stages: [{bash: make deploy}]
```

`deploy` runs when `build` fails. Use instead `all_success`, or let the gate need what must have happened as well:

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: build
    stages: [{bash: make test}]
  deploy:
    needs: [build, test]
    trigger-rule: none_failed
    stages: [{bash: make deploy}]
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobc.check.analyses import analyses, bounded
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.model import SemanticModel

if TYPE_CHECKING:
    from jobc.sema.reachability import JobReach, Reachability

RULE = Rule("JC207", "vacuous-gate", WARNING, "a gate that also passes when everything before it was skipped")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for _, reach in analyses(model):
        needed = {need.job.id for job in reach.jobs.values() for need in job.needs}
        for job in reach.jobs.values():
            if job.exact and job.needs and job.job.trigger_rule == "none_failed":
                yield from bounded(reach, _of(reach, job, job.job.id in needed))


def _of(reach: Reachability, job: JobReach, needed: bool) -> Iterator[Diagnostic]:
    from jobc.ir.status import FAILED, SKIP
    from jobc.sema.diagram import FALSE
    from jobc.sema.witness import joined, when

    diagram = reach.diagram
    empty = diagram.conjunction([job.runs, *(need.statuses[SKIP] for need in job.needs)])
    if empty == FALSE:
        return
    above = {id(a): a for need in job.needs for a in need.needs}
    failed = diagram.any(a.statuses[FAILED] for a in above.values())
    worse = diagram.both(empty, failed)
    if worse == FALSE and not needed:
        return
    words = when(reach, worse if worse != FALSE else empty)
    skipped = joined([f"`{need.job.id}`" for need in job.needs])
    what = "is" if len(job.needs) == 1 else "are"
    span = job.job.trigger_rule_span or job.job.id_span
    yield Diagnostic(
        RULE.name,
        f"`{job.job.id}` also passes when {words or 'nothing ran'}: then {skipped} {what} skipped, and the rule none_failed holds",
        span,
        help="use `all_success` or `one_success`, or let it need also the job that must have succeeded",
        related=tuple(
            Label(a.job.id_span, f"`{a.job.id}` may have failed") for a in above.values() if worse != FALSE
        )[:4],
    )
