"""Statuses, trigger rules, and what statuses make together (LANGUAGE §2). Python 3.9, standard library only."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Sequence, Tuple

SUCCESS = "success"
FAILED = "failed"
SKIP = "skip"
CANCEL = "cancel"
#: Not terminal: a need that has not ended.
WAIT = "wait"

TERMINAL = (SUCCESS, FAILED, SKIP, CANCEL)

RULES = (
    "all_success",
    "all_failed",
    "all_done",
    "one_success",
    "one_failed",
    "none_failed",
    "none_skipped",
)


def rule_holds(rule: str, statuses: Sequence[str]) -> bool:
    """Whether a trigger rule holds of the (terminal) statuses of all needs; no needs hold every rule."""
    if not statuses:
        return True
    if rule == "all_success":
        return all(s == SUCCESS for s in statuses)
    if rule == "all_failed":
        return all(s == FAILED for s in statuses)
    if rule == "all_done":
        return True
    if rule == "one_success":
        return SUCCESS in statuses
    if rule == "one_failed":
        return FAILED in statuses
    if rule == "none_failed":
        return FAILED not in statuses and CANCEL not in statuses
    if rule == "none_skipped":
        return SKIP not in statuses
    raise ValueError("unknown trigger rule: %s" % rule)


def check_needs(rule: str, needs: Sequence[str], statuses: Mapping[str, str]) -> Tuple[str, Optional[str]]:
    """(SUCCESS | SKIP | WAIT, why not) for a job with these needs; an absent need is WAIT."""
    seen = [statuses.get(need, WAIT) for need in needs]
    if WAIT in seen:
        return WAIT, "waits for %s" % ", ".join(n for n, s in zip(needs, seen) if s == WAIT)
    if rule_holds(rule, seen):
        return SUCCESS, None
    return SKIP, "rule %s does not hold: %s" % (rule, ", ".join("%s: %s" % p for p in zip(needs, seen)))


def combine(statuses: Iterable[str]) -> str:
    """The status of a job from its combinations'; of no combinations, SKIP."""
    seen = set(statuses)
    if FAILED in seen:
        return FAILED
    if CANCEL in seen:
        return CANCEL
    if SUCCESS in seen:
        return SUCCESS
    return SKIP
