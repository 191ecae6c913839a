"""## What it does

Reports an `exclude` entry that no combination of the matrix matches: a key that the matrix does not have, a value that
is none of the key's, or a value of another type (`3.11` is a number, `"3.11"` a text).

## Why is this bad?

The combination that it was to leave out runs.

## Example

```yaml
strategy:
  matrix:
    python: ["3.11", "3.12"]
    platform: [linux, windows]
  exclude: [{python: 3.11, platform: windows}]
```

Use instead:

```yaml
strategy:
  matrix:
    python: ["3.11", "3.12"]
    platform: [linux, windows]
  exclude: [{python: "3.11", platform: windows}]
```
"""

from collections.abc import Iterator, Sequence
from typing import Any

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.constants import constant, holds
from jobc.sema.fold import NotConstant
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import Item, ListValue, MapValue
from jobc.syntax.spelling import nearest

RULE = Rule("JC302", "exclude-matches-nothing", WARNING, "an `exclude` entry that matches no combination")

#: Of so many values it is looked whether one is like what is excluded.
SHOWN = 1000


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            strategy = job.strategy
            if strategy is None or not isinstance(strategy.exclude, ListValue):
                continue
            grid = workflow.grids.of(strategy)
            if grid.keys is None:
                continue
            for entry in strategy.exclude.items:
                if isinstance(entry, MapValue):
                    for item in entry.entries:
                        found = _unmatched(item, grid.keys, strategy.matrix)
                        if found is not None:
                            yield found
                            break


def _unmatched(item: Item, keys: dict[str, Sequence[Any] | None], matrix: object) -> Diagnostic | None:
    if item.key not in keys:
        near = nearest(item.key, keys)
        return Diagnostic(
            RULE.name,
            f"the matrix has no key `{item.key}`, so this excludes nothing",
            item.key_span,
            help=f"did you mean `{near}`?" if near else "its keys are " + _listed([*keys]),
        )
    values = keys[item.key]
    value = constant(item.value)
    if values is None or isinstance(value, NotConstant) or holds(values, value):
        return None
    text = item.value.span.text
    shown = values[:SHOWN]
    alike = [v for v in shown if str(v) == str(value)]
    if alike:
        kind = "a text" if isinstance(alike[0], str) else "a number"
        remedy = f"write `{_written(alike[0])}`: the value in the matrix is {kind}, this is not"
    else:
        near = nearest(str(value), [str(v) for v in shown])
        remedy = f"did you mean `{near}`?" if near else "its values are " + _listed(values)
    place = matrix.get(item.key) if isinstance(matrix, MapValue) else None
    return Diagnostic(
        RULE.name,
        f"`{item.key}` is never `{text}`, so this excludes nothing",
        item.value.span,
        help=remedy,
        related=() if place is None else (Label(place.span, f"the values of `{item.key}`"),),
    )


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return (shown or "none at all") + (f" and {len(names) - 8} more" if len(names) > 8 else "")
