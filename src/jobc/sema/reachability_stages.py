"""Which stages of a job can run, and what that says of the job's end.

Stages run one after the other, each behind its condition, in every combination of the job's matrix. Of a constant
matrix each combination is looked at (up to a bound); of another the values are opaque, the same for all stages of the
job. Whether an earlier stage has failed is free from the second stage on, and certain behind a `raise` that is sure to
be reached. `Stages.run(…)` walks them as the interpreter does and gives each stage the function of when it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jobc.sema.cases import STATUS_CALLS, Cases, Evaluator, Place
from jobc.sema.choices import FACT, same
from jobc.sema.diagram import FALSE, TRUE
from jobc.sema.reachability import COMBINATIONS, JobReach, Reachability, has_matrix, whole
from jobc.syntax.ast import CaseStage, Const, ForEachStage, RaiseStage, Stage, Value, child_stages
from jobc.syntax.expr import Call, Expr, walk

#: Contexts that differ from job to job, and from stage to stage.
_LOCAL = ("matrix", "strategy", "env", "job", "run")
_INNER = ("stages", "item", "vars")


def ends_of_stages(reach: Reachability, job: JobReach) -> tuple[int, int]:
    """(where all stages are skipped, where one is sure to fail), given that the job runs."""
    stages = job.job.stages
    may_skip = bool(stages) and all(stage.condition is not None or _may_skip(stage) for stage in stages)
    if not may_skip and not any(_surely_fails(stage) for stage in stages):
        return FALSE, FALSE
    diagram = reach.diagram
    skipped, failing = TRUE, FALSE
    for matrix in matrices(reach, job):
        here_skipped, here_failing = _one(reach, job, matrix)
        skipped = diagram.both(skipped, here_skipped)
        failing = diagram.either(failing, here_failing)
    return skipped, failing


def _one(reach: Reachability, job: JobReach, matrix: dict[str, Any] | None) -> tuple[int, int]:
    """Of one combination, as long as nothing fails that need not."""
    diagram = reach.diagram
    skipped, failing = TRUE, FALSE
    clean = {"always": TRUE, "success": TRUE, "failure": FALSE, "cancelled": FALSE}
    for position, stage in enumerate(job.job.stages):
        true, false = condition_of(reach, job, stage, str(position), clean, matrix)
        skip = false
        if _may_skip(stage):
            free = reach.choices.choice(
                FACT, f"stage {position + 1} of `{job.job.id}` skips itself", [True, False], 1
            )
            skip = diagram.either(false, diagram.both(true, free.guards[0]))
        skipped = diagram.both(skipped, skip)
        if stage.continue_on_error is None:
            # A condition that cannot be evaluated fails its stage.
            broken = diagram.both(true ^ 1, false ^ 1)
            certain = diagram.either(broken, true) if _surely_fails(stage) else broken
            failing = diagram.either(failing, certain)
    return skipped, diagram.both(failing, skipped ^ 1)


def condition_of(
    reach: Reachability,
    job: JobReach,
    stage: Stage,
    site: str,
    calls: dict[str, int],
    matrix: dict[str, Any] | None,
) -> tuple[int, int]:
    """(where a stage's condition is true, where it is false)."""
    value = stage.condition
    if value is None:
        return TRUE, FALSE
    if isinstance(value, Const):
        return (TRUE, FALSE) if value.value is True else (FALSE, TRUE if value.value is False else FALSE)
    expr = whole(value)
    if expr is None:
        free = reach.choices.choice(
            FACT, f"the condition of stage {site} of `{job.job.id}` holds", [True, False]
        )
        return free.guards[0], free.guards[1]
    return Evaluator(reach.choices, stage_place(reach, job, site, calls, matrix), expr.start).decide(expr)


def stage_place(
    reach: Reachability, job: JobReach, site: str, calls: dict[str, int], matrix: dict[str, Any] | None
) -> Place:
    return Place(
        job.job.id,
        site,
        reach.statuses_of(job),
        calls,
        reach.params,
        known=None if matrix is None else {"matrix": matrix},
        local=_LOCAL,
        inner=(*_INNER, "params") if job.params_change else _INNER,
    )


def matrices(reach: Reachability, job: JobReach) -> list[dict[str, Any] | None]:
    """The combinations to look at, one by one; one of None stands for any that is not known.

    Of several that conditions cannot tell apart, the first.
    """
    found = reach.matrices.get(job.job.id)
    if found is None:
        found = reach.matrices[job.job.id] = _different(_combinations(reach, job), job.job.stages)
    return found


def _different(combinations: list[dict[str, Any] | None], stages: list[Stage]) -> list[dict[str, Any] | None]:
    if len(combinations) < 2:
        return combinations
    from jobc.ir.matrix import same as same_json
    from jobc.sema.combinations import keys_read

    keys: dict[str, None] = {}
    for expr in _asked(stages):
        read = keys_read(expr)
        if read is None:
            return combinations
        keys.update(dict.fromkeys(read))
    kept: dict[tuple[str, ...], dict[str, Any] | None] = {}
    for matrix in combinations:
        assert matrix is not None
        kept.setdefault(tuple(same_json(matrix[key]) if key in matrix else "" for key in keys), matrix)
    return list(kept.values())


def _asked(stages: list[Stage]) -> Iterator[Expr]:
    """The expressions that decide which of these stages run."""
    for stage in stages:
        values = [] if stage.condition is None else [stage.condition]
        if isinstance(stage, CaseStage):
            values += [stage.value, *(arm.case for arm in stage.arms if arm.case is not None)]
        for value in values:
            expr = whole(value)
            if expr is not None:
                yield expr
        for body in child_stages(stage):
            yield from _asked(body)


def _combinations(reach: Reachability, job: JobReach) -> list[dict[str, Any] | None]:
    if not has_matrix(job.job):
        return [{}]
    grid = reach.grid(job.job)
    if not grid.known:
        return [None]
    all_ = list(islice(grid.product.combinations(), COMBINATIONS + 1))
    return list(all_) if len(all_) <= COMBINATIONS else [None]


class StageReach:
    """A stage or an arm of a `case`, and when it runs. `why`: `condition`, `raise` (an earlier one), `arm`, `empty`."""

    __slots__ = ("after", "arm", "runs", "stage", "why")

    def __init__(self, stage: Stage, runs: int, why: str, after: Stage | None = None, arm: int = -1) -> None:
        self.stage = stage
        self.runs = runs
        self.why = why
        self.after = after
        self.arm = arm


def stages_of(reach: Reachability, job: JobReach) -> list[StageReach]:
    """Every stage of a job with the function of when it runs, nested ones after what they stand in."""
    known = reach.stages.get(job.job.id)
    if known is None:
        known = []
        for stages in _growing(reach, job):
            known = stages
        reach.stages[job.job.id] = known
    return known


def dead_stages(reach: Reachability, job: JobReach) -> list[StageReach]:
    """The stages of a job that run in no combination. Once each runs in some, the others are not looked at."""
    dead: list[StageReach] = []
    for stages in _growing(reach, job):
        dead = [stage for stage in stages if stage.runs == FALSE]
        if not dead:
            break
    return dead


def _growing(reach: Reachability, job: JobReach) -> Iterator[list[StageReach]]:
    """Every stage with the function of when it runs in the combinations up to here, after each of them.

    Of a stage that does not run yet, those inside may still be missing.
    """
    found: dict[tuple[int, int], StageReach] = {}
    for matrix in matrices(reach, job):
        for stage in _walk(reach, job, job.job.stages, "", job.runs, matrix, nested=False):
            key = (id(stage.stage), stage.arm)
            old = found.setdefault(key, stage)
            if old is not stage:
                old.runs = reach.diagram.either(old.runs, stage.runs)
        yield list(found.values())


def _walk(
    reach: Reachability,
    job: JobReach,
    stages: list[Stage],
    prefix: str,
    around: int,
    matrix: dict[str, Any] | None,
    *,
    nested: bool,
) -> Iterator[StageReach]:
    diagram = reach.diagram
    certain = FALSE
    culprit: Stage | None = None
    for position, stage in enumerate(stages):
        site = f"{prefix}{position}"
        failed = certain
        if position or nested:
            name = f"a stage before {site} of `{job.job.id}` has failed"
            free = reach.choices.choice(FACT, name, [True, False], 1)
            failed = diagram.either(certain, free.guards[0])
        ended = reach.choices.choice(FACT, f"`{job.job.id}` is being cancelled", [True, False], 1).guards[0]
        going = diagram.both(failed ^ 1, ended ^ 1)
        calls = {"always": TRUE, "success": going, "failure": failed, "cancelled": ended}
        true, _ = condition_of(reach, job, stage, site, calls, matrix)
        entered = diagram.both(around, true)
        why, after = "condition", None
        if not asks_status(stage.condition):
            if diagram.both(entered, certain ^ 1) == FALSE and entered != FALSE:
                why, after = "raise", culprit
            entered = diagram.both(entered, going)
        yield StageReach(stage, entered, why, after)
        if entered != FALSE:
            yield from _inside(reach, job, stage, site, entered, calls, matrix)
        if _surely_fails(stage) and stage.continue_on_error is None:
            calls = {"always": TRUE, "success": TRUE, "failure": FALSE, "cancelled": FALSE}
            clean, _ = condition_of(reach, job, stage, site, calls, matrix)
            certain = diagram.either(certain, clean)
            culprit = culprit or stage


def _inside(
    reach: Reachability,
    job: JobReach,
    stage: Stage,
    site: str,
    entered: int,
    calls: dict[str, int],
    matrix: dict[str, Any] | None,
) -> Iterator[StageReach]:
    if isinstance(stage, CaseStage):
        yield from _arms(reach, job, stage, site, entered, calls, matrix)
        return
    if isinstance(stage, ForEachStage):
        from jobc.sema.choices import constant_of

        if constant_of(stage.items) == [] and stage.stages:
            yield StageReach(stage.stages[0], FALSE, "empty", stage)
            return
    for number, body in enumerate(child_stages(stage)):
        yield from _walk(reach, job, body, f"{site}.{number}.", entered, matrix, nested=True)


def _arms(
    reach: Reachability,
    job: JobReach,
    stage: CaseStage,
    site: str,
    entered: int,
    calls: dict[str, int],
    matrix: dict[str, Any] | None,
) -> Iterator[StageReach]:
    """Arms in order; an arm whose value no earlier arm took, and that the case can have."""
    diagram = reach.diagram
    evaluator = Evaluator(reach.choices, stage_place(reach, job, site, calls, matrix))
    value = _cases(evaluator, stage.value)
    left = entered
    for number, arm in enumerate(stage.arms):
        if arm.case is None:
            matched = TRUE
        else:
            matched = _matches(
                reach, value, _cases(evaluator, arm.case), f"{site}.{number} of `{job.job.id}`"
            )
        taken = diagram.both(left, matched)
        left = diagram.both(left, matched ^ 1)
        yield StageReach(stage, taken, "arm", None, number)
        if taken != FALSE:
            yield from _walk(reach, job, arm.stages, f"{site}.{number}.", taken, matrix, nested=True)


def _cases(evaluator: Evaluator, value: Value) -> Cases:
    from jobc.sema.choices import constant_of
    from jobc.sema.fold import NOT_CONSTANT

    expr = whole(value)
    if expr is not None:
        return evaluator.cases(expr)
    constant = constant_of(value)
    return Cases([], TRUE) if constant is NOT_CONSTANT else Cases([(constant, TRUE)])


def _matches(reach: Reachability, value: Cases, arm: Cases, place: str) -> int:
    """Where two values are equal; free where one is not known and not excluded."""
    diagram = reach.diagram
    equal, open_ = FALSE, FALSE
    for own, guard in value.known:
        for other, there in arm.known:
            if same(own, other):
                equal = diagram.either(equal, diagram.both(guard, there))
    for one, two in ((value, arm), (arm, value)):
        if one.unknown != FALSE:
            for other, there in two.known:
                if not any(same(other, out) for out in one.excluded):
                    open_ = diagram.either(open_, diagram.both(one.unknown, there))
    open_ = diagram.either(open_, diagram.both(value.unknown, arm.unknown))
    if open_ == FALSE:
        return equal
    free = reach.choices.choice(FACT, f"the value of {place} matches", [True, False])
    return diagram.either(equal, diagram.both(open_, free.guards[0]))


def asks_status(value: Value | None) -> bool:
    """Whether a stage's condition asks for the status itself, so that no implicit `success()` stands before it."""
    expr: Expr | None = None if value is None or isinstance(value, Const) else whole(value)
    if expr is None:
        return False
    return any(isinstance(part, Call) and part.function in STATUS_CALLS for part in walk(expr))


def _surely_fails(stage: Stage) -> bool:
    return isinstance(stage, RaiseStage)


def _may_skip(stage: Stage) -> bool:
    """Whether a stage that is entered may end skipped: those that hold others, or another workflow."""
    return stage.kind in ("parallel", "foreach", "case", "trigger")
