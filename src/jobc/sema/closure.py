"""What every job waits for, directly or through others: one integer a job, with a bit for each of the jobs before it.

To collect them by a walk for each job takes the square of a long chain; here a job's is the union of its needs'.
Only of so many jobs, as the integers of `n` jobs take `n²` bits; of more, nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jobc.syntax.ast import Job

MOST = 20_000


class Closure:
    """Of jobs in an order in which needs come first. `follows` tells of which jobs the needs count."""

    __slots__ = ("_before", "_bits", "known")

    def __init__(self, order: list[Job], follows: Callable[[Job], bool] = lambda job: True) -> None:
        self.known = len(order) <= MOST
        self._bits: dict[str, int] = {}
        self._before: dict[str, int] = {}
        for job in order if self.known else ():
            found = 0
            if follows(job):
                for need in job.needs:
                    found |= self._before.get(need.id, 0) | self.bit(need.id)
            self._before[job.id] = found

    def bit(self, id: str) -> int:
        """The job's own bit."""
        found = self._bits.get(id)
        if found is None:
            found = self._bits[id] = 1 << len(self._bits)
        return found

    def has(self, job: str, other: str) -> bool:
        """Whether a job waits for another one."""
        return bool(self._before.get(job, 0) & self._bits.get(other, 0))

    def among(self, job: str, others: Iterable[str]) -> list[str]:
        """Those of some jobs that a job waits for."""
        before = self._before.get(job, 0)
        return [other for other in others if before & self._bits.get(other, 0)] if before else []

    def meets(self, job: str, bits: int) -> bool:
        """Whether a job waits for one of those that have these bits."""
        return bool(self._before.get(job, 0) & bits)
