"""## What it does

Reports a condition whose value is known before anything runs, though it is written as if something was decided, and an
operand of `&&`, `||` or `?:` in a condition that is always the same. Plain `true`, `false` and `always()` are not reported:
whoever writes them means it.

## Why is this bad?

Most often a comparison was left over from trying something out, or a constant stands where a context was meant.

## Example

```yaml
jobs:
  deploy:
    condition: contains('main release', 'main')
    stages: [{bash: make deploy}]
```

Use instead:

```yaml
params:
  branch: str
jobs:
  deploy:
    condition: contains('main release', params.branch)
    stages: [{bash: make deploy}]
```

## Fix safety

The fix writes the value, or takes the operand away that decides nothing. What the file does stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Edit, Fix
from jobc.sema.model import SemanticModel
from jobc.source.file import SourceFile, Span
from jobc.syntax.ast import ExprHole, TemplateValue
from jobc.syntax.expr import Binary, Conditional, Expr, Literal, Unary

RULE = Rule("JC108", "constant-condition", WARNING, "a condition that is always the same", fixable="safe")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for site in workflow.sites:
            value = site.value
            if site.is_condition and isinstance(value, TemplateValue) and value.whole and value.holes:
                hole = value.holes[0]
                if hole.expr is not None and not model.is_reported(value.span):
                    yield from _whole(hole, hole.expr)


def _whole(hole: ExprHole, expr: Expr) -> Iterator[Diagnostic]:
    from jobc.sema.fold import fold

    file = hole.hole.span.file
    value = fold(expr)
    if isinstance(value, bool):
        if not isinstance(expr, Literal):
            word = "true" if value else "false"
            yield Diagnostic(
                RULE.name,
                f"this condition is always {word}",
                hole.span,
                help=f"write `{word}` if that is meant, else compare with a value that can change",
                fix=Fix(f"write `{word}`", [Edit(hole.span, word)], safe=True),
            )
        return
    yield from _parts(expr, file)


def _parts(expr: Expr, file: SourceFile) -> Iterator[Diagnostic]:
    from jobc.sema.fold import fold

    match expr:
        case Binary(op="and" | "or"):
            for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
                value = fold(side)
                if isinstance(value, bool):
                    yield _operand(expr, side, other, value, file)
                    return
            yield from _parts(expr.left, file)
            yield from _parts(expr.right, file)
        case Unary(op="not"):
            yield from _parts(expr.operand, file)
        case Conditional():
            value = fold(expr.test)
            if isinstance(value, bool):
                chosen = expr.then if value else expr.otherwise
                yield _finding(expr.test, value, file, _replace(expr, chosen, file))
            else:
                yield from _parts(expr.test, file)


def _operand(expr: Binary, side: Expr, other: Expr, value: bool, file: SourceFile) -> Diagnostic:
    neutral = value == (expr.op == "and")
    return _finding(side, value, file, _replace(expr, other, file) if neutral else None)


def _finding(part: Expr, value: bool, file: SourceFile, fix: Fix | None) -> Diagnostic:
    return Diagnostic(
        RULE.name,
        f"this part of the condition is always {'true' if value else 'false'}",
        Span(file, part.start, part.end),
        help="take it away, or compare with a value that can change",
        fix=fix,
    )


def _replace(whole: Expr, part: Expr, file: SourceFile) -> Fix | None:
    """Write `part` for `whole`, with its own text, in parentheses where an operator is in it."""
    text = file.text[part.start : part.end]
    if "\n" in text or "\n" in file.text[whole.start : whole.end]:
        return None
    if isinstance(part, Binary | Conditional):
        text = f"({text})"
    return Fix("take the constant part away", [Edit(Span(file, whole.start, whole.end), text)], safe=True)
