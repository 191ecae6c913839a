"""Reads of outputs that may be null, because the job that gives them may not have succeeded.

Each expression is walked with the function of when it is evaluated: when the job or the stage around it runs, narrowed by
`&&`, `||` and `?:` on the way. A read of `needs.x.outputs.y` is optional where that function and "x did not succeed"
can hold together. Operands that take a null as it is (`??`, `default`, `coalesce`, comparisons) are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS
from jobc.sema.cases import Evaluator, Place
from jobc.sema.choices import path_of
from jobc.sema.diagram import FALSE, Exhausted
from jobc.sema.model import Site, WorkflowModel
from jobc.sema.reachability import JobReach, Reachability
from jobc.sema.reachability_stages import stage_place, stages_of
from jobc.source.file import SourceFile, Span
from jobc.syntax.expr import Binary, Call, Conditional, Expr, Filter, Index, Member
from jobc.syntax.printer import print_expr

_TAKES_NULL = ("default", "coalesce")
_COMPARES = ("==", "!=", "in", "not-in")


class Read:
    """`guard`: where it is evaluated and the need has not succeeded; `ends` how the need may have ended then."""

    __slots__ = ("ends", "expr", "guard", "job", "need", "span", "text")

    def __init__(
        self, job: JobReach, need: JobReach, span: Span, expr: Expr, guard: int, ends: list[str]
    ) -> None:
        self.job = job
        self.need = need
        self.span = span
        self.expr = expr
        self.text = print_expr(expr)
        self.guard = guard
        self.ends = ends


def optional_reads(workflow: WorkflowModel, reach: Reachability) -> Iterator[Read]:
    """Every such read of a workflow, in the order of analysis."""
    jobs: dict[str, _JobWalk | None] = {}
    for site in workflow.sites:
        job = site.job
        if job is None or job.id not in reach.jobs:
            continue
        if job.id not in jobs:
            found = reach.jobs[job.id]
            jobs[job.id] = _JobWalk(reach, found) if _perhaps(reach, found) else None
        walk = jobs[job.id]
        if walk is not None:
            yield from walk.site(site)


def _perhaps(reach: Reachability, job: JobReach) -> bool:
    """Whether the job may run without the success of all that it needs."""
    if not job.exact or job.job.trigger_rule == "all_success":
        return False
    both = reach.diagram.both
    return any(need.exact and both(job.rule, need.statuses[SUCCESS] ^ 1) != FALSE for need in job.needs)


class _JobWalk:
    __slots__ = ("_job", "_needs", "_reach", "_stages")

    def __init__(self, reach: Reachability, job: JobReach) -> None:
        self._reach = reach
        self._job = job
        self._needs = {need.job.id: need for need in job.needs}
        self._stages: dict[int, int] = {}
        for stage in stages_of(reach, job):
            if stage.arm < 0:
                self._stages[id(stage.stage)] = stage.runs

    def site(self, site: Site) -> Iterator[Read]:
        reach, job = self._reach, self._job
        if site.stage is not None:
            place = stage_place(reach, job, str(id(site.stage)), {}, None)
            guard = (
                job.runs if site.position == "stage.condition" else self._stages.get(id(site.stage), job.runs)
            )
        else:
            before = {"job.condition": job.rule, "job.outputs": job.runs}
            guard = before.get(site.position, job.holds)
        for hole in site.holes:
            if hole.expr is not None and "needs" in hole.hole.source:
                if site.stage is None:
                    place = reach.place(job, hole.expr)
                else:
                    place = stage_place(reach, job, str(id(site.stage)), {}, None)
                try:
                    yield from self._walk(hole.expr, guard, place, hole.hole.span.file)
                except Exhausted:
                    return

    def _walk(self, expr: Expr, guard: int, place: Place, file: SourceFile) -> Iterator[Read]:
        match expr:
            case Binary(op="and" | "or"):
                yield from self._walk(expr.left, guard, place, file)
                true, false = self._condition(expr.left, place)
                narrowed = self._reach.diagram.both(guard, true if expr.op == "and" else false)
                yield from self._walk(expr.right, narrowed, place, file)
                return
            case Conditional():
                yield from self._walk(expr.test, guard, place, file)
                true, false = self._condition(expr.test, place)
                both = self._reach.diagram.both
                yield from self._walk(expr.then, both(guard, true), place, file)
                yield from self._walk(expr.otherwise, both(guard, false), place, file)
                return
            case Member() | Index():
                path = path_of(expr)
                if path is not None:
                    yield from self._read(expr, path, guard, file)
                    return
        for part in _operands(expr):
            yield from self._walk(part, guard, place, file)

    def _condition(self, expr: Expr, place: Place) -> tuple[int, int]:
        return Evaluator(self._reach.choices, place).condition(expr)

    def _read(self, expr: Expr, path: tuple[str, ...], guard: int, file: SourceFile) -> Iterator[Read]:
        if len(path) < 4 or path[0] != "needs" or path[2] != "outputs" or path[1] not in self._needs:
            return
        need, both = self._needs[path[1]], self._reach.diagram.both
        missing = both(guard, need.statuses[SUCCESS] ^ 1)
        if missing == FALSE or not need.exact:
            return
        ends = [end for end in (SKIP, FAILED, CANCEL) if both(missing, need.statuses[end]) != FALSE]
        yield Read(self._job, need, Span(file, expr.start, expr.end), expr, missing, ends)


def _operands(expr: Expr) -> Iterator[Expr]:
    """The parts in which a null would be felt."""
    match expr:
        case Binary(op="??"):
            yield from _inside(expr.left)
            yield expr.right
        case Binary(op=op) if op in _COMPARES:
            yield from _inside(expr.left)
            yield from _inside(expr.right)
        case Call() if expr.function in _TAKES_NULL:
            for arg in expr.args:
                yield from _inside(arg)
        case Filter() if expr.name in _TAKES_NULL:
            yield from _inside(expr.value)
            yield from expr.args
        case _:
            yield from expr.children()


def _inside(expr: Expr) -> Iterator[Expr]:
    """An operand that may be null itself: only what is computed in it counts."""
    if path_of(expr) is None:
        yield expr
