"""## What it does

Reports a value that stands twice in one list of a matrix, and an `include` entry that is written twice.

## Why is this bad?

Equal combinations run once, so the second value does nothing. Usually another value was meant.

## Example

```yaml
strategy:
  matrix: {python: ["3.11", "3.12", "3.12"]}
```

Use instead:

```yaml
strategy:
  matrix: {python: ["3.11", "3.12", "3.13"]}
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.constants import constant
from jobc.sema.fold import NotConstant
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import ListValue, MapValue, Value

RULE = Rule("JC301", "duplicate-combination", WARNING, "a matrix value or an `include` entry given twice")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            strategy = job.strategy
            if strategy is None:
                continue
            if isinstance(strategy.matrix, MapValue):
                for item in strategy.matrix.entries:
                    yield from _twice(item.value, f"is already a value of `{item.key}`")
            if strategy.include is not None:
                yield from _twice(strategy.include, "stands in `include` already")


def _twice(values: Value, words: str) -> Iterator[Diagnostic]:
    if not isinstance(values, ListValue):
        return
    from jobc.ir.matrix import same

    seen: dict[str, Value] = {}
    for item in values.items:
        value = constant(item)
        if isinstance(value, NotConstant):
            continue
        first = seen.setdefault(same(value), item)
        if first is not item:
            text = " ".join(item.span.text.split())
            yield Diagnostic(
                RULE.name,
                f"`{text if len(text) <= 40 else text[:39] + '…'}` {words}, so it adds no combination",
                item.span,
                help="remove it, or write the value that was meant",
                related=(Label(first.span, "first here"),),
            )
