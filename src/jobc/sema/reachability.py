"""Status reachability: for every job of a workflow, exactly when it runs and how it can end, over all runs at once.

**What is free.** A job that runs may succeed or fail, whatever its stages are: a time limit or a full disk can end
any of them. It surely fails only where a `raise` stage is sure to be reached, and is skipped by its own stages where
all of them have conditions that are false. It is cancelled where it may lose a concurrency group to a job with
`cancel-in-progress`. Beside that, parameters of finite type range over their values and opaque parts of expressions over
what they are compared with (`sema.choices`). A run that is cancelled from outside is another world, which
`Reachability(…, interrupted=True)` describes: there any job may end cancelled and clean-up jobs still run. A parameter
with a default is never null here, though a parameters file could say so.

**How it is computed.** Jobs are taken depth first, each right behind what it needs. For each, the engine's decision (`engine.judge`) is followed
on functions instead of on values, each a reference into one decision diagram:

    rule      the trigger rule holds, from the functions of its needs: shared ancestors correlate
    holds     and the condition is true                                  (`sema.cases`)
    runs      and the matrix is not empty: at least one combination is started
    success, failed, skip, cancel    how it ends; exactly one of the four holds

A question is then a conjunction: `deploy` never runs if `runs` is the constant false, a job that needs two jobs
with opposite conditions has an empty conjunction, and two versions of a file behave the same where their functions are
the same reference. Jobs with the plain rule and no condition cost a node each, so it is the conditions that cost, not
the jobs (`sema.diagram`). Of needs that an other need cannot have succeeded without, nothing is asked, nor of a
condition that a job waited for has as well: conjoining a chain with each of its links would take as many steps as the
chain is long, for every job.

**Where it stops.** A job whose decision takes more than its share of steps gets a free status instead: all four
ends, tied to nothing. That is sound (nothing is called impossible that is not), and the job is in `inexact`, which
surfaces say.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS
from jobc.sema.cases import Evaluator, Place, Statuses
from jobc.sema.choices import FACT, OUTCOME, Choices, constant_of
from jobc.sema.diagram import FALSE, TRUE, Exhausted
from jobc.sema.model import WorkflowModel
from jobc.sema.param_changes import change_params
from jobc.syntax.ast import Const, Job, ListValue, MapValue, ParamDecl, TemplateValue, Value
from jobc.syntax.expr import Call, Expr, walk

if TYPE_CHECKING:
    from jobc.sema.constants import Grid
    from jobc.sema.reachability_stages import StageReach

#: Steps that the decision of one job may take.
SHARE = 150_000

#: Of so many jobs it is known without whose success they cannot have succeeded (a bit for each of them in each).
CLOSURE = 20_000

#: Combinations of a constant matrix that stages' conditions are evaluated in, one by one.
COMBINATIONS = 64


class JobReach:
    """When a job runs and how it ends; every attribute but `job`, `needs` and `exact` is a function of the diagram."""

    __slots__ = (
        "condition",
        "exact",
        "held",
        "holds",
        "job",
        "needs",
        "outcome",
        "params_change",
        "refused",
        "rule",
        "runs",
        "statuses",
    )

    def __init__(self, job: Job, needs: list[JobReach]) -> None:
        self.job = job
        self.needs = needs
        self.exact = True
        #: Whether a stage may set parameters for the stages after it.
        self.params_change = change_params(job.stages)
        self.rule = TRUE
        #: Bits of the conditions that are true wherever it succeeds (`Reachability._held`).
        self.held = 0
        #: Where its condition is true, and where it fails, whatever the rule says.
        self.condition = TRUE
        self.refused = FALSE
        self.holds = TRUE
        self.runs = TRUE
        #: Where it fails if it runs.
        self.outcome = FALSE
        self.statuses: dict[str, int] = {}


class Reachability:
    """One workflow's jobs. `switches`: conditions that are plainly `false` are taken as free, for they are set by hand."""

    __slots__ = (
        "_bits",
        "_conditions",
        "_grids",
        "_interrupted",
        "_params",
        "_switches",
        "_without",
        "choices",
        "diagram",
        "inexact",
        "jobs",
        "matrices",
        "stages",
    )

    def __init__(
        self,
        workflow: WorkflowModel,
        choices: Choices | None = None,
        *,
        switches: bool = False,
        interrupted: bool = False,
    ) -> None:
        self.choices = choices or Choices([workflow])
        self.diagram = self.choices.diagram
        self._grids = workflow.grids
        self._interrupted = interrupted
        self._switches = switches
        self._params: dict[str, ParamDecl] = {decl.name: decl for decl in workflow.workflow.params or ()}
        self.jobs: dict[str, JobReach] = {}
        self.inexact: list[Job] = []
        #: What `reachability_stages` found out, by job.
        self.stages: dict[str, list[StageReach]] = {}
        self.matrices: dict[str, list[dict[str, Any] | None]] = {}
        #: A bit for each job, and the bits of the jobs without whose success it cannot have succeeded.
        self._bits: dict[str, int] = {}
        self._without: dict[str, int] = {}
        #: A bit for each condition, by its function.
        self._conditions: dict[int, int] = {}
        displaced = any(_may_displace(job) for job in workflow.jobs.values())
        for job in depth_first(workflow):
            self._enter(job, displaced)

    # Decisions, in the order of `engine.judge`

    def _enter(self, job: Job, displaced: bool) -> None:
        needs = [self.jobs[id] for id in dict.fromkeys(need.id for need in job.needs)]
        reach = self.jobs[job.id] = JobReach(job, needs)
        total = self.diagram.limit
        self.diagram.limit = min(total, self.diagram.steps + SHARE)
        try:
            self._decide(reach)
            self._end(reach, displaced and job.concurrency is not None)
        except Exhausted:
            reach.exact = False
            self.inexact.append(job)
            self._free(reach)
        finally:
            self.diagram.limit = total
        self._imply(reach)

    def _imply(self, reach: JobReach) -> None:
        if len(self._bits) >= CLOSURE:
            return
        self._bits[reach.job.id] = 1 << len(self._bits)
        implied = 0
        if reach.exact:
            reach.held = self._held(reach) | self._condition_bit(reach)
            if reach.job.trigger_rule == "all_success":
                for need in reach.needs:
                    implied |= self._without.get(need.job.id, 0) | self._bits.get(need.job.id, 0)
        self._without[reach.job.id] = implied

    def _held(self, reach: JobReach) -> int:
        """The conditions that are true wherever a job's rule holds, as far as the needs show it."""
        held = 0
        if reach.job.trigger_rule == "all_success":
            for need in reach.needs:
                held |= need.held
        return held

    def _condition_bit(self, reach: JobReach) -> int:
        if reach.condition == TRUE:
            return 0
        return self._conditions.setdefault(reach.condition, 1 << len(self._conditions))

    def implies(self, job: JobReach, other: JobReach) -> bool:
        """Whether the needs show that a job succeeds only where another one did (never wrongly)."""
        return self._without.get(job.job.id, 0) & self._bits.get(other.job.id, 0) != 0

    def _all_succeed(self, needs: list[JobReach]) -> int:
        if len(needs) > 1:
            implied = 0
            for need in needs:
                implied |= self._without.get(need.job.id, 0)
            if implied:
                needs = [need for need in needs if not implied & self._bits.get(need.job.id, 0)]
        return self.diagram.conjunction(need.statuses[SUCCESS] for need in needs)

    def _decide(self, reach: JobReach) -> None:
        job, both = reach.job, self.diagram.both
        reach.rule = self.rule_of(job.trigger_rule, reach.needs)
        reach.condition, false = self._condition(reach)
        reach.refused = both(reach.condition ^ 1, false ^ 1)
        reach.holds = reach.rule if self._is_held(reach) else both(reach.rule, reach.condition)
        reach.runs = reach.holds
        if job.strategy is not None:
            empty = self._empty(job)
            reach.runs = both(reach.holds, empty ^ 1)

    def _is_held(self, reach: JobReach) -> bool:
        """Whether the rule never holds without the condition: a job that it waits for has the same one."""
        return self._held(reach) & self._condition_bit(reach) != 0

    def rule_of(self, rule: str, needs: list[JobReach]) -> int:
        """Where a trigger rule holds of these needs (`ir.status.rule_holds`)."""
        diagram = self.diagram
        if not needs or rule == "all_done":
            return TRUE
        if rule == "all_success":
            return self._all_succeed(needs)
        if rule == "all_failed":
            return diagram.conjunction(need.statuses[FAILED] for need in needs)
        if rule == "one_success":
            return diagram.any(need.statuses[SUCCESS] for need in needs)
        if rule == "one_failed":
            return diagram.any(need.statuses[FAILED] for need in needs)
        if rule == "none_skipped":
            return diagram.conjunction(need.statuses[SKIP] ^ 1 for need in needs)
        return diagram.conjunction(need.statuses[end] ^ 1 for need in needs for end in (FAILED, CANCEL))

    def _condition(self, reach: JobReach) -> tuple[int, int]:
        value = reach.job.condition
        if value is None:
            return TRUE, FALSE
        if isinstance(value, Const):
            if self._switches and value.value is False:
                on = self.choices.fact(f"`{reach.job.id}` is switched on")
                return on, on ^ 1
            return (TRUE, FALSE) if value.value is True else (FALSE, TRUE if value.value is False else FALSE)
        expr = whole(value)
        if expr is None:
            free = self.choices.fact(f"the condition of `{reach.job.id}` holds")
            return free, free ^ 1
        return Evaluator(self.choices, self.place(reach, expr), expr.start).decide(expr)

    def place(self, reach: JobReach, expr: Expr) -> Place:
        """Where an expression of the job itself stands: its needs have ended, none of its stages has begun."""
        asks = any(isinstance(part, Call) for part in walk(expr))
        return Place(
            reach.job.id,
            "",
            self.statuses_of(reach),
            self._calls(reach) if asks else {},
            self._params,
            known={"job": {"id": reach.job.id, "status": SUCCESS}},
        )

    def statuses_of(self, reach: JobReach) -> dict[str, Statuses]:
        return {
            need.job.id: Statuses(
                need.statuses, need.runs, need.job.outputs is not None and has_matrix(need.job)
            )
            for need in reach.needs
        }

    @property
    def params(self) -> Mapping[str, ParamDecl]:
        return self._params

    def _calls(self, reach: JobReach) -> dict[str, int]:
        diagram, needs = self.diagram, reach.needs
        cancelled = diagram.any(need.statuses[CANCEL] for need in needs)
        if self._interrupted and reach.job.trigger_rule == "all_done":
            cancelled = diagram.either(cancelled, self.choices.fact("the run is cancelled"))
        return {
            "always": TRUE,
            "success": self._all_succeed(needs),
            "failure": diagram.any(need.statuses[FAILED] for need in needs),
            "cancelled": cancelled,
        }

    def _empty(self, job: Job) -> int:
        """Where the job's matrix has no combinations."""
        some = self.has_combinations(job)
        if some is None:
            return self.choices.choice(FACT, f"the matrix of `{job.id}` is empty", [True, False], 1).guards[0]
        return FALSE if some else TRUE

    def grid(self, job: Job) -> Grid:
        """The job's matrix; it must have a strategy."""
        assert job.strategy is not None
        return self._grids.of(job.strategy)

    def has_combinations(self, job: Job) -> bool | None:
        """Whether the job has any combinations; None where only a run knows."""
        strategy = job.strategy
        if strategy is None or not has_matrix(job):
            return True
        grid = self.grid(job)
        if grid.known:
            return next(grid.product.combinations(), None) is not None
        matrix = strategy.matrix
        if (
            isinstance(matrix, MapValue)
            and matrix.entries
            and strategy.exclude is None
            and all(isinstance(item.value, ListValue) and item.value.items for item in matrix.entries)
        ):
            return True
        return None

    def could_run(self, id: str, dead: Set[str]) -> bool:
        """Whether a job would run if those of its needs that are `dead` could end in any way."""
        reach = self.jobs[id]
        probe = JobReach(reach.job, [])
        for need in reach.needs:
            if need.job.id in dead:
                other = JobReach(need.job, [])
                self._free(other)
                probe.needs.append(other)
            else:
                probe.needs.append(need)
        try:
            self._decide(probe)
        except Exhausted:
            return True
        return probe.runs != FALSE

    # Ends

    def _end(self, reach: JobReach, displaced: bool) -> None:
        diagram, job = self.diagram, reach.job
        from jobc.sema.reachability_stages import ends_of_stages

        skipped, failing = ends_of_stages(self, reach)
        cut = FALSE
        if displaced:
            cut = self.choices.fact(f"`{job.id}` loses its concurrency group")
        if self._interrupted:
            cut = self.choices.fact(f"`{job.id}` is cancelled")
        fails = self.choices.choice(OUTCOME, job.id, [True, False], 1)
        level, runs = fails.levels[0], reach.runs
        reach.outcome = fails.guards[0]
        if skipped == failing == cut == FALSE:
            success = _literal_and(diagram, level, FALSE, runs)
            failed = _literal_and(diagram, level, runs, FALSE)
        else:
            begun = diagram.both(runs, skipped ^ 1)
            failed = diagram.both(begun, diagram.either(fails.guards[0], failing))
            success = diagram.both(begun, failed ^ 1)
        error = FALSE if self._is_held(reach) else diagram.both(reach.rule, reach.refused)
        failed = diagram.either(failed, error)
        cancelled = FALSE
        if cut != FALSE:
            if self._interrupted:
                # Once a need is cancelled, so is what has not begun, but for clean-up jobs.
                if job.trigger_rule != "all_done":
                    cut = diagram.any([cut, *(need.statuses[CANCEL] for need in reach.needs)])
                    cancelled = cut
                else:
                    cancelled = diagram.both(cut, runs)
            else:
                cancelled = diagram.both(cut, reach.holds)
            success = diagram.both(success, cancelled ^ 1)
            failed = diagram.both(failed, cancelled ^ 1)
        reach.statuses = {
            SUCCESS: success,
            FAILED: failed,
            SKIP: diagram.any([success, failed, cancelled]) ^ 1
            if cancelled != FALSE or error != FALSE or skipped != FALSE or failing != FALSE
            else runs ^ 1,
            CANCEL: cancelled,
        }

    def _free(self, reach: JobReach) -> None:
        """A status that is tied to nothing."""
        ends = self.choices.choice(
            FACT,
            f"`{reach.job.id}` is undecided",
            [SUCCESS, FAILED, SKIP, CANCEL],
            0,
            key=f"free {reach.job.id}",
        )
        reach.statuses = dict(zip(ends.values, ends.guards, strict=True))
        reach.rule = reach.condition = reach.holds = TRUE
        reach.runs = reach.statuses[SKIP] ^ 1
        reach.refused = FALSE
        reach.outcome = reach.statuses[FAILED]

    # Answers

    def allow(self) -> None:
        """Give the next question a job's share of steps, whatever was used before."""
        self.diagram.limit = self.diagram.steps + SHARE

    def possible(self, id: str, given: int = TRUE) -> list[str]:
        """The statuses that a job can end in where `given` holds."""
        statuses = self.jobs[id].statuses
        both = self.diagram.both
        return [name for name, guard in statuses.items() if guard != FALSE and both(guard, given) != FALSE]


def depth_first(workflow: WorkflowModel) -> list[Job]:
    """The jobs so that each stands right behind what it needs, as far as that goes: partners get neighbouring levels."""
    needed = {need.id for job in workflow.order for need in job.needs}
    done: dict[str, Job] = {}
    for last in workflow.order:
        todo = [] if last.id in needed else [last]
        while todo:
            job = todo[-1]
            if job.id in done:
                todo.pop()
                continue
            open_ = [workflow.jobs[need.id] for need in reversed(job.needs) if need.id not in done]
            if open_:
                todo += open_
            else:
                done[job.id] = job
                todo.pop()
    return list(done.values())


def _literal_and(diagram: Any, level: int, high: int, low: int) -> int:
    """A node where its level stands above what is below it, as outcomes do that were just made."""
    top = max(diagram.level(high), diagram.level(low))
    if level > top:
        found: int = diagram.node(level, high, low)
        return found
    literal = diagram.literal(level)
    return int(diagram.either(diagram.both(literal, high), diagram.both(literal ^ 1, low)))


def whole(value: Value) -> Expr | None:
    """The expression of a condition; None where it is no whole expression or does not parse."""
    if isinstance(value, TemplateValue) and value.whole and value.holes:
        return value.holes[0].expr
    return None


def has_matrix(job: Job) -> bool:
    strategy = job.strategy
    return strategy is not None and (strategy.matrix is not None or strategy.include is not None)


def _may_displace(job: Job) -> bool:
    group = job.concurrency
    if group is None or group.cancel_in_progress is None:
        return False
    return constant_of(group.cancel_in_progress) is not False


def reachable(workflow: WorkflowModel) -> Reachability | None:
    """The analysis that rules share; None where needs are unknown or circular, which other rules report."""
    known = workflow.reachability
    if "usual" not in known:
        sound = len(workflow.order) == len(workflow.jobs) and all(
            need.id in workflow.jobs for job in workflow.jobs.values() for need in job.needs
        )
        known["usual"] = Reachability(workflow, switches=True) if sound else None
    return known["usual"]


def reachable_when_cancelled(workflow: WorkflowModel) -> Reachability:
    """The same of runs that are cancelled, in which clean-up jobs see what others do not. Only where `reachable` is."""
    found = workflow.reachability.get("cancelled")
    if found is None:
        found = Reachability(workflow, switches=True, interrupted=True)
        workflow.reachability["cancelled"] = found
    return found
