"""The local machine: each task in a worker thread, which runs the interpreter.

Threads are made when a task finds none idle and kept for the next one. Their number is bounded by the tasks
that the engine has submitted and not collected; the engine bounds those. A thread that waits in a `trigger`
stage holds no slot of the engine, so nested runs cannot starve one another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from jobc.backends.api import (
    ENDED,
    LOST,
    RUNNING,
    BackendError,
    Capabilities,
    JobHandle,
    JobStatus,
    Task,
    TaskLost,
)
from jobc.interpreter.api import Cancellation, CombinationResult, ErrorInfo


class _Running:
    __slots__ = ("cancellation", "handle", "result", "task")

    def __init__(self, handle: JobHandle, task: Task) -> None:
        self.handle = handle
        self.task = task
        self.cancellation = Cancellation()
        self.result: CombinationResult | None = None


class LocalBackend:
    """Runs tasks in this process. Notifies; hosted; a handle dies with the process."""

    capabilities = Capabilities(notifies=True, hosted=True, files=True, shares_machine=True)

    def __init__(self) -> None:
        self._tasks: dict[str, _Running] = {}
        self._inbox: SimpleQueue[_Running | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._notify: Callable[[JobHandle], None] = lambda handle: None

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self._notify = notify

    def submit(self, task: Task) -> JobHandle:
        if task.name in self._tasks:
            return self._tasks[task.name].handle
        running = _Running(JobHandle("local", task.name), task)
        with self._lock:
            spawn = self._idle == 0
            if not spawn:
                self._idle -= 1
        if spawn:
            try:
                threading.Thread(target=self._work, name=f"jobc-{self._threads + 1}", daemon=True).start()
            except RuntimeError as error:
                raise BackendError(f"this machine gives no thread for it: {error}", transient=True) from error
            self._threads += 1
        self._tasks[task.name] = running
        self._inbox.put(running)
        return running.handle

    def attach(self, handle: JobHandle, task: Task) -> None:
        raise TaskLost("the process that ran it has ended")

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [self._status(handle) for handle in handles]

    def _status(self, handle: JobHandle) -> JobStatus:
        running = self._tasks.get(handle.id)
        if running is None:
            return JobStatus(LOST, "the process that ran it has ended")
        return JobStatus(RUNNING if running.result is None else ENDED)

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        running = self._tasks.get(handle.id)
        if running is not None:
            running.cancellation.throw(reason, message)

    def kill(self, handle: JobHandle) -> None:
        running = self._tasks.get(handle.id)
        if running is not None:
            running.cancellation.kill()

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        return b""

    def collect(self, handle: JobHandle) -> CombinationResult:
        result = self._tasks.pop(handle.id).result
        assert result is not None, "collected before its end"
        return result

    def close(self) -> None:
        with self._lock:
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._inbox.put(None)

    def _work(self) -> None:
        while True:
            running = self._inbox.get()
            if running is None:
                return
            running.result = _run(running)
            with self._lock:
                self._idle += 1
            self._notify(running.handle)


def _run(running: _Running) -> CombinationResult:
    from jobc.interpreter.run import run_combination

    task = running.task
    try:
        if task.host is None:
            raise ValueError("a local task needs a host")
        return run_combination(
            task.program, task.workflow, task.job, task.inputs, task.host, running.cancellation
        )
    except BaseException as error:  # noqa: BLE001 - a defect of the interpreter must end the task, not the thread
        result = CombinationResult("failed", task.inputs.matrix)
        result.error = ErrorInfo("internal", f"{type(error).__name__}: {error}")
        return result
