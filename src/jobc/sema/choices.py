"""What is free in a run, as finite choices: how jobs end, parameters, and parts of expressions that only a run knows.

A choice with `n` values is `n - 1` variables of the decision diagram, asked one after the other: is it the first value,
else is it the second, …; so every assignment means exactly one value. Choices are kept by a key: two expressions
that must have the same value, such as the same output read in two jobs, are one choice.

An expression that nothing is known of is narrowed by what it is compared with: of `needs.plan.outputs.mode`, compared with
`'full'` in one condition and with `'none'` in another, the values are these two and `OTHER`. `Choices` collects
these constants from all conditions before anything is evaluated, as a choice's values cannot grow later.

Parameters stand above everything else in the diagram, since conditions of many jobs read them; other choices are met
in topological order, so later ones stand above (see `sema.diagram`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from jobc.interpreter.values import equal
from jobc.sema.diagram import FALSE, TRUE, Diagram
from jobc.sema.fold import NOT_CONSTANT, fold
from jobc.sema.model import WorkflowModel
from jobc.syntax.ast import CaseStage, ExprHole, ParamDecl, TemplateValue, Value
from jobc.syntax.expr import Binary, Conditional, Expr, Index, ListExpr, Literal, Member, Name, Unary
from jobc.syntax.printer import print_expr

_TOP = 1 << 40

#: The steps of one analysis, and those that a single job may take before its status is taken as free.
LIMIT = 600_000

#: Integers between `min` and `max` are enumerated where there are no more of them.
SPAN = 16


class Other:
    """The value of a choice that is none of those it is compared with."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "OTHER"


OTHER: Final = Other()

OUTCOME = "outcome"
PARAM = "param"
VALUE = "value"
FACT = "fact"


class Choice:
    """`kind` is OUTCOME (`subject` is a job's id), PARAM (its name), VALUE (an expression's text) or FACT (words).

    `guards[i]` is the function that holds where the value is `values[i]`; `usual` is the index of the value that a
    witness need not mention.
    """

    __slots__ = ("guards", "kind", "levels", "subject", "usual", "values")

    def __init__(self, kind: str, subject: str, values: Sequence[Any], usual: int | None) -> None:
        self.kind = kind
        self.subject = subject
        self.values = list(values)
        self.usual = usual
        self.levels: list[int] = []
        self.guards: list[int] = []

    def guard(self, value: Any) -> int:
        """Where it has this value; nowhere if it never has."""
        for index, own in enumerate(self.values):
            if (own is value) if OTHER in (own, value) else same(own, value):
                return self.guards[index]
        return FALSE


class Choices:
    """All choices of one or more workflows that are compared, on one diagram. `fixed` holds parameters that are given."""

    __slots__ = (
        "_constants",
        "_domains",
        "_next",
        "_owner",
        "_params",
        "by_key",
        "decided",
        "diagram",
        "fixed",
    )

    def __init__(self, workflows: Iterable[WorkflowModel], fixed: dict[str, Any] | None = None) -> None:
        self.diagram = Diagram(LIMIT)
        self.fixed = fixed or {}
        #: Conditions that read parameters alone, by text: (where true, where false).
        self.decided: dict[str, tuple[int, int]] = {}
        self.by_key: dict[tuple[str, ...], Choice] = {}
        self._owner: dict[int, tuple[Choice, int]] = {}
        self._next = 0
        self._params = _TOP
        self._constants: dict[str, list[Any]] = {}
        self._domains: dict[str, list[Any] | None] = {}
        for workflow in workflows:
            self._collect_workflow(workflow)

    # Making

    def choice(
        self, kind: str, subject: str, values: Sequence[Any], usual: int | None = None, key: str = ""
    ) -> Choice:
        """The choice of this kind and key (default: its subject), made when first asked for."""
        name = (kind, key or subject)
        found = self.by_key.get(name)
        if found is None:
            found = self.by_key[name] = Choice(kind, subject, values, usual)
            self._enter(found)
        return found

    def fact(self, words: str) -> int:
        """Where something holds that usually does not; `words` say what, and name it."""
        return self.choice(FACT, words, [True, False], 1).guards[0]

    def param(self, decl: ParamDecl) -> Choice | None:
        """The choice of a parameter with finitely many values; None where there are too many."""
        found = self.by_key.get((PARAM, decl.name))
        if found is not None:
            return found
        values = self._domains.get(decl.name)
        if values is None:
            return None
        usual = next((i for i, value in enumerate(values) if same(value, decl.default)), None)
        return self.choice(PARAM, decl.name, values, usual)

    def _enter(self, choice: Choice) -> None:
        rest = TRUE
        for index in range(len(choice.values) - 1):
            level = self._level(choice.kind)
            choice.levels.append(level)
            self._owner[level] = (choice, index)
            literal = self.diagram.literal(level)
            choice.guards.append(self.diagram.both(rest, literal))
            rest = self.diagram.both(rest, literal ^ 1)
        choice.guards.append(rest)

    def _level(self, kind: str) -> int:
        if kind == PARAM:
            self._params += 1
            return self._params
        self._next += 1
        return self._next

    # Constants that expressions are compared with

    def constants(self, text: str) -> list[Any]:
        """What the expression with this text is compared with, each value once."""
        return self._constants.get(text, [])

    def _collect_workflow(self, workflow: WorkflowModel) -> None:
        for decl in workflow.workflow.params or ():
            values = param_values(decl)
            known = self._domains.setdefault(decl.name, values)
            if values is None or known is None:
                self._domains[decl.name] = None
            elif known is not values:
                # Two versions of a workflow: what either of them takes.
                self._domains[decl.name] = known + [
                    v for v in values if not any(same(v, old) for old in known)
                ]
        for site in workflow.sites:
            if site.is_condition:
                for expr in _expressions(site.value):
                    self._collect(expr, [True, False])
        for site in workflow.sites:
            stage = site.stage
            if isinstance(stage, CaseStage) and site.value is stage.value:
                cases = [constant_of(arm.case) for arm in stage.arms if arm.case is not None]
                for expr in _expressions(site.value):
                    self._collect(expr, [case for case in cases if case is not NOT_CONSTANT])

    def _collect(self, expr: Expr, wanted: list[Any]) -> None:
        match expr:
            case Binary(op="and" | "or"):
                self._collect(expr.left, [True, False])
                self._collect(expr.right, [True, False])
            case Unary(op="not"):
                self._collect(expr.operand, [True, False])
            case Conditional():
                self._collect(expr.test, [True, False])
                self._collect(expr.then, wanted)
                self._collect(expr.otherwise, wanted)
            case Binary(op="??"):
                self._collect(expr.left, [*wanted, None])
                self._collect(expr.right, wanted)
            case Binary(op="==" | "!="):
                for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
                    value = fold(other)
                    self._collect(side, [] if value is NOT_CONSTANT else [value])
            case Binary(op="in" | "not-in") if isinstance(expr.right, ListExpr):
                items = fold(expr.right)
                if isinstance(items, list):
                    self._collect(expr.left, items)
            case _:
                known = self._constants.setdefault(text_of(expr), [])
                known.extend(value for value in wanted if not any(same(value, old) for old in known))
                for part in expr.children():
                    self._collect(part, [])

    # Reading assignments

    def cost(self, level: int, value: bool) -> int:
        """What it costs a witness to say that the variable of a level has this value."""
        choice, index = self._owner[level]
        if choice.usual is None:
            return 2
        if value:
            return 0 if index == choice.usual else 3
        last = index == len(choice.values) - 2
        if choice.usual == index:
            return 3 if last else 1
        return 0

    def read(self, assignment: dict[int, bool]) -> Iterator[tuple[Choice, list[Any]]]:
        """The choices that an assignment says something of, with the values that it leaves them, in order of levels."""
        seen: dict[int, Choice] = {}
        for level in sorted(assignment):
            choice = self._owner[level][0]
            seen.setdefault(id(choice), choice)
        for choice in seen.values():
            possible = []
            for index, value in enumerate(choice.values):
                bits = {level: place == index for place, level in enumerate(choice.levels[: index + 1])}
                if all(assignment.get(level, bit) == bit for level, bit in bits.items()):
                    possible.append(value)
            yield choice, possible


def same(a: object, b: object) -> bool:
    """`a == b` of the language, for any values."""
    return equal(a, b)


def param_values(decl: ParamDecl) -> list[Any] | None:
    """The values that a parameter can have, its default first; null where nothing is given. None: not finite."""
    values: list[Any]
    if decl.type == "bool":
        values = [True, False]
        if decl.enum is not None:
            values = [value for value in values if value in decl.enum]
    elif decl.enum is not None and decl.type in ("str", "choice", "int"):
        values = list(decl.enum)
    elif decl.type == "int" and isinstance(decl.min, int) and isinstance(decl.max, int):
        if decl.max - decl.min >= SPAN:
            return None
        values = list(range(decl.min, decl.max + 1))
    else:
        return None
    if not (decl.required or (decl.has_default and decl.default is not None)):
        values.append(None)
    unique: list[Any] = []
    for value in values:
        if not any(same(value, old) for old in unique):
            unique.append(value)
    return unique


def path_of(expr: Expr) -> tuple[str, ...] | None:
    """`needs.x['outputs'].y` as its names; None for anything else."""
    names: list[str] = []
    while True:
        match expr:
            case Member():
                names.append(expr.name)
                expr = expr.object
            case Index(index=Literal(value=str(name))):
                names.append(name)
                expr = expr.object
            case Name():
                names.append(expr.name)
                return tuple(reversed(names))
            case _:
                return None


def text_of(expr: Expr) -> str:
    """The expression's text, the same for `needs.x.result` and `needs['x'].result`."""
    path = path_of(expr)
    if path is not None and all(name.replace("-", "_").isidentifier() for name in path):
        return ".".join(path)
    return print_expr(expr)


def constant_of(value: Value) -> Any:
    """The value of a constant, of text without expressions or of one whole constant expression."""
    from jobc.syntax.ast import Const, ListValue, MapValue

    if isinstance(value, Const):
        return value.value
    if isinstance(value, TemplateValue):
        holes = value.holes
        if value.whole and holes and holes[0].expr is not None:
            return fold(holes[0].expr)
        return NOT_CONSTANT
    if isinstance(value, ListValue):
        items = [constant_of(item) for item in value.items]
        return NOT_CONSTANT if any(item is NOT_CONSTANT for item in items) else items
    assert isinstance(value, MapValue)
    entries = {entry.key: constant_of(entry.value) for entry in value.entries}
    return NOT_CONSTANT if any(item is NOT_CONSTANT for item in entries.values()) else entries


def _expressions(value: Value) -> Iterator[Expr]:
    if isinstance(value, TemplateValue):
        for part in value.parts:
            if isinstance(part, ExprHole) and part.expr is not None:
                yield part.expr
