"""## What it does

Says that the analysis of which jobs can run stopped at its work limit. The status of the named jobs is then taken as free:
no finding about what can never happen is wrong because of it, but some may be missing.

## Why is this bad?

It is not, but you should know: in this part of the graph a job that can never run may go unreported.

## Example

```yaml
  # dozens of jobs in pairs, and two behind them that pair the same jobs in different ways
  any-pair:
    needs: [pair-1, pair-2, pair-3]
    trigger-rule: one_success
    stages: [{echo: done}]
```

Put jobs that belong together next to each other in the file, or let one job stand for the group:

```yaml
  any-pair:
    needs: [first-half, second-half]
    trigger-rule: one_success
    stages: [{echo: done}]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.analyses import analyses
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.model import SemanticModel

RULE = Rule(
    "JC215", "analysis-limit", INFO, "jobs whose statuses are not told apart, for it would take too long"
)


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for _, reach in analyses(model):
        if reach.inexact:
            first, *rest = reach.inexact
            more = f", and of {len(rest)} more" if rest else ""
            yield Diagnostic(
                RULE.name,
                f"when `{first.id}` runs takes too long to find out{more}: its status is taken as free",
                first.id_span,
                help="put jobs that depend on each other next to each other, or let one job stand for a group of them",
                related=tuple(Label(job.id_span, f"`{job.id}`, too") for job in rest[:4]),
            )
