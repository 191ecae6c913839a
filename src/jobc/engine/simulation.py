"""Whole runs in virtual time: nothing is executed, and hours pass in milliseconds.

The scheduler is the real one; its clock and its environments are not. A `SimulatedClock` stands still while the scheduler
works and jumps to what happens next when it would wait. A simulated environment ends each attempt after the time, and
with the result, that the caller names. After that time come its `trigger` stages: the runs that they start are simulated too,
and the attempt ends when they have (`simulated_triggers`). Everything happens in one thread and in an order that depends on the
program and on those answers alone, so the same simulation gives the same events, to the digit.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from queue import SimpleQueue
from typing import Any

from jobc.backends.api import ENDED, LOST, RUNNING, Capabilities, JobHandle, JobStatus, Task, TaskLost
from jobc.engine.clock import Message
from jobc.engine.control import Control
from jobc.engine.options import Options
from jobc.engine.result import RunResult
from jobc.engine.run import execute
from jobc.engine.simulated_triggers import Triggers
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.program import Program
from jobc.ir.status import CANCEL, FAILED, SUCCESS

Duration = Callable[[Task], float]
Outcome = Callable[[Task], CombinationResult]

#: What the programs' `datetime.now()` gives.
INSTANT = datetime(2000, 1, 1, tzinfo=timezone.utc)


class Stuck(Exception):
    """Nothing can happen any more, and the run has not ended: a defect of the scheduler."""


class SimulatedClock:
    """Jumps to the next happening, or to what the scheduler waits for, whichever is first."""

    def __init__(self) -> None:
        self._now = 0.0
        self._happenings: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    def at(self, instant: float, action: Callable[[], None]) -> None:
        """Have something happen then; what happens at one instant does so in the order of these calls."""
        self._count += 1
        heapq.heappush(self._happenings, (instant, self._count, action))

    def take(self, inbox: SimpleQueue[Message], until: float | None) -> Message | None:
        while inbox.empty():
            if self._happenings and (until is None or self._happenings[0][0] <= until):
                instant, _, action = heapq.heappop(self._happenings)
                self._now = max(self._now, instant)
                action()
            elif until is not None:
                self._now = max(self._now, until)
                return None
            else:
                raise Stuck("the run waits for something that will never happen")
        return inbox.get()


class SimulatedBackend:
    """An environment whose attempts last `duration(task)` seconds, and as long as the runs that they trigger, and end as
    `outcome(task)` says, or failed where such a run is no success.

    Runs are triggered where `capabilities` are those of a hosted environment. An attempt that is cancelled ends `ending` seconds later. `most` is the largest number of attempts that ran at once.
    """

    def __init__(
        self,
        clock: SimulatedClock,
        duration: Duration,
        outcome: Outcome,
        *,
        ending: float = 0.0,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.capabilities = capabilities or Capabilities(notifies=True, hosted=True, shares_machine=True)
        self.most = 0
        self._clock = clock
        self._duration = duration
        self._outcome = outcome
        self._ending = ending
        self._running: dict[str, Task] = {}
        self._triggers: dict[str, Triggers] = {}
        self._ended: dict[str, CombinationResult] = {}
        self._notify: Callable[[JobHandle], None] = lambda handle: None

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self._notify = notify

    def submit(self, task: Task) -> JobHandle:
        handle = JobHandle("simulated", task.name)
        if task.name not in self._running:
            self._running[task.name] = task
            self.most = max(self.most, len(self._running))
            end = self._clock.now() + self._duration(task)
            self._clock.at(end, lambda: self._trigger(handle))
        return handle

    def _trigger(self, handle: JobHandle) -> None:
        """An attempt has done its own work."""
        task = self._running.get(handle.id)
        if task is None:
            return
        if task.host is None:
            self._end(handle, self._outcome)
            return
        triggers = self._triggers[handle.id] = Triggers(
            task, lambda action: self._clock.at(self._clock.now(), action)
        )
        triggers.run(lambda error: self._triggered(handle, error))

    def _triggered(self, handle: JobHandle, error: ErrorInfo | None) -> None:
        if self._triggers[handle.id].cancellation.thrown:
            self._clock.at(self._clock.now() + self._ending, lambda: self._end(handle, cancelled))
        elif error is not None:
            self._end(handle, lambda task: failed(task, error.type, error.message))
        else:
            self._end(handle, self._outcome)

    def _end(self, handle: JobHandle, outcome: Outcome) -> None:
        task = self._running.pop(handle.id, None)
        self._triggers.pop(handle.id, None)
        if task is not None:
            result = self._ended[handle.id] = outcome(task)
            if task.host is not None:
                for stage in result.stages:
                    task.host.emit({"event": "stage-ended", "stage": stage.path, **stage.to_json()})
            if self.capabilities.notifies:
                self._notify(handle)

    def attach(self, handle: JobHandle, task: Task) -> None:
        raise TaskLost("the process that simulated it has ended")

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [
            JobStatus(RUNNING if each.id in self._running else ENDED if each.id in self._ended else LOST)
            for each in handles
        ]

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        if handle.id in self._triggers:
            self._triggers[handle.id].cancellation.throw(reason, message)
            return
        self._clock.at(self._clock.now() + self._ending, lambda: self._end(handle, cancelled))

    def kill(self, handle: JobHandle) -> None:
        if handle.id in self._triggers:
            self._triggers[handle.id].cancellation.kill()
            return
        self._end(handle, cancelled)

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        return b""

    def collect(self, handle: JobHandle) -> CombinationResult:
        return self._ended.pop(handle.id)

    def close(self) -> None:
        self._running.clear()


def succeeded(task: Task) -> CombinationResult:
    """An outcome."""
    return CombinationResult(SUCCESS, task.inputs.matrix)


def cancelled(task: Task) -> CombinationResult:
    """An outcome."""
    result = CombinationResult(CANCEL, task.inputs.matrix)
    result.error = ErrorInfo("cancel", "cancelled")
    return result


def failed(task: Task, type: str = "exit", message: str = "failed") -> CombinationResult:
    """An outcome. The type `lost` makes it an interruption."""
    result = CombinationResult(FAILED, task.inputs.matrix)
    result.error = ErrorInfo(type, message)
    return result


class Simulation:
    """`events` as a listener gets them, `time` being the virtual seconds since the start; `most` ran at once."""

    def __init__(self, result: RunResult, events: list[dict[str, Any]], makespan: float, most: int) -> None:
        self.result = result
        self.events = events
        self.makespan = makespan
        self.most = most

    def times(self, kind: str, job: str | None = None) -> list[float]:
        """When events of a kind happened, of one job or of all."""
        return [
            event["time"]
            for event in self.events
            if event["event"] == kind and (job is None or event["job"] == job)
        ]


def simulate(
    program: Program,
    params: Mapping[str, Any] | None = None,
    *,
    duration: Duration = lambda task: 1.0,
    outcome: Outcome = succeeded,
    ending: float = 0.0,
    capabilities: Capabilities | None = None,
    happenings: Sequence[tuple[float, Callable[[Control], None]]] = (),
    seed: str = "simulated",
    **options: Any,
) -> Simulation:
    """Run a program in virtual time. `happenings` act on the run at given instants; `options` are those of `Options`.

    `seed` is the run's id, from which the jitter of retries follows. Raises as `execute` does, and Stuck.
    """
    clock = SimulatedClock()
    control = Control()
    backend = SimulatedBackend(clock, duration, outcome, ending=ending, capabilities=capabilities)
    events: list[dict[str, Any]] = []
    for instant, act in happenings:
        clock.at(instant, lambda act=act: act(control))  # type: ignore[misc]
    options.setdefault("now", INSTANT)
    settings = Options(run_id=seed, clock=clock, control=control, backend=lambda name: backend, **options)
    result = execute(
        program, params or {}, settings, lambda event: events.append({**event, "time": clock.now()})
    )
    return Simulation(result, events, clock.now(), backend.most)
