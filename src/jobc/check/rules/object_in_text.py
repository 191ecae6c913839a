"""## What it does

Reports a list or a map that is spliced into text. Scripts are not meant: there a list has a meaning of
its own (its items as words in bash, the value itself in Python).

## Why is this bad?

The text gets the value as compact JSON, such as `["a","b"]`, which is seldom what a name or a message is
meant to say. Where JSON is wanted, `toJson` says so.

## Example

```yaml
- echo: "regions: ${{ params.regions }}"
```

Use instead:

```yaml
- echo: "regions: ${{ join(params.regions, ', ') }}"
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.types import NULL, ListType, MapType, ObjectType, members
from jobc.syntax.ast import ListValue, MapValue, TemplateValue, Value
from jobc.syntax.expr import Expr
from jobc.syntax.printer import print_expr

RULE = Rule("JC107", "object-in-text", WARNING, "a list or a map spliced into text")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for site in workflow.sites:
            if site.position != "stage.script" and not site.is_condition:
                yield from _in_value(site.value, workflow)


def _in_value(value: Value, workflow: WorkflowModel) -> Iterator[Diagnostic]:
    if isinstance(value, ListValue):
        for item in value.items:
            yield from _in_value(item, workflow)
    elif isinstance(value, MapValue):
        for entry in value.entries:
            yield from _in_value(entry.value, workflow)
    elif isinstance(value, TemplateValue) and not value.whole:
        for hole in value.holes:
            if hole.expr is not None and (kind := _kind(hole.expr, workflow)) is not None:
                yield Diagnostic(
                    RULE.name, f"a {kind} is put into text", hole.span, help=_remedy(hole.expr, kind)
                )


def _remedy(expr: Expr, kind: str) -> str:
    text = print_expr(expr)
    text = text if len(text) <= 40 else "…"
    if kind == "list":
        return f"write `join({text}, ', ')` for its items, or `toJson({text})` for JSON"
    return f"read one of its properties, or write `toJson({text})` for JSON"


def _kind(expr: Expr, workflow: WorkflowModel) -> str | None:
    """`list` or `map` where every value of the expression (but null) is one."""
    kinds = set()
    for member in members(workflow.type_of(expr)):
        if isinstance(member, ListType):
            kinds.add("list")
        elif isinstance(member, MapType | ObjectType):
            kinds.add("map")
        elif member is not NULL:
            return None
    return kinds.pop() if len(kinds) == 1 else None
