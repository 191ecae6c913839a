"""Whose turn it is: the jobs that have combinations to start, in a ring.

The job at the front starts one combination and goes to the end, so a matrix of ten thousand does not starve a job
of one. A job that something beside itself keeps from starting (its run's `max-parallel`, its environment, the machine's
resources) leaves the ring and stands in line at that bound; when the bound has room, the first of the line comes
back. So a turn costs the same however many jobs wait.
"""

from __future__ import annotations

from collections import deque

from jobc.engine.resources import Room
from jobc.engine.state import JobState, RunState
from jobc.engine.tasks import Tasks

#: How many of those that wait for resources are asked whether they fit into what is free.
BACKFILL = 100


class Ring:
    """The jobs that may start something; a job stands in one place at a time (`JobState.listed`)."""

    def __init__(self, tasks: Tasks, room: Room) -> None:
        self._tasks = tasks
        self._room = room
        self._ring: deque[JobState] = deque()
        #: By a run (its `max-parallel`) or by an environment's name.
        self._lines: dict[RunState | str, deque[JobState]] = {}
        self._for_room: deque[JobState] = deque()

    def add(self, state: JobState) -> None:
        """Let a job stand at the end, if it has something to start and stands nowhere."""
        if not state.listed and state.startable:
            state.listed = True
            self._ring.append(state)

    def turn(self) -> None:
        """Bring back one job from each line that has room."""
        for bound in [bound for bound in self._lines if self._has_room(bound)]:
            self._bring_back(bound)
        self._bring_back_for_room()

    def next(self) -> JobState | None:
        """A job that can start a combination now; it stands nowhere until it is added again."""
        while True:
            if not self._ring and not self._refill():
                return None
            state = self._ring.popleft()
            if not state.startable:
                state.listed = False
                self._room.forget(state)
                continue
            bound = self._bound(state)
            if bound is not None:
                self._room.forget(state)
                self._lines.setdefault(bound, deque()).append(state)
            elif not self._fits(state):
                self._for_room.append(state)
            else:
                state.listed = False
                return state

    def _refill(self) -> bool:
        for bound in self._lines:
            if self._has_room(bound):
                self._bring_back(bound)
                return True
        return self._bring_back_for_room()

    def _bound(self, state: JobState) -> RunState | str | None:
        run, name = state.run, state.environment
        if not self._has_room(run):
            return run
        if name is None:
            name = self._tasks.environment(state.upcoming())
        return None if self._has_room(name) else name

    def _has_room(self, bound: RunState | str) -> bool:
        if isinstance(bound, str):
            return self._tasks.has_room(bound)
        return bound.limit is None or bound.running < bound.limit

    def _bring_back(self, bound: RunState | str) -> None:
        line = self._lines[bound]
        self._ring.append(line.popleft())
        if not line:
            del self._lines[bound]

    def _bring_back_for_room(self) -> bool:
        if not self._room.changed:
            return False
        self._room.changed = False
        stay: list[JobState] = []
        found = False
        for _ in range(min(BACKFILL, len(self._for_room))):
            state = self._for_room.popleft()
            if not state.startable or self._fits(state):
                self._ring.append(state)
                found = True
            else:
                stay.append(state)
        self._for_room.extendleft(reversed(stay))
        self._room.changed = found
        return found

    def _fits(self, state: JobState) -> bool:
        needed = self._tasks.needs(state.upcoming()) if state.job.resources else {}
        return not needed or self._room.fits(state, needed)
