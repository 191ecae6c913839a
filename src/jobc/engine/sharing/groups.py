"""Concurrency groups: at most `limit` jobs or runs of a group at once, first come, first served.

A group is known to all engines of a state directory, through a table (`group_table`) and wake-ups (`neighbours`);
without a folder it ends with the run. A job inside a run that a member of the group triggered passes: its member
waits for it already.

A seat that displaces others asks those to go that keep it out, and waits until they have gone: what they had begun ends
as it does in any cancellation.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Union

from jobc.engine.sharing import owner
from jobc.engine.state import JobState, RunState
from jobc.errors import StateError

if TYPE_CHECKING:
    from jobc.engine.sharing.group_table import Change, GroupTable
    from jobc.engine.sharing.neighbours import Neighbours

Holder = Union[JobState, RunState]


class Group:
    """`limit` seats; `displaces`: a new member sends the older ones away."""

    __slots__ = ("displaces", "limit", "name")

    def __init__(self, name: str, limit: int, displaces: bool) -> None:
        self.name = name
        self.limit = limit
        self.displaces = displaces


class _Seat:
    __slots__ = ("group", "holder", "inside", "told")

    def __init__(self, holder: Holder, group: Group) -> None:
        self.holder = holder
        self.group = group
        self.inside = False
        self.told = False


class Moves:
    """Whom a change let in, and who must go, with the reason in words."""

    __slots__ = ("admitted", "displaced")

    def __init__(self) -> None:
        self.admitted: list[Holder] = []
        self.displaced: list[tuple[Holder, str]] = []


class Groups:
    """The groups of one engine. `notify` is called from another thread when `look` would find news. Raises StateError."""

    def __init__(self, folder: str | None, notify: Callable[[], None]) -> None:
        self._folder = folder
        self._notify = notify
        self._table: GroupTable | None = None
        self._neighbours: Neighbours | None = None
        self._seats: dict[int, _Seat] = {}
        self._of: dict[Holder, int] = {}
        self._waiting = 0

    def enter(self, holder: Holder, group: Group) -> Moves:
        """Take a seat: `holder` is among the admitted, or waits until `leave` or `look` admits it."""
        moves = Moves()
        for member in _ancestors(holder):
            seat = self._of.get(member)
            if seat is not None and self._seats[seat].group.name == group.name and self._seats[seat].inside:
                moves.admitted.append(holder)
                return moves
        run, job = _names(holder)
        number, change = self._open().join(group.name, run, job, group.limit, group.displaces)
        self._seats[number] = _Seat(holder, group)
        self._of[holder] = number
        self._waiting += 1
        moves = self._moves(change)
        self._watch()
        return moves

    def leave(self, holder: Holder) -> Moves:
        """Give up a seat, if there is one."""
        number = self._of.pop(holder, None)
        if number is None:
            return Moves()
        seat = self._seats.pop(number)
        self._waiting -= not seat.inside
        moves = self._moves(self._open().leave(number, seat.group.name))
        self._watch()
        return moves

    def look(self) -> Moves:
        """What other engines changed."""
        if self._table is None:
            return Moves()
        moves = self._moves(self._table.look())
        self._watch()
        return moves

    def waits(self, holder: Holder) -> bool:
        """Whether a holder has a seat that is not inside yet."""
        number = self._of.get(holder)
        return number is not None and not self._seats[number].inside

    def wait_words(self, holder: Holder) -> str:
        """What a holder that waits waits for."""
        seat = self._seats[self._of[holder]]
        name = seat.group.name
        held = [
            f"job `{job}`" + ("" if run == _names(holder)[0] else f" of run {run}") if job else f"run {run}"
            for run, job in self._open().holders(name, 3)
        ]
        return f"waits for the concurrency group `{name}`" + (f", held by {', '.join(held)}" if held else "")

    def close(self) -> None:
        if self._table is not None:
            # Where that fails, its death gives up its seats.
            with contextlib.suppress(StateError):
                self._wake(self._table.close())
        if self._neighbours is not None:
            self._neighbours.close()

    def _open(self) -> GroupTable:
        if self._table is None:
            from jobc.engine.sharing.group_table import GroupTable
            from jobc.engine.sharing.neighbours import Neighbours

            if self._folder is None:
                self._table = GroupTable(":memory:", "", lambda engine: True)
            else:
                self._neighbours = Neighbours(self._folder, self._notify)
                path = os.path.join(self._folder, "groups.db")
                self._table = GroupTable(path, self._neighbours.token, self._neighbours.alive)
                pid, started, _ = owner.this_process()
                self._table.sign_in(pid, started)
        return self._table

    def _moves(self, change: Change) -> Moves:
        moves = Moves()
        for number in change.admitted:
            seat = self._seats.get(number)
            if seat is not None and not seat.inside:
                seat.inside = True
                self._waiting -= 1
                moves.admitted.append(seat.holder)
        for number, why in change.displaced:
            seat = self._seats.get(number)
            if seat is not None and not seat.told:
                seat.told = True
                moves.displaced.append((seat.holder, why))
        self._wake(change)
        return moves

    def _wake(self, change: Change) -> None:
        if self._neighbours is not None:
            for engine in change.engines:
                if engine != self._neighbours.token:
                    self._neighbours.wake(engine)

    def _watch(self) -> None:
        """Be woken by the deaths of others while somebody here waits."""
        if self._neighbours is None or self._table is None:
            return
        self._neighbours.watch(self._table.others() if self._waiting else ())


def folder_in(state_dir: str) -> str:
    """Where the groups of a state directory (`.jobc`) stand."""
    return os.path.join(state_dir, "state", "groups")


def _names(holder: Holder) -> tuple[str, str | None]:
    """(run, job); the job is None for a run."""
    if isinstance(holder, RunState):
        return holder.id, None
    return holder.run.id, holder.job.id


def _ancestors(holder: Holder) -> Iterator[Holder]:
    """The jobs and runs around it, nearest first."""
    run = holder
    if isinstance(holder, JobState):
        run = holder.run
        yield run
    while isinstance(run, RunState) and run.ticket is not None:
        job = run.ticket.combination.job
        yield job
        run = job.run
        yield run
