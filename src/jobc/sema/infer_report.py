"""Diagnostics of inference: places of expressions, suggestions and their fixes."""

from __future__ import annotations

from collections.abc import Callable

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Fix
from jobc.sema.scope import Scope
from jobc.sema.types import ANY, Type, base, show
from jobc.source.file import Span
from jobc.syntax.expr import Expr, Literal, Name, walk
from jobc.syntax.printer import print_expr

Report = Callable[[Diagnostic], None]


class Reporter:
    """Where the findings about one expression go, and the scope it is read in."""

    __slots__ = ("_report", "facts", "scope", "wide")

    def __init__(self, scope: Scope, report: Report) -> None:
        self.scope = scope
        self._report = report
        #: What the conditions around the part at hand say.
        self.facts = scope.facts
        #: The types of narrowed parts as they are without those conditions, by id(expr).
        self.wide: dict[int, Type] = {}

    def declared(self, expr: Expr, type: Type) -> Type:
        """The type of a part by its declaration alone: a comparison that conditions decide is no mistake of types."""
        return self.wide.get(id(expr), type)

    def decides(self, test: Expr) -> bool | None:
        """What a test is in the combination at hand, where it depends on nothing else."""
        reads = self.scope.matrix is not None and any(
            isinstance(part, Name) and part.name == "matrix" for part in walk(test)
        )
        if not reads:
            return None
        from jobc.sema.fold import fold

        value = fold(test, self.scope.matrix)
        return value if isinstance(value, bool) else None

    def type_of(self, expr: Expr) -> Type:
        """The type recorded for a part that was inferred already."""
        return self.scope.types.get(id(expr), ANY)

    def text(self, expr: Expr) -> str:
        """A part of the expression for a message, cut short."""
        text = print_expr(expr)
        return text if len(text) <= 60 else text[:59] + "…"

    def words(self, expr: Expr, type: Type) -> str:
        """What a part is, for a message: the kind of a constant, the type of anything else."""
        return show(base(type) if isinstance(expr, Literal) else type)

    def finding(
        self, rule: str, message: str, start: int, end: int, help: str, fix: Fix | None = None
    ) -> None:
        span = Span(self.scope.file, start, end)
        self._report(Diagnostic(rule, message, span, help=help, fix=fix))

    def replacement(self, text: str, start: int, end: int) -> Fix:
        return Fix(f"write `{text}`", [Edit(Span(self.scope.file, start, end), text)], safe=False)

    def undefined(
        self,
        message: str,
        start: int,
        end: int,
        help: str,
        near: str | None,
        *,
        rule: str = "undefined-name",
        replaces: tuple[int, int] | None = None,
    ) -> None:
        """An unknown name; `near` is what to write instead of it (or of the range `replaces`)."""
        fix = None if near is None else self.replacement(near, *(replaces or (start, end)))
        self.finding(rule, message, start, end, help, fix)

    def subtraction(self, name: str, parts: tuple[str, str], start: int, path: str = "") -> None:
        """The hyphenated `name` at `start` is unknown, but both its parts are known; `path` leads to the first of them."""
        left, right = parts
        end = start + len(name)
        fix = None
        if self.scope.file.text[start:end] == name:
            rest = name[len(left) + 1 :]
            edit = Edit(Span(self.scope.file, start + len(left), end), f" - {right}")
            fix = Fix(f"write `{left} - {right}`", [edit], safe=False) if right.endswith(rest) else None
        self.finding(
            "name-or-subtraction",
            f"`{name}` is one name, and there is none such",
            start,
            end,
            f"to subtract, write `{path}{left} - {right}` with blanks around the `-`",
            fix,
        )

    def unavailable(self, name: str, start: int, end: int) -> None:
        """A context or function that exists, but not here."""
        self.finding(
            "context-unavailable",
            f"`{name}` does not exist in {self.scope.place}",
            start,
            end,
            self.scope.unavailable[name],
        )
