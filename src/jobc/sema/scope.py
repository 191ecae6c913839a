"""What an expression sees at one position: contexts with their types, and why others are not there."""

from __future__ import annotations

from collections.abc import Mapping

from jobc.sema.narrow import NOTHING, Facts
from jobc.sema.types import Type
from jobc.source.file import SourceFile
from jobc.syntax.expr import Expr


class Scope:
    """The names at one position.

    `contexts` maps a context's name to its type. `unavailable` maps the name of a context (or of a function)
    that exists elsewhere to the reason why it does not here, a clause such as "it exists only in stages".
    `place` names the position in messages ("the condition of a job"). `file` is where the expression is written.
    `types` receives the inferred types by `id(expr)`; pass the workflow model's own table to keep them.
    `facts` are what conditions around the position say (`sema.narrow`). `matrix` are the values of one
    combination, where an expression is looked at for that one alone (`sema.combinations`).
    """

    __slots__ = ("contexts", "facts", "file", "matrix", "place", "types", "unavailable")

    def __init__(
        self,
        contexts: Mapping[str, Type],
        unavailable: Mapping[str, str] | None = None,
        *,
        file: SourceFile,
        place: str = "this place",
        types: dict[int, Type] | None = None,
        facts: Facts = NOTHING,
        matrix: Mapping[str, object] | None = None,
    ) -> None:
        self.contexts = contexts
        self.unavailable = unavailable or {}
        self.file = file
        self.place = place
        self.facts = facts
        self.matrix = matrix
        self.types: dict[int, Type] = {} if types is None else types

    def record(self, expr: Expr, type: Type) -> Type:
        """Keep the type of an expression; returns it."""
        self.types[id(expr)] = type
        return type
