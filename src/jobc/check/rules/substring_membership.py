"""## What it does

Reports `contains` of, or `in`, a constant text of several words, where one of the words is meant.

## Why is this bad?

`contains` of a text finds any part of it: in `'main develop'` that is `main`, and also `dev`, `a` and the empty text. Who
can name a branch, a region or a target can name a part of the list too.

## Example

```yaml
params: {branch: str}
jobs:
  release:
    condition: contains('main develop', params.branch)
    stages: [{bash: ./release}]
```

Use instead a list:

```yaml
params: {branch: str}
jobs:
  release:
    condition: contains(['main', 'develop'], params.branch)
    stages: [{bash: ./release}]
```

## Fix safety

The fix writes the list. It is unsafe, as a part of the text may have been meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Edit, Fix
from jobc.sema.model import SemanticModel
from jobc.sema.types import LiteralType, Type, members
from jobc.source.file import Span
from jobc.syntax.expr import Binary, Call, Expr, Literal, walk

RULE = Rule(
    "JC113", "substring-membership", WARNING, "a part of a text where a member is meant", fixable="unsafe"
)

_WORDS = re.compile(r"[\w./:@-]+(?:(?: *[,;|] *| +)[\w./:@-]+)+")
#: A quote as it stands in the file: doubled or escaped where the YAML is quoted itself.
_QUOTE = re.compile(r"''|'|\\\\?\"|\"")
_ASKS = re.compile(r"\b(?:in|contains)\b")
_BETWEEN = re.compile(r" *[,;|] *| +")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if not any(_ASKS.search(file.text) for file in model.files):
        return
    for workflow in model.all_workflows:
        for site in workflow.sites:
            for hole in site.holes:
                for part in walk(hole.expr) if hole.expr is not None else ():
                    found = _membership(part)
                    if found is None:
                        continue
                    text, item = found
                    words = _BETWEEN.split(str(text.value))
                    if not _may_be_a_part(workflow.type_of(item), words):
                        continue
                    span = Span(hole.span.file, text.start, text.end)
                    quote = _QUOTE.match(span.file.text[text.start : text.end])
                    listed = "[" + ", ".join(f"'{word}'" for word in words) + "]"
                    written = listed.replace("'", quote[0]) if quote else listed
                    yield Diagnostic(
                        RULE.name,
                        f"this is one text, and any part of it counts, such as `'{words[0][:1]}'`",
                        span,
                        help=f"write `{listed}` if one of the words is meant",
                        fix=Fix(f"write `{listed}`", [Edit(span, written)], safe=False),
                    )


def _membership(expr: Expr) -> tuple[Literal, Expr] | None:
    """The constant text of several words and what is looked for in it."""
    if isinstance(expr, Call) and expr.function == "contains" and len(expr.args) == 2:
        text, item = expr.args
    elif isinstance(expr, Binary) and expr.op in ("in", "not-in"):
        text, item = expr.right, expr.left
    else:
        return None
    if isinstance(text, Literal) and isinstance(text.value, str) and not isinstance(item, Literal):
        return (text, item) if _WORDS.fullmatch(text.value) else None
    return None


def _may_be_a_part(type: Type, words: list[str]) -> bool:
    """Whether the value may be a text that is none of the words; one of an enumeration of them never is."""
    known = [member.value for member in members(type) if isinstance(member, LiteralType)]
    return len(known) < len(list(members(type))) or not set(known) <= set(words)
