"""Tasks on self-hosted runners.

    submit    the bundle goes to the runner once, the task with its key; a runner that is full or restarts gets it a little later
    follow    a thread a runner (`link`) reads its event stream: states, and output where it is little
    logs      what the stream brought, else a range of the output
    collect   the files that the task left; the runner forgets the task some seconds later, when the engine's journal has them

Nothing is lost or done twice by a broken connection: the key makes a submission the same however often it is sent, and offsets make
output so.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from jobc.backends.api import (
    LOST,
    Capabilities,
    JobHandle,
    JobStatus,
    Task,
    TaskLost,
)
from jobc.backends.bundle.parcel import Packer
from jobc.backends.self_hosted import arguments, protocol
from jobc.backends.self_hosted.arguments import Endpoint
from jobc.backends.self_hosted.held import Held
from jobc.backends.self_hosted.link import Link
from jobc.backends.self_hosted.protocol import Head, key_of
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.taskfile import TaskError
from jobc.interpreter.venvs import cache_folder
from jobc.ir.status import CANCEL, FAILED

#: The most that one call of `logs` gives, in bytes.
PIECE = 2 * 1024 * 1024
#: Calls that may wait for a runner at once.
CALLS = 8


class SelfHostedBackend:
    """Runs tasks on runners; which one is an argument of each job. A handle is good in another process."""

    capabilities = Capabilities(notifies=True, files=True, reattach=True, calls=CALLS)

    def __init__(self) -> None:
        self._links: dict[Endpoint, Link] = {}
        self._held: dict[str, tuple[Link, Held]] = {}
        self._lock = threading.Lock()
        self._packer = Packer(Path(cache_folder(dict(os.environ))) / "bundles")
        self._notify: Callable[[JobHandle], None] = lambda handle: None

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self._notify = notify

    def submit(self, task: Task) -> JobHandle:
        key = key_of(task.name)
        with self._lock:
            known = self._held.get(key)
        if known is not None:
            return known[1].handle
        link, held = self._hold(task, None)
        try:
            link.submit(held)
        except BaseException:
            self._release(held)
            raise
        return held.handle

    def attach(self, handle: JobHandle, task: Task) -> None:
        link, held = self._hold(task, handle)
        try:
            link.resume(held)
        except BaseException:
            self._release(held)
            raise

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [self._status(handle) for handle in handles]

    def _status(self, handle: JobHandle) -> JobStatus:
        found = self._held.get(handle.id)
        if found is None:
            return JobStatus(LOST, "this process does not hold it")
        return found[1].status()

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        found = self._held.get(handle.id)
        if found is not None:
            found[1].cancelled = (reason, message)
            found[0].end(found[1], "cancel")

    def kill(self, handle: JobHandle) -> None:
        found = self._held.get(handle.id)
        if found is not None:
            found[0].end(found[1], "kill")

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        found = self._held.get(handle.id)
        if found is None:
            return b""
        link, held = found
        data = held.output(offset)
        if data or offset >= held.size:
            return data
        return link.read(held, "output", offset, PIECE) or b""

    def collect(self, handle: JobHandle) -> CombinationResult:
        found = self._held.get(handle.id)
        if found is None:
            raise TaskLost("this process does not hold it")
        link, held = found
        if held.error is not None:
            self._release(held)
            raise held.error

        def read(name: str) -> bytes | None:
            return link.read(held, f"files/{name}", 0, None)

        try:
            if held.accepted:
                result = held.parcel.result(read)
            else:
                raise TaskError("it was not begun")
        except TaskError as error:
            result = _explained(held, str(error))
        self._release(held)
        link.forget_later(held)
        return result

    def close(self) -> None:
        with self._lock:
            links, self._links = list(self._links.values()), {}
            self._held.clear()
        for link in links:
            link.close()

    def _hold(self, task: Task, handle: JobHandle | None) -> tuple[Link, Held]:
        """Get a task ready, and follow it from now on."""
        target = arguments.endpoint(task.arguments, task.inputs.workdir)
        cpu, memory = arguments.limits(task.resources)
        parcel = self._packer.pack(task)
        head = Head(
            task.name,
            parcel.bundle.hash,
            [(name, len(data)) for name, data in parcel.files.items()],
            run=str(task.inputs.run.get("id") or ""),
            environ=parcel.environ,
            labels=arguments.labels(task.arguments),
            cpu=cpu,
            memory=memory,
            timeout=task.timeout,
            grace=task.inputs.grace,
        )
        key = key_of(task.name)
        handle = handle or JobHandle("self-hosted", key, {"host": target.url, "name": task.name})
        held = Held(handle, parcel, head)
        link = self._link(target)
        with self._lock:
            self._held[key] = (link, held)
        return link, held

    def _release(self, held: Held) -> None:
        with self._lock:
            found = self._held.pop(held.key, None)
        if found is not None:
            found[0].release(held)

    def _link(self, target: Endpoint) -> Link:
        with self._lock:
            link = self._links.get(target)
            if link is None:
                link = self._links[target] = Link(target, lambda handle: self._notify(handle))
        return link


def _explained(held: Held, absence: str) -> CombinationResult:
    """The result of a task that left none."""
    error = ErrorInfo("backend", _why(held, absence), exit_code=held.exit_code)
    status = FAILED
    if held.cancelled is not None or held.reason == protocol.CANCELLED:
        reason, message = held.cancelled or ("cancel", held.message)
        status = FAILED if reason == "timeout" else CANCEL
        error = ErrorInfo(reason, message, exit_code=held.exit_code)
    elif held.reason in (protocol.MEMORY, protocol.DISK, protocol.TIME):
        error.type = "timeout" if held.reason == protocol.TIME else held.reason
    result = CombinationResult(status, held.parcel.task.inputs.matrix)
    result.error = error
    return result


def _why(held: Held, absence: str) -> str:
    if held.message:
        return held.message
    if held.signal is not None:
        return f"{absence}: the runner's machine ended it with signal {held.signal}"
    return f"{absence}: it ended with exit code {held.exit_code}; its log says more"
