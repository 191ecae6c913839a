"""One task without an engine: in a container, on a batch node, on a runner.

What happens goes out as events, one JSON object a line after the mark that `JOBC_MARK` gives, as it happens; the result is
written when all has ended, whole or not at all. SIGTERM and SIGINT cancel (a second one kills), the task's own time cancels too; both leave a result that
says so. The exit code is that of a run: 0 success or skipped, 1 failed, 124 timed out, 128 + signal.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, TextIO

from jobc.interpreter.api import Cancellation, CombinationResult, TriggerOutcome
from jobc.interpreter.run import run_combination
from jobc.interpreter.taskfile import TaskFile, dump_result
from jobc.ir.program import Program
from jobc.ir.status import CANCEL, FAILED

if TYPE_CHECKING:
    from jobc.interpreter.containers import Containers

#: (workflow, params, stage, cancellation, emit) → outcome, for `trigger` stages.
Trigger = Callable[[int, Mapping[str, Any], str, Cancellation], TriggerOutcome]


class StreamHost:
    """Writes events to a stream. `trigger` runs the workflows that the stages ask for."""

    def __init__(
        self, task: TaskFile, job: str, stream: TextIO, trigger: Trigger, containers: Callable[[], Containers]
    ) -> None:
        self._stream = stream
        self._trigger = trigger
        self._containers = containers
        self._lock = threading.Lock()
        self._mark = task.inputs.environ.pop("JOBC_MARK", "")
        self._fixed = None
        if task.now is not None:
            from jobc.interpreter.instants import parse

            self._fixed = parse(task.now)
        self._place: Dict[str, Any] = {
            "run": task.inputs.run.get("id"),
            "job": job,
            "combination": task.inputs.strategy.get("index", 0),
        }

    def emit(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "stage-decided":
            return  # for an engine that would go on with half a stage; this one is run whole, or again
        event = {name: value for name, value in event.items() if name != "journal"}
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {"event": event["event"], "time": time, **self._place, **event}
        line = json.dumps(told, ensure_ascii=True, default=_plain)
        with self._lock:
            self._stream.write(self._mark + line + "\n")
            self._stream.flush()

    def now(self) -> datetime:
        return self._fixed if self._fixed is not None else datetime.now(timezone.utc)

    def trigger(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        return self._trigger(workflow, params, stage, cancellation)

    def containers(self) -> Containers:
        return self._containers()


def _plain(value: Any) -> str:
    """What JSON has no form for, as the journal and the results have it."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def run_task(
    program: Program,
    task: TaskFile,
    result_path: str,
    stream: TextIO,
    trigger: Trigger,
    containers: Callable[[], Containers],
) -> int:
    """Run `task` to its end and write its result; the exit code. For the main thread of a process of its own.

    Raises OSError where the result cannot be written.
    """
    job = program.workflows[task.workflow].jobs[task.job]
    cancellation = Cancellation()
    received: List[int] = []

    def interrupted(number: int, frame: Any) -> None:
        if received:
            cancellation.kill()
        received.append(number)
        cancellation.throw("cancel", "cancelled by %s" % signal.Signals(number).name)

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGTERM, signal.SIGINT)}
    timer: Optional[threading.Timer] = None
    if task.timeout is not None:
        message = "the job's time of %g s was over" % task.timeout
        timer = threading.Timer(task.timeout, cancellation.throw, ("timeout", message))
        timer.daemon = True
        timer.start()
    # In a thread of its own, so that a signal's handler never interrupts the holder of a lock that it needs.
    ended: List[CombinationResult] = []
    host = StreamHost(task, job.id, stream, trigger, containers)

    def work() -> None:
        ended.append(run_combination(program, task.workflow, task.job, task.inputs, host, cancellation))

    worker = threading.Thread(target=work, name="jobc-task")
    worker.start()
    try:
        worker.join()
    finally:
        if timer is not None:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
    result = ended[0]
    write_whole(result_path, dump_result(task.name, result))
    return _exit_code(result, cancellation, received)


def write_whole(path: str, data: bytes) -> None:
    """Write a file so that a reader finds all of it or none."""
    beside = "%s.%d.part" % (path, os.getpid())
    with open(beside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _exit_code(result: CombinationResult, cancellation: Cancellation, received: List[int]) -> int:
    if result.status == CANCEL and received:
        return 128 + received[0]
    if result.status in (FAILED, CANCEL):
        return 124 if cancellation.reason == "timeout" else 1
    return 0
