"""The plan of a workflow: for every job whether it runs, why, how it can end, and the longest way through all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobc.cli.planning.bounds import Constants, critical_path
from jobc.errors import UsageError
from jobc.interpreter.durations import seconds
from jobc.ir.program import Program
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS
from jobc.sema.choices import Choices
from jobc.sema.diagram import FALSE, TRUE, Exhausted
from jobc.sema.model import WorkflowModel
from jobc.sema.reachability import JobReach, Reachability, combinations
from jobc.sema.witness import ENDS, condition_text, joined, status_words, why_never

ALWAYS, NEVER, MAYBE = "always", "never", "maybe"


class JobPlan:
    """One job. `combinations` is None where only a run can count them, `longest_s` where nothing bounds the job."""

    __slots__ = (
        "combinations",
        "environment",
        "exact",
        "id",
        "longest_s",
        "needs",
        "reason",
        "runs",
        "statuses",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.runs = MAYBE
        self.statuses: list[str] = []
        self.reason = ""
        self.combinations: int | None = 1
        self.environment = "local"
        self.needs: list[str] = []
        self.longest_s: float | None = None
        self.exact = True

    def to_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "statuses": self.statuses,
            "reason": self.reason,
            "combinations": self.combinations,
            "environment": self.environment,
            "needs": self.needs,
        }


class Plan:
    """Jobs in topological order."""

    __slots__ = ("critical_path", "jobs", "worst_case_s")

    def __init__(self, jobs: list[JobPlan], path: list[str], worst_case_s: float | None) -> None:
        self.jobs = jobs
        self.critical_path = path
        self.worst_case_s = worst_case_s

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "jobs": {job.id: job.to_json() for job in self.jobs},
            "critical_path": self.critical_path,
            "worst_case_s": self.worst_case_s,
        }


def make_plan(
    workflow: WorkflowModel,
    program: Program,
    params: Mapping[str, Any],
    given: Sequence[tuple[str, str]],
    environ: Mapping[str, str],
) -> Plan:
    """The plan under given parameters and given ends of jobs. Raises UsageError where these exclude each other."""
    interrupted = any(status == CANCEL for _, status in given)
    reach = Reachability(workflow, Choices([workflow], dict(params)), interrupted=interrupted)
    assumed = _assumed(reach, given)
    cancelled: Reachability | None = None
    constants = Constants(program, params, environ)
    flow = program.workflows[program.entry]
    plans: list[JobPlan] = []
    for job in flow.jobs:
        found = reach.jobs[job.id]
        plan = JobPlan(job.id)
        plan.exact = found.exact
        plan.environment = constants.environment(job)
        plan.needs = [flow.jobs[index].id for index in job.needs]
        plan.combinations = constants.combinations(job)
        plan.longest_s = constants.longest(job)
        reach.allow()
        try:
            _judge(reach, found, assumed, plan)
        except Exhausted:
            plan.exact = False
            plan.statuses = [SUCCESS, FAILED, SKIP]
            plan.reason = "it takes too long to find out"
        if plan.runs == NEVER and job.rule == "all_done" and not given:
            cancelled = cancelled or Reachability(
                workflow, Choices([workflow], dict(params)), interrupted=True
            )
            if cancelled.jobs[job.id].runs != FALSE:
                plan.runs, plan.reason = MAYBE, "only where the run is cancelled"
                plan.statuses = cancelled.possible(job.id)
        plans.append(plan)
    able = {plan.id for plan in plans if plan.runs != NEVER}
    path, worst = critical_path(flow, {plan.id: plan.longest_s for plan in plans}, able)
    return Plan(plans, path, _within(worst, constants, flow.timeout))


def _within(worst: float | None, constants: Constants, timeout: int | None) -> float | None:
    """No run takes longer than its workflow's own time limit."""
    from jobc.cli.planning.bounds import Unknown

    if timeout is None:
        return worst
    try:
        limit = seconds(constants.value(timeout))
    except (Unknown, ValueError):
        return worst
    return limit if worst is None else min(worst, limit)


def _assumed(reach: Reachability, given: Sequence[tuple[str, str]]) -> int:
    assumed = TRUE
    for id, status in given:
        narrowed = reach.diagram.both(assumed, reach.jobs[id].statuses[status])
        if narrowed == FALSE:
            raise _impossible(reach, id, status, assumed)
        assumed = narrowed
    return assumed


def _impossible(reach: Reachability, id: str, status: str, assumed: int) -> UsageError:
    ends = reach.possible(id, assumed)
    beside = " beside what else is given" if assumed != TRUE else ""
    return UsageError(
        f"--given {id}={status} cannot happen{beside}", help=f"there `{id}` can end as: {', '.join(ends)}"
    )


def _judge(reach: Reachability, job: JobReach, assumed: int, plan: JobPlan) -> None:
    both, implies = reach.diagram.both, reach.diagram.implies
    plan.statuses = reach.possible(job.job.id, assumed)
    if both(job.runs, assumed) == FALSE:
        plan.runs = NEVER
        plan.reason = why_never(reach, job) if job.runs == FALSE else _not_here(reach, job, assumed)
    elif implies(assumed, job.runs):
        plan.runs = ALWAYS
        plan.reason = _always(job)
    else:
        plan.reason = _maybe(reach, job, assumed)


def _always(job: JobReach) -> str:
    if not job.needs:
        return "it needs nothing" if job.job.condition is None else f"`{condition_text(job)}` holds"
    if job.job.trigger_rule == "all_done":
        return "all_done: whatever its needs do"
    return f"its rule {job.job.trigger_rule} holds"


def _not_here(reach: Reachability, job: JobReach, assumed: int) -> str:
    if reach.diagram.both(job.rule, assumed) == FALSE:
        ends = [status_words(reach, need, assumed) for need in job.needs]
        said = joined([words for words in ends if words and not words.endswith("succeeds")])
        return f"its rule {job.job.trigger_rule} does not hold" + (f": {said}" if said else " then")
    if job.job.condition is not None:
        return f"`{condition_text(job)}` is not true then"
    return "its matrix is empty then"


_RULES = {
    "all_success": ("{} succeeds", "{} succeed"),
    "all_failed": ("{} fails", "{} fail"),
    "one_success": ("{} succeeds", "one of {} succeeds"),
    "one_failed": ("{} fails", "one of {} fails"),
    "none_failed": ("{} does not fail", "none of {} fails"),
    "none_skipped": ("{} is not skipped", "none of {} is skipped"),
}


def _maybe(reach: Reachability, job: JobReach, assumed: int) -> str:
    implies = reach.diagram.implies
    parts = []
    rule = job.job.trigger_rule
    if rule != "all_done" and not implies(assumed, job.rule):
        open_ = [need for need in job.needs if not _settled(reach, need, rule, assumed)]
        names = [f"`{need.job.id}`" for need in open_ or job.needs]
        several = len(names) > 1
        parts.append(
            _RULES[rule][several].format(", ".join(names) if "of" in _RULES[rule][1] else joined(names))
        )
    if job.job.condition is not None and not implies(reach.diagram.both(assumed, job.rule), job.condition):
        parts.append(f"`{condition_text(job)}`")
    if combinations(job.job) is None:
        parts.append("its matrix is not empty")
    return "if " + " and ".join(parts) if parts else "it depends on what only a run knows"


def _settled(reach: Reachability, need: JobReach, rule: str, assumed: int) -> bool:
    """Whether what a rule over all needs asks of one holds already."""
    wanted = {
        "all_success": need.statuses[SUCCESS],
        "all_failed": need.statuses[FAILED],
        "none_skipped": need.statuses[SKIP] ^ 1,
        "none_failed": need.statuses[FAILED] ^ 1,
    }.get(rule)
    return wanted is not None and reach.diagram.implies(assumed, wanted)


def read_given(words: Sequence[str], workflow: WorkflowModel) -> list[tuple[str, str]]:
    """`JOB=RESULT` pairs of a command line. Raises UsageError."""
    from jobc.cli.nearest import did_you_mean

    found = []
    for word in words:
        id, equals, status = word.rpartition("=")
        if not equals or not id:
            raise UsageError(f"--given cannot be `{word}`", help="write it as --given test=skip")
        if id not in workflow.jobs:
            raise UsageError(
                f"--given: there is no job `{id}`",
                help=did_you_mean(id, list(workflow.jobs), f"jobs: {', '.join(workflow.jobs)}"),
            )
        if status not in ENDS:
            raise UsageError(f"--given: a job cannot end as `{status}`", help=f"results: {', '.join(ENDS)}")
        found.append((id, status))
    return found
