"""YAML nodes with exact places: what `compose` makes and the AST is built from.

A node that an alias or a merge key brings in is the *same object* as the anchored one, so its span
is where it is written. Scalars hold both the decoded text and the YAML 1.2 core value.
"""

from __future__ import annotations

from typing import TypeAlias

from jobc.source.file import SourceFile, Span

ScalarValue: TypeAlias = "None | bool | int | float | str"


class Scalar:
    """`text` is the decoded content; `value` its YAML 1.2 core value (`text` itself where quoted or a block).

    `style` is one of `plain single double literal folded`. `start:end` covers the whole token,
    quotes and block header included.
    """

    __slots__ = ("anchor", "end", "file", "start", "style", "tag", "text", "value")

    def __init__(
        self,
        file: SourceFile,
        start: int,
        end: int,
        text: str,
        value: ScalarValue,
        style: str,
        tag: str | None = None,
        anchor: str | None = None,
    ) -> None:
        self.file = file
        self.start = start
        self.end = end
        self.text = text
        self.value = value
        self.style = style
        self.tag = tag
        self.anchor = anchor

    @property
    def span(self) -> Span:
        return Span(self.file, self.start, self.end)

    def __repr__(self) -> str:
        return f"Scalar({self.text!r})"


class Sequence:
    """`start:end` runs from the first to the end of the last item (brackets included in flow style)."""

    __slots__ = ("anchor", "end", "file", "flow", "items", "start", "tag")

    def __init__(self, file: SourceFile, start: int, flow: bool, tag: str | None, anchor: str | None) -> None:
        self.file = file
        self.start = start
        self.end = start
        self.flow = flow
        self.tag = tag
        self.anchor = anchor
        self.items: list[Node] = []

    @property
    def span(self) -> Span:
        return Span(self.file, self.start, self.end)

    def __repr__(self) -> str:
        return f"Sequence({self.items!r})"


class Entry:
    """One key and value of a mapping; `merged` where a merge key (`<<`) brought it in."""

    __slots__ = ("key", "merged", "value")

    def __init__(self, key: Scalar, value: Node, merged: bool = False) -> None:
        self.key = key
        self.value = value
        self.merged = merged


class Mapping:
    """Entries in file order, merged ones last; no two explicit entries have the same key text.

    A second entry with the same key is a problem of the file (JC002) and is left out here.
    """

    __slots__ = ("anchor", "end", "entries", "file", "flow", "start", "tag")

    def __init__(self, file: SourceFile, start: int, flow: bool, tag: str | None, anchor: str | None) -> None:
        self.file = file
        self.start = start
        self.end = start
        self.flow = flow
        self.tag = tag
        self.anchor = anchor
        self.entries: list[Entry] = []

    @property
    def span(self) -> Span:
        return Span(self.file, self.start, self.end)

    def get(self, key: str) -> Node | None:
        """The value of the entry whose key has this text, or None."""
        for entry in self.entries:
            if entry.key.text == key:
                return entry.value
        return None

    def __repr__(self) -> str:
        return f"Mapping({[(e.key.text, e.value) for e in self.entries]!r})"


Node: TypeAlias = "Scalar | Sequence | Mapping"


class Problem:
    """Something wrong with the source itself, found before there is an AST.

    `rule` names the rule that reports it: `yaml-syntax`, `duplicate-key` or `alias-expansion`;
    for templates, `expression-syntax`. `related` are (span, words) pairs.
    """

    __slots__ = ("help", "message", "related", "rule", "span")

    def __init__(
        self,
        rule: str,
        message: str,
        span: Span,
        help: str,
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        self.rule = rule
        self.message = message
        self.span = span
        self.help = help
        self.related = related

    def __repr__(self) -> str:
        return f"Problem({self.rule}, {self.message!r}, {self.span!r})"


class Composed:
    """What `compose` returns: one node (or None for an empty document) per YAML document, and the problems.

    `holes` are the parts of the file that were left out because of syntax errors: what is missing
    from a mapping around one may well stand in it.
    """

    __slots__ = ("documents", "file", "holes", "problems")

    def __init__(self, file: SourceFile, documents: list[Node | None], problems: list[Problem]) -> None:
        self.file = file
        self.documents = documents
        self.problems = problems
        self.holes: list[Span] = []
