"""## What it does

Reports a condition that has text beside its expression, such as `"${{ a }} && b"`.

## Why is this bad?

With text around it the value of an expression is spliced into the text. `"${{ a }} && b"` is the text
`true && b`, which is not evaluated again and is never true or false.

## Example

```yaml
condition: "${{ params.deploy }} && params.region == 'eu'"
```

Use instead one expression:

```yaml
condition: "${{ params.deploy && params.region == 'eu' }}"
```

## Fix safety

The fix moves the text into the expression, and is offered only where the result is an expression. It is
safe: the condition had no meaning before.
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR, Diagnostic, Edit, Fix
from jobc.sema.model import SemanticModel
from jobc.source.file import SourceFile
from jobc.syntax.ast import TemplateValue
from jobc.syntax.expr import Call, Expr, Index, Literal, Member, Method, Name

RULE = Rule(
    "JC109",
    "text-around-condition",
    ERROR,
    "a condition with text beside its expression is always a text",
    fixable="safe",
)


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for site in workflow.sites:
            value = site.value
            if site.is_condition and isinstance(value, TemplateValue) and not value.whole:
                yield Diagnostic(
                    RULE.name,
                    "text around an expression makes this condition a text, never true or false",
                    value.span,
                    help="write the whole condition as one expression, inside the delimiters",
                    fix=_fix(value),
                )


def _fix(value: TemplateValue) -> Fix | None:
    node = value.node
    file, text = node.file, node.file.text
    if node.style in ("literal", "folded") or node.anchor is not None or not value.holes:
        return None
    quote = 1 if node.style in ("single", "double") else 0
    start, end = node.start + quote, node.end - quote
    parts: list[str] = []
    place = start
    for hole in value.holes:
        if hole.expr is None:
            return None
        span = hole.hole.span
        parts.append(text[place : span.start])
        source = text[span.start + 3 : span.end - len(_close(hole.hole.delimiter))].strip()
        parts.append(source if isinstance(hole.expr, _ATOMS) else f"({source})")
        place = span.end
    parts.append(text[place:end])
    joined = "".join(parts).strip()
    opened = "${{" if value.holes[0].hole.delimiter.startswith("${") else "$<<"
    new = f"{opened} {joined} {_close(opened)}"
    if not _parses(text[node.start : start] + new + text[end : node.end]):
        return None
    return Fix("move the text into the expression", [Edit(file.span(start, end), new)], safe=True)


_ATOMS: tuple[type[Expr], ...] = (Name, Member, Index, Call, Method, Literal)


def _close(delimiter: str) -> str:
    return "}}" if delimiter.startswith("${") else ">>"


def _parses(raw: str) -> bool:
    """Whether a scalar as it would stand in the file is one whole expression."""
    from jobc.source.compose import compose
    from jobc.source.nodes import Mapping, Scalar
    from jobc.source.templates import Hole, split
    from jobc.syntax.expressions import parse_hole

    file = SourceFile("", f"condition: {raw}\n")
    composed = compose(file)
    root = composed.documents[0] if composed.documents and not composed.problems else None
    scalar = root.get("condition") if isinstance(root, Mapping) else None
    template = split(scalar) if isinstance(scalar, Scalar) else None
    if template is None or not template.whole or template.problems:
        return False
    hole = next(part for part in template.parts if isinstance(part, Hole))
    expr, problems = parse_hole(hole, file)
    return expr is not None and not problems
