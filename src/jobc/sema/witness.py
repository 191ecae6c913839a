"""What reachability found, in words: the outcomes that lead somewhere, and why nothing can.

A witness is the cheapest way to make a function true: the fewest jobs that fail and values that are not the usual
ones (`Choices.cost`). A proof of "never" is a smallest set of requirements that exclude each other: the rule
asks something of each need, the condition is one more; requirements are dropped one by one as long as the rest is
still impossible. What is left is said need by need, with how one depends on the other.
"""

from __future__ import annotations

from typing import Any

from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS
from jobc.sema.choices import FACT, OTHER, OUTCOME, PARAM, Choice
from jobc.sema.diagram import FALSE, TRUE
from jobc.sema.reachability import JobReach, Reachability, whole
from jobc.sema.types import show_constant
from jobc.syntax.printer import print_expr

#: Facts that are listed; the rest is counted.
LISTED = 4

#: Requirements among which the smallest set is looked for.
REQUIREMENTS = 40

ENDS = {SUCCESS: "succeeds", FAILED: "fails", SKIP: "is skipped", CANCEL: "is cancelled"}
_TO = {SUCCESS: "to succeed", FAILED: "to fail", SKIP: "to be skipped", CANCEL: "to be cancelled"}


def facts(reach: Reachability, guard: int) -> list[str]:
    """The smallest set of outcomes under which `guard` holds; empty where it holds in the usual course of things."""
    assignment = reach.diagram.cheapest(guard, reach.choices.cost) or {}
    found = []
    for choice, values in reach.choices.read(assignment):
        words = _fact(choice, values)
        if words:
            found.append(words)
    return found


def when(reach: Reachability, guard: int) -> str:
    """The facts as one clause: "`build` fails and `params.dry` is true"; empty where there are none."""
    return joined(facts(reach, guard))


def joined(words: list[str]) -> str:
    if len(words) > LISTED:
        words = [*words[:LISTED], f"{len(words) - LISTED} more"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}" if words else ""


def _fact(choice: Choice, values: list[Any]) -> str:
    if choice.usual is not None and choice.values[choice.usual] in values:
        return ""
    if choice.kind == OUTCOME:
        return f"`{choice.subject}` fails"
    if choice.kind == FACT:
        return choice.subject if values == [True] else ""
    subject = f"`params.{choice.subject}`" if choice.kind == PARAM else f"`{choice.subject}`"
    if len(values) == 1 and values[0] is not OTHER:
        return f"{subject} is {show_constant(values[0])}"
    missing = [value for value in choice.values if value not in values and value is not OTHER]
    if not missing:
        return ""
    if set(map(id, missing)) <= {id(True), id(False)} and len(missing) == 2:
        return f"{subject} cannot be evaluated"
    return f"{subject} is not {' or '.join(map(show_constant, missing))}"


def condition_text(job: JobReach) -> str:
    """The job's condition as it is written."""
    value = job.job.condition
    expr = None if value is None else whole(value)
    if expr is None:
        return str(getattr(value, "value", "")).lower()
    text = print_expr(expr)
    return text if len(text) <= 100 else text[:99] + "…"


def status_words(reach: Reachability, job: JobReach, given: int) -> str:
    """How a job ends under `given`, where that is certain: "`tests` is skipped"."""
    for status, guard in job.statuses.items():
        if guard != FALSE and reach.diagram.implies(given, guard):
            return f"`{job.job.id}` {ENDS[status]}"
    return ""


def cube(reach: Reachability, guard: int) -> int:
    """The cheapest assignment of `guard`, as a function."""
    assignment = reach.diagram.cheapest(guard, reach.choices.cost)
    if assignment is None:
        return FALSE
    ref = TRUE
    for level in sorted(assignment):
        ref = (
            reach.diagram.node(level, ref, FALSE)
            if assignment[level]
            else reach.diagram.node(level, FALSE, ref)
        )
    return ref


class _Requirement:
    """What a rule asks of one need (`status`, or not to be in `status`), or the condition."""

    __slots__ = ("guard", "need", "negative", "status")

    def __init__(self, need: JobReach | None, status: str, guard: int, negative: bool = False) -> None:
        self.need = need
        self.status = status
        self.guard = guard
        self.negative = negative


def why_never(reach: Reachability, job: JobReach) -> str:
    """Why a job that never runs does not, as the clause after "never runs: "."""
    if job.holds != FALSE:
        if reach.has_combinations(job.job) is False:
            return "its matrix has no combination: `exclude` removes them all"
        return "its matrix is always empty"
    if job.condition == FALSE:
        return f"its condition `{condition_text(job)}` is never true"
    rule = job.job.trigger_rule
    if rule in ("one_success", "one_failed") and job.rule == FALSE:
        status = SUCCESS if rule == "one_success" else FAILED
        names = ", ".join(f"`{need.job.id}`" for need in job.needs)
        return f"it needs one of {names} {_TO[status]} ({rule}), and none can"
    core = _core(reach, job)
    asked = [requirement for requirement in core if requirement.need is not None]
    if len(asked) < len(core):
        text = condition_text(job)
        if not asked:
            return f"its condition `{text}` is never true where its rule {rule} holds"
        said = joined([_asked(requirement) for requirement in asked])
        verb = "runs only if" if rule in ("all_success", "all_failed") else "needs that"
        return f"it {verb} {said} ({rule}), and then its condition `{text}` is never true"
    return f"it needs {_exclusion(reach, asked, rule)}"


def _asked(requirement: _Requirement) -> str:
    assert requirement.need is not None
    name = requirement.need.job.id
    if requirement.negative:
        return f"`{name}` " + ("is not skipped" if requirement.status == SKIP else "does not fail")
    return f"`{name}` {ENDS[requirement.status]}"


def _exclusion(reach: Reachability, asked: list[_Requirement], rule: str) -> str:
    if len(asked) == 1:
        (one,) = asked
        assert one.need is not None
        ends = [ENDS[status] for status in reach.possible(one.need.job.id)]
        to = _to(one)
        if ends == [ENDS[SKIP]]:
            return f"`{one.need.job.id}`, which is always skipped, {to} ({rule})"
        return f"`{one.need.job.id}` {to} ({rule}), but it only ever {' or '.join(ends)}"
    words = []
    said: list[_Requirement] = []
    # What others depend on is said first.
    order = sorted(
        asked,
        key=lambda r: max((reach.diagram.level(o) for o in (r.need.outcome if r.need else TRUE,)), default=0),
    )
    for requirement in order:
        assert requirement.need is not None
        clause = _depends(reach, requirement.need, said)
        mark = f" ({rule})" if not said else ""
        words.append(f"`{requirement.need.job.id}`{clause} {_to(requirement)}{mark}")
        said.append(requirement)
    return joined(words)


def _to(requirement: _Requirement) -> str:
    if requirement.negative:
        return "not to be skipped" if requirement.status == SKIP else "not to fail"
    return _TO[requirement.status]


def _depends(reach: Reachability, need: JobReach, said: list[_Requirement]) -> str:
    """How a need depends on what was said: ", which runs only if `build` succeeds,"."""
    if need.job.condition is not None:
        return f", which runs only if `{condition_text(need)}`,"
    implies = reach.diagram.implies
    for other in said:
        assert other.need is not None
        for status in (SUCCESS, FAILED):
            guard = other.need.statuses[status]
            if guard not in (FALSE, TRUE) and implies(need.runs, guard):
                return f", which runs only if `{other.need.job.id}` {ENDS[status]},"
    rule = need.job.trigger_rule
    if need.needs and rule in ("all_failed", "one_failed"):
        names = joined([f"`{each.job.id}`" for each in need.needs])
        return f", which runs only if {'one of ' if rule == 'one_failed' and len(need.needs) > 1 else ''}{names} fails,"
    chosen = [each for each in need.needs if each.job.condition is not None]
    if chosen and rule == "all_success":
        return f", which runs only if `{chosen[0].job.id}` does (`{condition_text(chosen[0])}`),"
    return ""


def _core(reach: Reachability, job: JobReach) -> list[_Requirement]:
    rule = job.job.trigger_rule
    found: list[_Requirement] = []
    for need in job.needs:
        if rule == "all_success":
            found.append(_Requirement(need, SUCCESS, need.statuses[SUCCESS]))
        elif rule == "all_failed":
            found.append(_Requirement(need, FAILED, need.statuses[FAILED]))
        elif rule == "none_skipped":
            found.append(_Requirement(need, SKIP, need.statuses[SKIP] ^ 1, negative=True))
        elif rule == "none_failed":
            ok = reach.diagram.both(need.statuses[FAILED] ^ 1, need.statuses[CANCEL] ^ 1)
            found.append(_Requirement(need, FAILED, ok, negative=True))
    if rule in ("one_success", "one_failed"):
        return [_Requirement(None, "", job.condition)]
    found.append(_Requirement(None, "", job.condition))
    if len(found) > REQUIREMENTS:
        return found
    for requirement in list(reversed(found)):
        rest = [other for other in found if other is not requirement]
        if rest and reach.diagram.conjunction(other.guard for other in rest) == FALSE:
            found = rest
    return found
