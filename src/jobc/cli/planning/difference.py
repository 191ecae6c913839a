"""How two versions of a workflow differ in what they do.

Both are analysed over the same choices: a job fails in both or in none, a parameter has the same value in both. A job
then behaves the same exactly if its functions are the same, whatever was rewritten, and where they are not, the difference
of the two is the function of when it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobc.cli.planning.plan import JobPlan, Plan
from jobc.ir.status import FAILED, SUCCESS
from jobc.sema.choices import Choices
from jobc.sema.diagram import FALSE, Exhausted
from jobc.sema.model import WorkflowModel
from jobc.sema.reachability import JobReach, Reachability
from jobc.sema.witness import cube, facts, joined, status_words, why_never


class Change:
    """`kind`: `added removed runs ends needs combinations environment time`; `when` are the facts that show it."""

    __slots__ = ("job", "kind", "message", "when")

    def __init__(self, job: str | None, kind: str, message: str, when: list[str] | None = None) -> None:
        self.job = job
        self.kind = kind
        self.message = message
        self.when = when or []

    def to_json(self) -> dict[str, Any]:
        return {"job": self.job, "kind": self.kind, "message": self.message, "when": self.when}


def differences(
    old: WorkflowModel, new: WorkflowModel, plans: tuple[Plan, Plan], params: Mapping[str, Any]
) -> list[Change]:
    """Every difference, in the order of the new version's jobs."""
    choices = Choices([old, new], dict(params))
    before, after = Reachability(old, choices), Reachability(new, choices)
    old_plans = {plan.id: plan for plan in plans[0].jobs}
    changes: list[Change] = []
    for plan in plans[1].jobs:
        known = old_plans.get(plan.id)
        if known is None:
            changes.append(Change(plan.id, "added", f"`{plan.id}` is new: it runs {_runs(plan)}"))
            continue
        after.allow()
        try:
            changes += _behaviour(before, after, plan.id)
        except Exhausted:
            changes.append(Change(plan.id, "runs", f"`{plan.id}`: it takes too long to compare when it runs"))
        changes += _shape(known, plan)
    names = {plan.id for plan in plans[1].jobs}
    changes += [
        Change(id, "removed", f"`{id}` is gone: it ran {_runs(plan)}")
        for id, plan in old_plans.items()
        if id not in names
    ]
    if plans[0].worst_case_s != plans[1].worst_case_s:
        was, now = (duration(plan.worst_case_s) for plan in plans)
        changes.append(Change(None, "time", f"in the worst case a run takes {now}, it was {was}"))
    return changes


def _runs(plan: JobPlan) -> str:
    return plan.runs if plan.runs != "maybe" else plan.reason


def _behaviour(before: Reachability, after: Reachability, id: str) -> list[Change]:
    old, new = before.jobs[id], after.jobs[id]
    diagram = after.diagram
    if not (old.exact and new.exact):
        return [Change(id, "runs", f"`{id}`: it takes too long to compare when it runs")]
    changes = []
    more = diagram.both(new.runs, old.runs ^ 1)
    less = diagram.both(old.runs, new.runs ^ 1)
    if less != FALSE and new.runs == FALSE:
        changes.append(Change(id, "runs", f"`{id}` never runs any more: {why_never(after, new)}"))
        less = FALSE
    for guard, verb, world, job in (
        (more, "now runs" if old.runs == FALSE else "now also runs", after, new),
        (less, "no longer runs", before, old),
    ):
        if guard != FALSE:
            words = _when(world, job, guard)
            changes.append(
                Change(id, "runs", f"`{id}` {verb}" + (f" when {joined(words)}" if words else ""), words)
            )
    if not changes:
        for status, verb in ((SUCCESS, "succeeds"), (FAILED, "fails")):
            more = diagram.both(new.statuses[status], old.statuses[status] ^ 1)
            if more != FALSE:
                words = _when(after, new, more)
                tail = f" when {joined(words)}" if words else ""
                changes.append(Change(id, "ends", f"`{id}` now {verb}{tail}, which it did not", words))
    return changes


def _when(reach: Reachability, job: JobReach, guard: int) -> list[str]:
    """A witness, said by how the job's needs end where that is what differs, and by parameters."""
    witness = cube(reach, guard)
    ends = [status_words(reach, need, witness) for need in job.needs]
    said = [words for words in ends if words and not words.endswith("succeeds")]
    rest = [words for words in facts(reach, guard) if not words.endswith("` fails")]
    return [*said, *rest] or facts(reach, guard)


def _shape(old: JobPlan, new: JobPlan) -> list[Change]:
    changes = []
    gained = [f"`{id}`" for id in new.needs if id not in old.needs]
    lost = [f"`{id}`" for id in old.needs if id not in new.needs]
    if gained:
        changes.append(Change(new.id, "needs", f"`{new.id}` now waits for {joined(gained)}"))
    if lost:
        changes.append(Change(new.id, "needs", f"`{new.id}` no longer waits for {joined(lost)}"))
    if old.combinations != new.combinations:
        was, now = (
            "as many combinations as a run finds" if n is None else f"{n} combination{'' if n == 1 else 's'}"
            for n in (old.combinations, new.combinations)
        )
        changes.append(Change(new.id, "combinations", f"`{new.id}` has {now}, it had {was}"))
    if old.environment != new.environment:
        changes.append(
            Change(
                new.id, "environment", f"`{new.id}` runs on {new.environment}, it ran on {old.environment}"
            )
        )
    return changes


def duration(seconds: float | None) -> str:
    """`5400` as `1h30m`."""
    if seconds is None:
        return "as long as it likes"
    rest = round(seconds)
    words = ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if rest >= size:
            words += f"{rest // size}{unit}"
            rest %= size
    return words or "0s"
