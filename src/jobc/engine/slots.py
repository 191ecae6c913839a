"""The slots that combinations run in, over the whole tree of runs, and the resources that go with one."""

from __future__ import annotations

from jobc.engine.resources import Room
from jobc.engine.state import CombinationState


class Slots:
    """`free` is how many more combinations may run."""

    __slots__ = ("_room", "free")

    def __init__(self, count: int, room: Room) -> None:
        self.free = count
        self._room = room

    def take(self, combination: CombinationState) -> None:
        """Take a slot and what the combination needs, or take them again where it had lent them."""
        self.free -= 1
        if combination.needs:
            self._room.take(combination.job, combination.needs)

    def give(self, combination: CombinationState) -> None:
        self.free += 1
        if combination.needs:
            self._room.give(combination.needs)
