"""## What it does

Reports a matrix without combinations: a key with an empty list, or `exclude` entries that leave nothing, where
`include` adds none.

## Why is this bad?

The job does nothing at all, and the jobs that read its outputs get empty lists.

## Example

```yaml
strategy:
  matrix: {platform: [linux, macos]}
  exclude: [{platform: linux}, {platform: macos}]
```

Use instead:

```yaml
strategy:
  matrix: {platform: [linux, macos]}
  exclude: [{platform: macos}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import MapValue

RULE = Rule("JC304", "empty-matrix", WARNING, "a matrix that has no combinations")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            strategy = job.strategy
            if strategy is None or strategy.matrix is None:
                continue
            grid = workflow.grids.of(strategy)
            if grid.count() != 0:
                continue
            span = strategy.matrix.span
            related: tuple[Label, ...] = ()
            empty = next((key for key, values in (grid.keys or {}).items() if not values), None)
            if empty is not None:
                message = f"`{empty}` has no values, so job `{job.id}` has no combinations"
                remedy = f"give `{empty}` a value, or remove the key"
                place = strategy.matrix.get(empty) if isinstance(strategy.matrix, MapValue) else None
                span = span if place is None else place.span
            else:
                message = f"`exclude` leaves no combination of job `{job.id}`"
                remedy = "exclude fewer, or remove the job"
                if strategy.exclude is not None:
                    related = (Label(strategy.exclude.span, "everything is excluded here"),)
            yield Diagnostic(RULE.name, message, span, help=remedy, related=related)
