"""Expressions evaluated for all runs at once: to every value an expression can have, the function of when it has it.

A `Cases` is a list of (value, guard), pairwise exclusive, and one more guard under which the value is not known; where
none of them holds, evaluation fails at run time. `&&`, `||`, `!`, `?:` and `??` combine guards as the evaluator
takes its ways, so what it would not evaluate counts for nothing. Any other operation on known values is done by the
interpreter itself, once for each combination of cases (`sema.fold`), up to `PRODUCT` of them.

What is left is opaque: a choice of its own (`sema.choices`), named by its text, so that the same text is the same
value wherever it must be. Text that reads the time, files or what belongs to one place is named together with that
place. An opaque value may be anything that it is compared with, or something else; a proof of "never" stays a proof.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import product
from typing import Any

from jobc.sema.choices import OTHER, VALUE, Choice, Choices, path_of, same, text_of
from jobc.sema.diagram import FALSE, TRUE
from jobc.sema.fold import FAILS, NOT_CONSTANT, fold, operated, outcome
from jobc.sema.signatures import METHODS, function
from jobc.syntax.ast import ParamDecl
from jobc.syntax.expr import (
    Binary,
    Call,
    Conditional,
    Expr,
    Filter,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Member,
    Method,
    Name,
    Unary,
    walk,
)

#: As many combinations of known operands are computed.
PRODUCT = 64

STATUS_CALLS = ("always", "success", "failure", "cancelled")
_NEVER_FAILS = ("==", "!=")


class Statuses:
    """When a need ended how, and when it ran at all: a need that did not has no outputs.

    `lists`: each of its outputs is a list, for it has a matrix and declares them; an empty one where it did not run.
    """

    __slots__ = ("by_result", "lists", "runs")

    def __init__(self, by_result: Mapping[str, int], runs: int, lists: bool) -> None:
        self.by_result = by_result
        self.runs = runs
        self.lists = lists


class Place:
    """Where an expression stands: `needs` by id, `calls` what the status functions give, `known` whole contexts.

    `job` and `site` name the place in keys of what differs from job to job and from expression to expression;
    `local` are the contexts that differ between jobs here, `inner` those that differ between sites.
    """

    __slots__ = ("calls", "inner", "job", "known", "local", "needs", "params", "site")

    def __init__(
        self,
        job: str,
        site: str,
        needs: Mapping[str, Statuses],
        calls: Mapping[str, int],
        params: Mapping[str, ParamDecl],
        *,
        known: Mapping[str, Any] | None = None,
        local: tuple[str, ...] = ("job",),
        inner: tuple[str, ...] = (),
    ) -> None:
        self.job = job
        self.site = site
        self.needs = needs
        self.calls = calls
        self.params = params
        self.known = known or {}
        self.local = local
        self.inner = inner


class Cases:
    """`known` are (value, guard); under `unknown` the value is open, but none of `excluded`."""

    __slots__ = ("excluded", "known", "unknown")

    def __init__(
        self, known: list[tuple[Any, int]], unknown: int = FALSE, excluded: tuple[Any, ...] = ()
    ) -> None:
        self.known = known
        self.unknown = unknown
        self.excluded = excluded


class Evaluator:
    """Evaluates the expressions of one place; opaque parts that differ from site to site are told by where they stand in it."""

    __slots__ = ("_choices", "_origin", "_place")

    def __init__(self, choices: Choices, place: Place, origin: int = 0) -> None:
        self._choices = choices
        self._place = place
        self._origin = origin

    def decide(self, expr: Expr) -> tuple[int, int]:
        """As `condition`; one that reads parameters alone is evaluated once for all places."""
        if "params" in self._place.inner or not all(_everywhere(part) for part in walk(expr)):
            return self.condition(expr)
        text = text_of(expr)
        found = self._choices.decided.get(text)
        if found is None:
            found = self._choices.decided[text] = self.condition(expr)
        return found

    def condition(self, expr: Expr) -> tuple[int, int]:
        """(where it is true, where it is false); elsewhere it fails."""
        return self._truth(expr, self.cases(expr))

    def _truth(self, expr: Expr, cases: Cases) -> tuple[int, int]:
        either = self._choices.diagram.either
        true = false = FALSE
        for value, guard in cases.known:
            if value is True:
                true = either(true, guard)
            elif value is False:
                false = either(false, guard)
        if cases.unknown != FALSE and not {True, False} <= {v for v in cases.excluded if isinstance(v, bool)}:
            open_ = self._opaque(expr, boolean=True)
            both = self._choices.diagram.both
            for value, guard in open_.known:
                if value is True:
                    true = either(true, both(cases.unknown, guard))
                elif value is False:
                    false = either(false, both(cases.unknown, guard))
        return true, false

    def cases(self, expr: Expr) -> Cases:
        match expr:
            case Literal():
                return Cases([(expr.value, TRUE)])
            case Binary(op="and" | "or"):
                return self._logical(expr)
            case Unary(op="not"):
                true, false = self.condition(expr.operand)
                return _boolean(false, true)
            case Conditional():
                true, false = self.condition(expr.test)
                return self._merge([(self.cases(expr.then), true), (self.cases(expr.otherwise), false)])
            case Binary(op="??"):
                return self._fallback(expr)
            case Call(function=name) if name in STATUS_CALLS and name in self._place.calls:
                guard = self._place.calls[name]
                return _boolean(guard, guard ^ 1)
            case Name() | Member() | Index():
                path = path_of(expr)
                if path is not None:
                    return self._path(expr, path)
        return self._operation(expr)

    def _logical(self, expr: Binary) -> Cases:
        diagram = self._choices.diagram
        true, false = self.condition(expr.left)
        if expr.op == "and" and true == FALSE:
            return _boolean(FALSE, false)
        if expr.op == "or" and false == FALSE:
            return _boolean(true, FALSE)
        right_true, right_false = self.condition(expr.right)
        if expr.op == "and":
            return _boolean(
                diagram.both(true, right_true), diagram.either(false, diagram.both(true, right_false))
            )
        return _boolean(
            diagram.either(true, diagram.both(false, right_true)), diagram.both(false, right_false)
        )

    def _fallback(self, expr: Binary) -> Cases:
        left = self.cases(expr.left)
        null = self._choices.diagram.any([guard for value, guard in left.known if value is None])
        kept = Cases(
            [(v, guard) for v, guard in left.known if v is not None], left.unknown, (*left.excluded, None)
        )
        if left.unknown != FALSE and None not in left.excluded:
            # Whether it is null is not known: the whole is opaque there.
            kept.unknown = FALSE
            rest = self._whole(expr)
            return self._merge([(kept, TRUE), (self.cases(expr.right), null), (rest, left.unknown)])
        return self._merge([(kept, TRUE), (self.cases(expr.right), null)])

    def _merge(self, parts: list[tuple[Cases, int]]) -> Cases:
        diagram = self._choices.diagram
        known: list[tuple[Any, int]] = []
        unknown = FALSE
        excluded: list[Any] | None = None
        for cases, guard in parts:
            for value, own in cases.known:
                found = diagram.both(own, guard)
                if found != FALSE:
                    _add(known, value, found, diagram.either)
            open_ = diagram.both(cases.unknown, guard)
            if open_ != FALSE:
                unknown = diagram.either(unknown, open_)
                here = list(cases.excluded)
                excluded = (
                    here
                    if excluded is None
                    else [v for v in excluded if any(v is w or same(v, w) for w in here)]
                )
        return Cases(known, unknown, tuple(excluded or ()))

    # Contexts

    def _path(self, expr: Expr, path: tuple[str, ...]) -> Cases:
        place = self._place
        head = path[0]
        if head == "needs" and len(path) >= 3 and path[1] in place.needs:
            need = place.needs[path[1]]
            if path[2:] == ("result",):
                return Cases([(name, guard) for name, guard in need.by_result.items() if guard != FALSE])
            if path[2] == "outputs" and len(path) == 4 and need.lists:
                scalars = [v for v in self._choices.constants(text_of(expr)) if not isinstance(v, list)]
                return Cases([([], need.runs ^ 1)], need.runs, (True, False, None, *scalars))
            if path[2] == "outputs" and len(path) > 3:
                return self._merge([(Cases([(None, TRUE)]), need.runs ^ 1), (self._whole(expr), need.runs)])
        if head == "params" and len(path) >= 2 and head not in place.inner:
            if path[1] in self._choices.fixed:
                return _walked(self._choices.fixed[path[1]], path[2:])
            if len(path) == 2 and path[1] in place.params:
                choice = self._choices.param(place.params[path[1]])
                if choice is not None:
                    return Cases(list(zip(choice.values, choice.guards, strict=True)))
        if head in place.known:
            return _walked(place.known[head], path[1:])
        return self._whole(expr)

    # Operations

    def _operation(self, expr: Expr) -> Cases:
        parts = _operands(expr)
        if not _pure(expr) or not parts:
            value = fold(expr)
            return Cases([(value, TRUE)]) if value is not NOT_CONSTANT else self._whole(expr)
        operands = [self.cases(part) for part in parts]
        total = 1
        for operand in operands:
            total *= len(operand.known) or 1
        if total > PRODUCT:
            return self._whole(expr)
        diagram = self._choices.diagram
        known: list[tuple[Any, int]] = []
        unknown = FALSE
        ways = [
            [*operand.known, *([(OTHER, operand.unknown)] if operand.unknown != FALSE else [])]
            for operand in operands
        ]
        for way in product(*ways):
            guard = TRUE
            for _, own in way:
                guard = diagram.both(guard, own)
            if guard == FALSE:
                continue
            value = self._computed(expr, [value for value, _ in way], operands)
            if value is NOT_CONSTANT:
                unknown = diagram.either(unknown, guard)
            elif value is not FAILS:
                _add(known, value, guard, diagram.either)
        if unknown == FALSE:
            return Cases(known)
        return self._merge([(Cases(known), TRUE), (self._whole(expr), unknown)])

    def _computed(self, expr: Expr, values: list[Any], operands: list[Cases]) -> Any:
        if OTHER not in values:
            if isinstance(expr, Binary):
                return operated(expr.op, *values)
            return outcome(_with_operands(expr, values))
        if not isinstance(expr, Binary) or expr.op not in ("==", "!=", "in", "not-in"):
            return NOT_CONSTANT
        negative = expr.op in ("!=", "not-in")
        for open_, other in ((0, 1), (1, 0)):
            if values[open_] is not OTHER or values[other] is OTHER:
                continue
            if expr.op in ("in", "not-in"):
                if open_ or not isinstance(values[1], list):
                    continue
                wanted = values[1]
            else:
                wanted = [values[other]]
            if all(any(same(item, out) for out in operands[open_].excluded) for item in wanted):
                return negative
        return NOT_CONSTANT

    # Opaque values

    def _whole(self, expr: Expr) -> Cases:
        return self._opaque(expr, boolean=_gives_boolean(expr))

    def _opaque(self, expr: Expr, boolean: bool) -> Cases:
        """A choice among what the expression is compared with, and others."""
        text = text_of(expr)
        values = list(self._choices.constants(text))
        if boolean:
            values += [value for value in (True, False) if not any(same(value, old) for old in values)]
        if not values:
            return Cases([], TRUE)
        if not (isinstance(expr, Binary) and expr.op in _NEVER_FAILS):
            values.append(OTHER)
        choice: Choice = self._choices.choice(VALUE, text, values, key=self._key(expr, text))
        known = [(v, g) for v, g in zip(choice.values, choice.guards, strict=True) if v is not OTHER]
        return Cases(known, choice.guard(OTHER), tuple(v for v in choice.values if v is not OTHER))

    def _key(self, expr: Expr, text: str) -> str:
        """The text, and the place where the value differs from place to place."""
        place = self._place
        scope = 0
        named: set[int] = set()
        for part in walk(expr):
            if isinstance(part, Member | Index) and isinstance(part.object, Name):
                # `needs.x` is the same in every job, `needs` as a whole is not.
                named.add(id(part.object))
            if isinstance(part, Call | Filter | Method) and not _stable(part):
                scope = 2
            elif isinstance(part, Name):
                if part.name in place.inner:
                    scope = 2
                elif part.name in place.local or (part.name == "needs" and id(part) not in named):
                    scope = max(scope, 1)
        if scope == 2:
            return f"{place.job}/{place.site}/{expr.start - self._origin}: {text}"
        return f"{place.job}: {text}" if scope else text


def _everywhere(part: Expr) -> bool:
    """Whether a node has the same value at every place of a workflow."""
    if isinstance(part, Name):
        return part.name == "params"
    return not isinstance(part, Call | Filter | Method) or _pure(part)


def _boolean(true: int, false: int) -> Cases:
    return Cases([(value, guard) for value, guard in ((True, true), (False, false)) if guard != FALSE])


def _add(known: list[tuple[Any, int]], value: Any, guard: int, either: Any) -> None:
    for index, (old, own) in enumerate(known):
        if type(old) is type(value) and same(old, value):
            known[index] = (old, either(own, guard))
            return
    known.append((value, guard))


def _walked(value: Any, path: tuple[str, ...]) -> Cases:
    for name in path:
        if value is None:
            break
        if not isinstance(value, Mapping):
            return Cases([])
        value = value.get(name)
    return Cases([(value, TRUE)])


def _operands(expr: Expr) -> list[Expr]:
    match expr:
        case Member():
            return [expr.object]
        case Index():
            return [expr.object, expr.index]
        case Binary():
            return [expr.left, expr.right]
        case Unary():
            return [expr.operand]
        case ListExpr():
            return list(expr.items)
        case MapExpr():
            return [part for entry in expr.entries for part in entry]
        case Call():
            return [*expr.args, *(value for _, value in expr.keywords)]
        case Filter():
            return [expr.value, *expr.args, *(value for _, value in expr.keywords)]
        case Method():
            return [expr.object, *expr.args, *(value for _, value in expr.keywords)]
    return []


def _with_operands(expr: Expr, values: list[Any]) -> Expr:
    """The same operation on constants, if not between two; `values` are in the order of `_operands`."""
    made = copy.copy(expr)
    rest = iter(Literal(value, expr.start, expr.end) for value in values)
    match made:
        case Member():
            made.object = next(rest)
        case Index():
            made.object, made.index = next(rest), next(rest)
        case Unary():
            made.operand = next(rest)
        case ListExpr():
            made.items = list(rest)
        case MapExpr():
            made.entries = [(next(rest), next(rest)) for _ in made.entries]
        case Call() | Filter() | Method():
            if isinstance(made, Filter):
                made.value = next(rest)
            elif isinstance(made, Method):
                made.object = next(rest)
            made.args = [next(rest) for _ in made.args]
            made.keywords = [(name, next(rest)) for name, _ in made.keywords]
    return made


def _pure(expr: Expr) -> bool:
    match expr:
        case Call() | Filter() | Method():
            found = METHODS.get(expr.name) if isinstance(expr, Method) else function(_called(expr))
            return found is not None and found.pure
    return True


def _stable(expr: Call | Filter | Method) -> bool:
    """Whether it gives the same wherever it is called in a run: pure functions, and `env('NAME')`."""
    return _pure(expr) or (isinstance(expr, Call) and expr.function == "env")


def _called(expr: Call | Filter) -> str:
    return expr.name if isinstance(expr, Filter) else expr.function


def _gives_boolean(expr: Expr) -> bool:
    return (isinstance(expr, Binary) and expr.op in ("==", "!=", "<", "<=", ">", ">=", "in", "not-in")) or (
        isinstance(expr, Call) and expr.function in ("contains", "startsWith", "endsWith")
    )
