"""## What it does

Reports an `include` entry that equals a combination of the matrix and brings no new key.

## Why is this bad?

That combination is there already, so the entry does nothing. Often a key that was to extend it is missing.

## Example

```yaml
strategy:
  matrix:
    python: ["3.12", "3.13"]
  include: [{python: "3.13"}]
```

Use instead:

```yaml
strategy:
  matrix:
    python: ["3.12", "3.13"]
  include: [{python: "3.13", experimental: true}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.constants import Grid, constant, holds
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import ListValue

RULE = Rule("JC303", "include-adds-nothing", WARNING, "an `include` entry that is a combination already")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            strategy = job.strategy
            if strategy is None or strategy.matrix is None or not isinstance(strategy.include, ListValue):
                continue
            grid = workflow.grids.of(strategy)
            if not grid.keys or None in grid.keys.values() or not grid.known:
                continue
            for item in strategy.include.items:
                entry = constant(item)
                if isinstance(entry, dict) and entry.keys() == grid.keys.keys() and _exists(entry, grid):
                    yield Diagnostic(
                        RULE.name,
                        "this combination is in the matrix already, so it adds nothing",
                        item.span,
                        help="remove it, or add the key that was to extend the combination",
                        related=(Label(strategy.matrix.span, "the matrix"),),
                    )


def _exists(entry: dict[str, object], grid: Grid) -> bool:
    """Whether the product, less what is excluded, holds the entry."""
    from jobc.ir.matrix import same

    if not all(holds(values or (), entry[key]) for key, values in (grid.keys or {}).items()):
        return False
    names = {key: same(value) for key, value in entry.items()}
    return not any(
        excluded is not None and all(names.get(key) == same(value) for key, value in excluded.items())
        for excluded in grid.exclude or ()
    )
