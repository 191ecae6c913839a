"""What the builder found wrong, as it goes: one reporter a file, handed to every part of the builder."""

from __future__ import annotations

from collections.abc import Iterable

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Mapping, Node, Problem, Scalar
from jobc.syntax.spelling import near


class Reporter:
    """Collects diagnostics. A node that aliases or merge keys bring in twice is built twice and reported once.

    `broken`: parts of the file were left out because of syntax errors. What seems to be missing or empty may stand in
    them, so nothing is said of that.
    """

    __slots__ = ("_seen", "broken", "diagnostics", "file")

    def __init__(self, file: SourceFile, *, broken: bool = False) -> None:
        self.file = file
        self.broken = broken
        self.diagnostics: list[Diagnostic] = []
        self._seen: set[tuple[str, int, int, str]] = set()

    def add(self, diagnostic: Diagnostic) -> None:
        span = diagnostic.span
        mark = (diagnostic.rule, span.start, span.end, diagnostic.message)
        if mark not in self._seen:
            self._seen.add(mark)
            self.diagnostics.append(diagnostic)

    def problem(self, problem: Problem) -> None:
        self.add(Diagnostic.of_problem(problem))

    def wrong(
        self,
        span: Span,
        message: str,
        help: str,
        *,
        related: tuple[Label, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        """A value that its key cannot have."""
        if self.broken and span.start >= span.end:
            return
        self.add(Diagnostic("wrong-type", message, span, help=help, related=related, fix=fix))

    def nothing(self, key: Span, message: str, help: str) -> None:
        """A key with nothing behind it."""
        if not self.broken:
            self.wrong(key, message, help)

    def missing(self, span: Span, message: str, help: str) -> None:
        if not self.broken:
            self.add(Diagnostic("missing-key", message, span, help=help))

    def duplicate(self, span: Span, message: str, help: str, first: Span) -> None:
        related = (Label(first, "first given here"),)
        self.add(Diagnostic("duplicate-key", message, span, help=help, related=related))

    def not_one_of(
        self, what: str, node: Scalar, text: str, values: Iterable[str], meant: str | None = None
    ) -> None:
        """A word that is none of those a key can have; `meant` is what it surely stands for."""
        values = tuple(values)
        close = [meant] if meant else near(text, values)
        message = f"{what} cannot be `{clip(text)}`"
        if not close:
            self.wrong(node.span, message, "it is one of " + ", ".join(f"`{value}`" for value in values))
            return
        fix = None
        if len(close) == 1:
            fix = Fix(f"write `{close[0]}`", [Edit(node.span, close[0])], safe=True)
        self.wrong(
            node.span, message, "did you mean " + " or ".join(f"`{value}`" for value in close) + "?", fix=fix
        )


def clip(text: str) -> str:
    """The text on one line, cut to what a message can hold."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39] + "…"


def is_null(node: Node) -> bool:
    """Nothing, or a null written out."""
    return type(node) is Scalar and node.value is None


def kind_of(node: Node) -> str:
    """What a node is, in the user's words."""
    if isinstance(node, Mapping):
        return "a mapping"
    if not isinstance(node, Scalar):
        return "a list"
    value = node.value
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"`{node.text}`"
    if isinstance(value, int | float):
        return f"the number {node.text}"
    if not value.strip():
        return "an empty text"
    return f"the text `{clip(value)}`"
