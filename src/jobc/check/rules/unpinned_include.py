"""## What it does

Reports `include`, `uses`, `extends` and `trigger` of a file by an absolute path.

## Why is this bad?

It is worth knowing that such a file does not belong to what is versioned with this one: it changes by itself, and
on another machine it is another file or none.

## Example

```yaml
jobs:
  build:
    uses: /srv/shared/build.yml#build
```

Use instead a copy beside this file:

```yaml
jobs:
  build:
    uses: shared/build.yml#build
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.source.nodes import Mapping, Node, Scalar, Sequence

RULE = Rule("JC505", "unpinned-include", INFO, "reuse of a file by an absolute path")

_KEYS = frozenset(("include", "uses", "extends", "trigger", "path"))
_ABSOLUTE = re.compile(r"(?:[/~\\]|[A-Za-z]:[/\\]|[a-z]+://).*\.ya?ml(?:#.*)?")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    """The references themselves are resolved and gone by now, so they are looked for where they are written."""
    text = model.document.file.text
    # With a backslash, a key or a path may be spelled otherwise than it reads.
    if "\\" not in text and (".y" not in text or not any(key in text for key in _KEYS)):
        return
    todo: list[Node] = [root for root in model.document.root if root is not None]
    seen: set[int] = set()
    while todo:
        node = todo.pop()
        if type(node) is Scalar or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Sequence):
            todo.extend(node.items)
        elif isinstance(node, Mapping):
            for entry in node.entries:
                todo.append(entry.value)
                if entry.key.text in _KEYS:
                    values = entry.value.items if isinstance(entry.value, Sequence) else [entry.value]
                    for value in values:
                        if isinstance(value, Scalar) and _ABSOLUTE.fullmatch(value.text):
                            yield Diagnostic(
                                RULE.name,
                                f"`{value.text}` is not versioned with this file",
                                value.span,
                                help="copy it beside this file, and name it by a relative path",
                            )
