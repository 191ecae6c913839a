"""This machine as one run sees it: its resources, what other runs take of them, and who waits for that."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from jobc.engine.options import Options
from jobc.engine.resources import Room, machine
from jobc.engine.sharing.machine_table import MachineTable
from jobc.engine.state import JobState


class Machine:
    """`room` is what the run's jobs share with those of other runs, where the options name a folder for that."""

    def __init__(self, options: Options, inbox: SimpleQueue[tuple[str, Any]]) -> None:
        total = machine(options.environ)
        self._table: MachineTable | None = None
        if options.groups is not None:
            run = options.run_id or ""
            self._table = MachineTable(options.groups, run, total, lambda: inbox.put(("room", None)))
        self.room = Room(total, self._table)
        self._told: set[JobState] = set()

    def look(self) -> None:
        """Another run gave something back, or died."""
        self.room.changed = True
        if self._table is not None:
            self._table.watch()

    def waiting(self) -> Iterator[tuple[JobState, str]]:
        """The jobs that wait since the last call for what other runs take, each once, and in words for which runs."""
        waiting, self.room.behind_others = self.room.behind_others, []
        for state in waiting:
            runs = [] if self._table is None else [f"run {run}" for run in self._table.holders()]
            if runs and state not in self._told:
                self._told.add(state)
                yield state, f"waits for resources of this machine, held by {', '.join(runs)}"

    def close(self) -> None:
        if self._table is not None:
            self._table.close()
