"""One expression of the original, as an expression of jobc.

The original takes `path | filter | filter(constant)` between `${{` and `}}`; all of it is valid in our grammar but the
`?` of a path whose parts may be missing. So it is parsed with that grammar, the paths and filters in its tree are
rewritten, and what no rule covers raises Untranslatable.
"""

from __future__ import annotations

import re

from jobc.cli.importing.filters import translate_filter
from jobc.cli.importing.place import Place
from jobc.cli.importing.references import job_reference, stage_reference
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.syntax.expr import Binary, Conditional, Expr, Filter, Index, ListExpr, Literal, Member, Name, Unary
from jobc.syntax.expression_errors import ExpressionSyntaxError
from jobc.syntax.expressions import parse_text

_OPTIONAL = re.compile(r"(?<=[\w-])\?(?=\.|\s*(?:\||$))")
#: A part of a path that begins with a digit, as generated ids and items of a loop do.
_NUMBER = re.compile(r"\.(\d[\w-]*)(?=[.\s]|\Z)")
_KEPT = ("matrix", "item")


class Translation:
    """`expr` is the new expression, `notes` what to say about it, `type` its declared type where it is known."""

    __slots__ = ("expr", "notes", "type")

    def __init__(self, expr: Expr, notes: list[str], type: str | None) -> None:
        self.expr = expr
        self.notes = list(dict.fromkeys(note for note in notes if note))
        self.type = type


def translate(source: str, place: Place, *, code: bool = False) -> Translation:
    """The translation of the text between the delimiters; `code` tells that it stands in program text.

    Raises Untranslatable.
    """
    path, bar, filters = source.partition("|")
    plain = _OPTIONAL.sub("", path)
    try:
        tree = parse_text(_NUMBER.sub(r"['\1']", plain) + bar + filters)
    except ExpressionSyntaxError as error:
        raise Untranslatable(f"it is no expression: {error}", "write it as an expression of jobc") from None
    notes = ["a property of null is null, so no `?` is needed"] if plain != path else []
    expr, type = _Translator(place, code, notes).visit(tree)
    return Translation(expr, notes, type)


def translate_tree(tree: Expr, place: Place) -> Translation:
    """The translation of an expression that is parsed already."""
    notes: list[str] = []
    expr, type = _Translator(place, True, notes).visit(tree)
    return Translation(expr, notes, type)


class _Translator:
    def __init__(self, place: Place, code: bool, notes: list[str]) -> None:
        self.place = place
        self.code = code
        self.notes = notes

    def visit(self, expr: Expr) -> tuple[Expr, str | None]:
        match expr:
            case Name() | Member() | Index():
                return self._path(expr)
            case Filter():
                value, type = self.visit(expr.value)
                args = [*expr.args, *(value for _, value in expr.keywords)]
                made, note = translate_filter(value, expr.name, args, type, self.code)
                self.notes += [note, "a filter takes its arguments by position" if expr.keywords else ""]
                return made, _TYPE_AFTER.get(expr.name, "str" if expr.name in _TEXTS else None)
            case Unary():
                return Unary(expr.op, self.visit(expr.operand)[0]), None
            case Binary():
                return Binary(expr.op, self.visit(expr.left)[0], self.visit(expr.right)[0]), None
            case Conditional():
                test, then, other = (self.visit(part)[0] for part in (expr.test, expr.then, expr.otherwise))
                return Conditional(test, then, other), None
            case ListExpr():
                return ListExpr([self.visit(item)[0] for item in expr.items]), "list"
            case Literal():
                return expr, _TYPES.get(expr.value.__class__)
            case _:
                return expr, None

    def _path(self, expr: Expr) -> tuple[Expr, str | None]:
        names, owner = _names(expr)
        if owner is None:
            if isinstance(expr, Index):
                return Index(self.visit(expr.object)[0], self.visit(expr.index)[0]), None
            if isinstance(expr, Member):
                return Member(self.visit(expr.object)[0], expr.name), None
            return expr, None
        root, path = names[0], names[1:]
        place = self.place
        if root == "params":
            return expr, place.workflow.params.get(path[0]) if len(path) == 1 else None
        if root in _KEPT:
            return expr, None
        if root == "stages":
            if place.job is None:
                raise Untranslatable("stages can be read only inside of a job", "move the value into a job")
            return self._told(stage_reference(path, place.job.stages, place.workflow))
        if root == "jobs":
            return self._told(job_reference(path, place))
        if root in place.names and not path:
            value, type = place.names[root]
            self.notes.append(f"there is no name `{root}`: what it stands for here is written out")
            return value, type
        if root == "retry" and not path:
            self.notes.append("`run.attempt` counts from 1, `retry` counted from 0")
            return Binary("-", Member(Name("run"), "attempt"), Literal(1)), "int"
        if root == "loop" and place.loop:
            raise Untranslatable(
                f"the number of the round is not known inside of a `{place.loop}` stage",
                "loop over the numbers (`foreach: ${{ range(3) }}`), or count in the item",
            )
        raise Untranslatable(
            f"there is no context `{root}`",
            "read a parameter (`params.…`), an output (`stages.…`, `needs.…`) or a matrix value (`matrix.…`)",
        )

    def _told(self, found: tuple[Expr, list[str], str | None]) -> tuple[Expr, str | None]:
        value, notes, type = found
        self.notes += notes
        return value, type


_TEXTS = ("fmt", "upper", "lower", "str", "rstr")
_TYPE_AFTER = {"keys": "list", "values": "list", "list": "list", "int": "int"}
_TYPES: dict[type, str] = {str: "str", int: "int", float: "float", bool: "bool"}


def _names(expr: Expr) -> tuple[list[str], Name | None]:
    """The names of a path in order, and the name that it begins with; None where it is none."""
    names: list[str] = []
    while True:
        if isinstance(expr, Member):
            names.append(expr.name)
            expr = expr.object
        elif isinstance(expr, Index) and isinstance(expr.index, Literal):
            names.append(str(expr.index.value))
            expr = expr.object
        elif isinstance(expr, Name):
            names.append(expr.name)
            return names[::-1], expr
        else:
            return names, None
