"""Nested runs: those that `trigger` stages ask for, as the loop of the scheduler runs them.

A combination that waits for a run lends it its slot, once however many of its stages wait. When the last of them has its
outcome the combination stands in line for a slot, and goes on when it has one; a cancelled one takes it at once, for it is
only going to end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from jobc.engine.judge import Failure
from jobc.engine.options import MAX_DEPTH
from jobc.engine.recorder import Recorder
from jobc.engine.slots import Slots
from jobc.engine.state import RunState, Ticket
from jobc.errors import StateError
from jobc.interpreter.api import TriggerOutcome
from jobc.ir.status import CANCEL, FAILED

Start = Callable[[int, dict[str, Any], Ticket], RunState]


class NestedRuns:
    """`start` makes the state of a run and `open` begins it; `cancel` and `kill` end one."""

    def __init__(
        self,
        recorder: Recorder,
        slots: Slots,
        start: Start,
        open: Callable[[RunState], None],
        cancel: Callable[[RunState, str, str], None],
        kill: Callable[[RunState], None],
    ) -> None:
        self._recorder = recorder
        self._slots = slots
        self._start = start
        self._open = open
        self._cancel = cancel
        self._kill = kill
        self._resuming: deque[Ticket] = deque()
        #: Those that have not ended.
        self.runs: list[RunState] = []

    def of(self, run: RunState) -> list[RunState]:
        """Those that combinations of `run` wait for."""
        return [each for each in self.runs if each.ticket and each.ticket.combination.job.run is run]

    def triggered(self, ticket: Ticket) -> None:
        """A stage asks for a run."""
        combination = ticket.combination
        combination.lent += 1
        if combination.lent == 1:
            self._slots.give(combination)
        parent = combination.job.run
        refusal = None
        if parent.depth + 1 > MAX_DEPTH:
            refusal = f"workflows trigger one another more than {MAX_DEPTH} levels deep"
        elif combination.cancelled is not None or combination.ended:
            refusal = "cancelled before it started"
        elif self._recorder.failure is not None:
            refusal = str(self._recorder.failure)
        if refusal is None:
            try:
                run = self._start(ticket.workflow, ticket.params, ticket)
            except Failure as failure:
                refusal = failure.error.message
            except StateError as error:
                refusal = str(error)
        if refusal is not None:
            status = CANCEL if combination.cancelled is not None else FAILED
            ticket.outcome = TriggerOutcome(status, {}, refusal)
            self._resume(ticket)
            return
        ticket.run = run
        self.runs.append(run)
        if run.result.status:
            self.report(run)
            return
        self._open(run)
        if ticket.cancellation.thrown:
            self.cancelled(ticket)

    def cancelled(self, ticket: Ticket) -> None:
        """The stage that waits was cancelled, or killed."""
        if ticket.run is None or ticket.outcome is not None:
            return
        cancellation = ticket.cancellation
        self._cancel(ticket.run, cancellation.reason or "cancel", cancellation.message)
        if cancellation.killed:
            self._kill(ticket.run)

    def report(self, run: RunState) -> None:
        """Tell the `trigger` stage that waits for a run how it ended."""
        result, ticket = run.result, run.ticket
        if ticket is None:
            return
        self.runs.remove(run)
        ticket.outcome = TriggerOutcome(result.status, result.outputs, result.reason or "", run.id)
        self._resume(ticket)

    def _resume(self, ticket: Ticket) -> None:
        """Let a `trigger` stage go on: at once if others of its combination wait, else with a slot."""
        combination = ticket.combination
        combination.lent -= 1
        if combination.lent > 0 or combination.ended:
            ticket.done.set()
        elif combination.cancelled is not None:
            self._slots.take(combination)
            ticket.done.set()
        else:
            self._resuming.append(ticket)

    def granted(self) -> list[Ticket]:
        """The stages that go on now; their combinations have their slots again."""
        granted = []
        while self._slots.free > 0 and self._resuming:
            ticket = self._resuming.popleft()
            self._slots.take(ticket.combination)
            granted.append(ticket)
        return granted
