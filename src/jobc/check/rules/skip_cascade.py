"""## What it does

Says where a job is skipped although nothing has failed: one of its needs decides not to run, and the rule
`all_success` takes the job with it while its other needs succeed. The finding names the values that lead there.

## Why is this bad?

It may be what you want. But a condition on one job reaches further than the job: whoever adds it seldom thinks of
everything behind it.

## Example

```yaml
params:
  quick: {type: bool, default: false}
jobs:
  build:
    stages: [{bash: make}]
  test:
    condition: params.quick == false
    stages: [{bash: make test}]
  publish:
    needs: [build, test]
    stages: [{bash: make publish}]
```

`publish` is skipped in quick runs. Use instead, if it is to run there too:

```yaml
params:
  quick: {type: bool, default: false}
jobs:
  build:
    stages: [{bash: make}]
  test:
    condition: params.quick == false
    stages: [{bash: make test}]
  publish:
    needs: [build, test]
    trigger-rule: none_failed
    stages: [{bash: make publish}]
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobc.check.analyses import analyses, bounded
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.model import SemanticModel

if TYPE_CHECKING:
    from jobc.sema.reachability import JobReach, Reachability

RULE = Rule("JC206", "skip-cascade", INFO, "a job that is skipped although nothing failed")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for _, reach in analyses(model):
        for job in reach.jobs.values():
            # A rule that is written down was thought about.
            written = job.job.trigger_rule_span is not None
            if job.exact and not written and job.job.trigger_rule == "all_success" and len(job.needs) > 1:
                yield from bounded(reach, _of(reach, job))


def _of(reach: Reachability, job: JobReach) -> Iterator[Diagnostic]:
    from jobc.ir.status import SKIP, SUCCESS
    from jobc.sema.diagram import FALSE
    from jobc.sema.witness import when

    if job.runs == FALSE:
        return
    diagram = reach.diagram
    for need in job.needs:
        if need.job.condition is None or need.statuses[SKIP] == FALSE:
            continue
        rest = [other for other in job.needs if other is not need]
        if any(reach.implies(other, need) for other in rest):
            continue
        # The need's rule says already that what it waits for has succeeded.
        others = [other.statuses[SUCCESS] for other in rest if not reach.implies(need, other)]
        guard = diagram.conjunction([need.rule, need.statuses[SKIP], *others])
        if guard == FALSE:
            continue
        words = when(reach, guard)
        entry = next(each for each in job.job.needs if each.id == need.job.id)
        yield Diagnostic(
            RULE.name,
            f"`{job.job.id}` is skipped with `{need.job.id}`"
            + (f" when {words}" if words else "")
            + ", though nothing failed",
            entry.span,
            help="write `trigger-rule: none_failed` if a skipped job must not hold it up, `all_success` if this is meant",
            related=(Label(need.job.condition.span, f"`{need.job.id}` decides here"),),
        )
