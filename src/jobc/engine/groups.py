"""Concurrency groups within one run and the runs it triggers: at most `limit` jobs of a group at once.

First come, first served. A job inside a run that a member of the group triggered passes: its member waits
for it already.
"""

from __future__ import annotations

from collections import deque

from jobc.engine.state import JobState


class _Group:
    __slots__ = ("inside", "limit", "waiting")

    def __init__(self) -> None:
        self.inside: list[JobState] = []
        self.waiting: deque[JobState] = deque()
        self.limit = 1


class Groups:
    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def enter(self, state: JobState, name: str, limit: int, displaces: bool) -> tuple[bool, list[JobState]]:
        """(whether the job is in now, the jobs that it displaces). Otherwise it waits until `leave` admits it."""
        group = self._groups.setdefault(name, _Group())
        group.limit = limit
        state.group = name
        if any(member in group.inside for member in _ancestors(state)):
            return True, []
        if len(group.inside) < group.limit and not group.waiting:
            self._admit(group, state)
            return True, []
        displaced = [*group.inside, *group.waiting] if displaces else []
        group.waiting.append(state)
        return False, displaced

    def leave(self, state: JobState) -> list[JobState]:
        """Take an ended job out; the jobs that are in now in its place."""
        if state.group is None:
            return []
        group = self._groups[state.group]
        if state.holds:
            state.holds = False
            group.inside.remove(state)
        elif state in group.waiting:
            group.waiting.remove(state)
        admitted = []
        while group.waiting and len(group.inside) < group.limit:
            waiting = group.waiting.popleft()
            self._admit(group, waiting)
            admitted.append(waiting)
        return admitted

    def _admit(self, group: _Group, state: JobState) -> None:
        state.holds = True
        group.inside.append(state)


def _ancestors(state: JobState) -> list[JobState]:
    """The jobs whose `trigger` stages led to a job, nearest first."""
    found = []
    ticket = state.run.ticket
    while ticket is not None:
        found.append(ticket.combination.job)
        ticket = ticket.combination.job.run.ticket
    return found
