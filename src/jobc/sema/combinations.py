"""Expressions that read `matrix`, looked at once for each combination of a constant matrix.

The type of `matrix.version` is the union over all combinations, so a mistake that only one of them makes is hidden
in it. Here every combination that differs in what the expression reads is tried alone, with the values themselves.
What a test decides in that combination is not looked at further: `matrix.v != 'latest' && matrix.v > 3` is
no mistake where `v` is `latest`, nor is anything in a stage whose condition is false there. Comparisons for
equality are what a matrix is for, so those that never hold in one combination are nothing to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.infer import check_condition, infer
from jobc.sema.scope import Scope
from jobc.sema.types import NULL, ObjectType, Type, of_json
from jobc.syntax.ast import Job, holes
from jobc.syntax.expr import Binary, Expr, Index, Literal, Member, Name, Unary, walk

if TYPE_CHECKING:
    from jobc.sema.model import WorkflowModel

RULE = "combination-type"
#: Matrices with more combinations are not looked at one by one.
LIMIT = 256

Combination = dict[str, Any]


class Combinations:
    """The combinations of one job, made when first asked for."""

    __slots__ = ("_job", "_known", "_made", "_model")

    def __init__(self, job: Job, model: WorkflowModel) -> None:
        self._job = job
        self._model = model
        self._made = False
        self._known: list[Combination] | None = None

    @property
    def known(self) -> list[Combination] | None:
        if not self._made:
            self._made = True
            self._known = combinations(self._job, self._model)
        return self._known


def combinations(job: Job, model: WorkflowModel) -> list[Combination] | None:
    """The combinations of a job's matrix; None where it has none, expressions decide it, or there are too many."""
    strategy = job.strategy
    if strategy is None or (strategy.matrix is None and strategy.include is None):
        return None
    parts = (strategy.matrix, strategy.include, strategy.exclude)
    if any(part is not None and next(holes(part), None) is not None for part in parts):
        return None
    grid = model.grids.of(strategy)
    if not grid.known:
        return None
    size = 1
    for values in (grid.keys or {}).values():
        size *= max(1, len(values or ()))
    if size > LIMIT:
        return None
    return list(islice(grid.product.combinations(), LIMIT))


def check_combinations(
    expr: Expr,
    scope: Scope,
    known: Sequence[Combination],
    conditions: Sequence[Expr],
    report: Callable[[Diagnostic], None],
    *,
    is_condition: bool,
) -> None:
    """Report what is wrong with an expression in some combinations, and names the first of them.

    `conditions` are those of the stages around it.
    """
    keys = keys_read(expr)
    if keys is not None and _looks_at_kinds(walk(expr)):
        kinds: set[tuple[str, ...]] = set()
        for combination in known:
            kind = tuple(_kind(combination.get(key)) for key in keys)
            if kind in kinds or _excluded(conditions, combination):
                continue
            kinds.add(kind)
            if _findings(expr, scope, combination, is_condition=is_condition):
                break
        else:
            return
    tried: set[str] = set()
    wrong: list[Combination] = []
    first: Diagnostic | None = None
    for combination in known:
        values = combination if keys is None else {key: combination.get(key) for key in keys}
        mark = repr(values)
        if mark in tried or _excluded(conditions, combination):
            continue
        tried.add(mark)
        found = _findings(expr, scope, combination, is_condition=is_condition)
        if found:
            first = first or found[0]
            wrong.append(values if keys is not None else combination)
    if first is None:
        return
    more = len(wrong) - 1
    others = f" (and {more} other{'s' if more > 1 else ''})" if more else ""
    report(
        Diagnostic(
            RULE,
            f"with {_shown(wrong[0])}{others}, {first.message}",
            first.span,
            help=first.help,
        )
    )


def reads_known_key(expr: Expr, scope: Scope) -> bool:
    """Whether an expression is `matrix.key` with a key that some combination has, which is then at worst null."""
    if not isinstance(expr, Member) or not _is_matrix(expr.object):
        return False
    matrix = scope.contexts.get("matrix")
    return isinstance(matrix, ObjectType) and expr.name in matrix.props


def _looks_at_kinds(parts: list[Expr]) -> bool:
    """Whether what is wrong with an expression of these parts depends on the kinds of the values, not on the values."""
    for part in parts:
        if isinstance(part, Binary):
            if part.op in ("and", "or") and any(map(_is_matrix, walk(part.left))):
                return False
        elif not isinstance(part, Literal | Name | Member | Unary):
            return False
    return True


def _kind(value: object) -> str:
    return repr(value) if isinstance(value, list | dict) else type(value).__name__


def _excluded(conditions: Sequence[Expr], combination: Mapping[str, object]) -> bool:
    if not conditions:
        return False
    from jobc.sema.fold import fold

    return any(fold(condition, combination) is False for condition in conditions)


def _findings(expr: Expr, scope: Scope, combination: Combination, *, is_condition: bool) -> list[Diagnostic]:
    every = scope.contexts.get("matrix")
    # A key that other combinations have is null in this one.
    props: dict[str, Type] = dict.fromkeys(every.props, NULL) if isinstance(every, ObjectType) else {}
    props.update((key, of_json(value)) for key, value in combination.items())
    inner = Scope(
        {**scope.contexts, "matrix": ObjectType(props, noun="matrix key")},
        scope.unavailable,
        file=scope.file,
        place=scope.place,
        facts={path: type for path, type in scope.facts.items() if path[0] != "matrix"},
        matrix=combination,
    )
    found: list[Diagnostic] = []
    if is_condition:
        check_condition(expr, inner, found.append)
    else:
        infer(expr, inner, found.append)
    return found


def keys_read(expr: Expr) -> list[str] | None:
    """The keys of `matrix` that an expression reads; None for all."""
    keys: dict[str, None] = {}
    whole = 0
    for part in walk(expr):
        if isinstance(part, Member) and _is_matrix(part.object):
            keys[part.name] = None
            whole -= 1
        elif isinstance(part, Index) and _is_matrix(part.object) and isinstance(part.index, Literal):
            keys[str(part.index.value)] = None
            whole -= 1
        elif _is_matrix(part):
            whole += 1
    return list(keys) if whole == 0 else None


def _is_matrix(expr: Expr) -> bool:
    return isinstance(expr, Name) and expr.name == "matrix"


def _shown(values: Combination) -> str:
    import json

    parts = []
    for key, value in list(values.items())[:4]:
        plain = isinstance(value, str) and not value[:1].isdigit()
        text = value if plain else json.dumps(value, default=str)
        parts.append(f"{key}={text}" if value is not None else f"no {key}")
    return ", ".join(parts) + (", …" if len(values) > 4 else "")
