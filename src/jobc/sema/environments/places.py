"""Each environment that a job may run in, where an expression says which.

They are known where the expression is a value of a constant matrix, or where its type has no other values than these texts
(a parameter with an `enum`, a choice between texts). A job whose own condition looks at the same parameter may be skipped in
some of them, so nothing is known of it then; so is a stage for whose conditions that holds (`may_be_guarded`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobc.sema.combinations import combinations
from jobc.sema.environments import known_environment, runs_on
from jobc.sema.model import Site, WorkflowModel
from jobc.sema.types import LiteralType, members
from jobc.sema.walk import Chain, chains
from jobc.syntax.ast import ExprHole, Job, RunsOn
from jobc.syntax.expr import Expr
from jobc.syntax.keys import ENVIRONMENT_ARGS
from jobc.syntax.printer import print_expr


class Place:
    """An environment with the arguments that it takes; `where` says in words when a job runs there (`""`: always)."""

    __slots__ = ("runs_on", "where")

    def __init__(self, runs_on: RunsOn, where: str = "") -> None:
        self.runs_on = runs_on
        self.where = where


def places(job: Job, workflow: WorkflowModel) -> list[Place]:
    """The environments of a job in the order of their values; none where that is not known, or it names none."""
    found = runs_on(job, workflow)
    if found is None:
        return []
    if found.choice is None:
        return [Place(found)]
    expr = found.choice.holes[0].expr if found.choice.whole else None
    if expr is None or _looks_at(workflow.sites, job, expr, ("job.condition",)):
        return []
    known: dict[str, Place] = {}
    for value in _values(expr, job, workflow):
        type = known_environment(value)
        if type is not None and type not in known:
            words = f"`{print_expr(expr)}` is `{value}`"
            known[type] = Place(_only(found, type), words)
    return list(known.values())


def may_be_guarded(job: Job, workflow: WorkflowModel) -> bool:
    """Whether something in a job looks at what its environment depends on, so that some stages may run in some of them only."""
    found = runs_on(job, workflow)
    if found is None or found.choice is None:
        return False
    return any(
        hole.expr is not None
        and _looks_at(workflow.sites, job, hole.expr, ("stage.condition", "stage.control"))
        for hole in found.choice.holes
    )


def _only(found: RunsOn, type: str) -> RunsOn:
    """What one environment takes of the arguments for all."""
    table = ENVIRONMENT_ARGS.get(type)
    args = found.args
    if table is not None:
        names = {key.name.replace("-", "_") for key in table.keys}
        args = [item for item in args if item.key in names]
    return RunsOn(type, found.type_span, args, found.span, found.choice)


def _values(expr: Expr, job: Job, workflow: WorkflowModel) -> Iterator[str]:
    read = list(chains(expr))
    if any(chain.root == "matrix" for chain in read):
        known = combinations(job, workflow)
        if (
            known is None
            or len(read) != 1
            or read[0].expr is not expr
            or len(read[0].keys) != 1
            or read[0].whole
        ):
            return
        for combination in known:
            value = combination.get(read[0].keys[0])
            if isinstance(value, str):
                yield value
        return
    types = list(members(workflow.type_of(expr)))
    texts = [type.value for type in types if isinstance(type, LiteralType) and isinstance(type.value, str)]
    if len(texts) == len(types):
        yield from texts


def _looks_at(sites: Iterable[Site], job: Job, expr: Expr, positions: tuple[str, ...]) -> bool:
    """Whether a value of a job at one of these positions reads something that an expression reads."""
    read = list(chains(expr))
    return any(
        _shares(hole, read)
        for site in sites
        if site.job is job and site.position in positions
        for hole in site.holes
    )


def _shares(hole: ExprHole, read: list[Chain]) -> bool:
    if hole.expr is None:
        return True
    for chain in chains(hole.expr):
        for other in read:
            # Keys of a matrix go together: one may say what another is.
            if chain.root == other.root and (
                chain.root == "matrix" or not (chain.keys and other.keys) or chain.keys[0] == other.keys[0]
            ):
                return True
    return False
