"""The engine's side of a combination that runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from jobc.engine.recorder import Recorder
from jobc.engine.state import CombinationState, Ticket
from jobc.interpreter.api import Cancellation, TriggerOutcome

if TYPE_CHECKING:
    from jobc.interpreter.containers import Containers


class CombinationHost:
    """The `Host` of one attempt. Called from worker threads; it touches no state but its own."""

    __slots__ = ("_combination", "_containers", "_inbox", "_now", "_place", "_recorder")

    def __init__(
        self,
        combination: CombinationState,
        recorder: Recorder,
        inbox: SimpleQueue[tuple[str, Any]],
        now: Callable[[], datetime],
        containers: Callable[[], Containers],
    ) -> None:
        self._combination = combination
        self._place = combination.place
        self._recorder = recorder
        self._inbox = inbox
        self._now = now
        self._containers = containers

    def emit(self, event: Mapping[str, Any]) -> None:
        self._recorder.stage_event(self._place, event)

    def now(self) -> datetime:
        return self._now()

    def containers(self) -> Containers:
        return self._containers()

    def trigger(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        ticket = Ticket(self._combination, workflow, dict(params), stage, cancellation)

        def cancelled() -> None:
            self._inbox.put(("trigger-cancel", ticket))

        self._inbox.put(("trigger", ticket))
        cancellation.listen(cancelled)
        try:
            ticket.done.wait()
        finally:
            cancellation.unlisten(cancelled)
        assert ticket.outcome is not None
        return ticket.outcome
