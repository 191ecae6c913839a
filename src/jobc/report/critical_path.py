"""The critical path of a run that has been: the chain of jobs, and in each the combination, that its end waited for.

It is read backwards: from the job that ended last to the one of its needs that ended last, and so on. Within a job it is
the combination that ended last. A faster job on this path would have made the run shorter; one beside it would not.
"""

from __future__ import annotations

from collections.abc import Sequence


def critical_path(ends: Sequence[float | None], needs: Sequence[Sequence[int]]) -> list[int]:
    """Positions from the first to the last. `ends` is when each job ended, None where it never ran."""
    ran = [position for position, end in enumerate(ends) if end is not None]
    path: list[int] = []
    while ran:
        last = max(ran, key=lambda position: (ends[position], position))
        path.append(last)
        ran = [need for need in needs[last] if ends[need] is not None]
    return path[::-1]
