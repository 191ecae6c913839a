"""A task's life in its container, in a thread of its own.

    prepare   pull the image if need be, create the container under the task's name, put bundle, task and secrets into it,
              start it. What a submitter that died had created and not started is started now.
    follow    read its log until it ends. Where the daemon goes away meanwhile, it is looked for until it is back
    gather    the result out of the stopped container
    remove    some seconds after the engine has collected the result (`removal`): until its journal has it, a process that
              resumes the run finds the container, so nothing runs twice

What the daemon ended by itself (it was stopped, or began again) is lost, not failed: nothing was wrong with the work.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from jobc.backends.api import ENDED, LOST, QUEUED, RUNNING, BackendError, JobHandle, Task, TaskLost
from jobc.backends.docker import container as containers
from jobc.backends.docker import launch
from jobc.backends.docker.arguments import ContainerSpec, container_spec
from jobc.backends.docker.container import Ended
from jobc.backends.docker.errors import Unreachable
from jobc.backends.docker.house import House
from jobc.backends.docker.output import OutputFile
from jobc.backends.docker.task import ContainerTask
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.mark import MARK
from jobc.interpreter.taskfile import SEPARATOR
from jobc.ir.status import CANCEL, FAILED

if TYPE_CHECKING:
    from docker.models.containers import Container

T = TypeVar("T")

#: Seconds that a daemon which went away has to come back before its tasks count as lost.
RECONNECT = 60.0
#: Seconds between two looks for it.
PAUSE = 0.5
#: Seconds that another process has to start a container that it has made.
OTHER = 3.0
#: Bytes of the output's end that are remembered.
_TAIL = 4096


class Life:
    """One task. `state` is what the engine is told; `result` or `error` is there when it is ENDED, `error` when it is LOST."""

    def __init__(
        self, house: House, handle: JobHandle, task: Task, tell: Callable[[JobHandle], None]
    ) -> None:
        self.handle = handle
        self.mark = task.inputs.environ.get(MARK, "")
        self.output = OutputFile()
        self.state = QUEUED
        self.result: CombinationResult | None = None
        self.error: BackendError | None = None
        #: Whether the engine wanted it gone at once.
        self.killed = False
        self._spec: ContainerSpec = container_spec(task.arguments, task.resources, task.inputs.workdir)
        self._house = house
        self._task = task
        self._tell = tell
        self._container: Container | None = None
        self._tail = b""
        self._lock = threading.Lock()
        self._cut = False
        self._started = False
        #: There is a container, or will be none, or its image is on the way.
        self._settled = threading.Event()
        self._interrupted = False

    def begin(self) -> None:
        """Run it, or find it where it was submitted before. Waits until another process would find it, but for no image."""
        self._go(self._prepare)
        self._settled.wait()

    def resume(self) -> None:
        """Find it where it runs, or ran. Raises TaskLost where it is gone, BackendError where the daemon does not answer."""
        try:
            container = self._look()
        except Unreachable as error:
            raise BackendError(str(error), transient=True) from error
        if container.status != "created":
            self._runs_in(container)
        self._go(lambda task: self._prepare(task) if container.status == "created" else container)

    def end(self, signal: str) -> None:
        """Send a signal; what has not started does not start. Does not wait for the daemon."""
        with self._lock:
            self._cut = True
            self.killed = self.killed or signal == "SIGKILL"
            container = self._container if self._started else None
        if container is not None:
            threading.Thread(target=_send, args=(container, signal), daemon=True).start()

    def collected(self) -> None:
        """The engine takes nothing any more: the container goes, soon."""
        self.output.close()
        if self._container is not None:
            self._house.removal.later(self._container)

    def _go(self, obtain: Callable[[ContainerTask], Container | None]) -> None:
        name = f"jobc-docker-{self._task.name}"
        threading.Thread(target=self._live, args=(obtain,), name=name, daemon=True).start()

    def _live(self, obtain: Callable[[ContainerTask], Container | None]) -> None:
        state = ENDED
        try:
            task = ContainerTask(self._task, self._house.pack(self._task), self._spec.env)
            container = obtain(task)
            self.result = self._cancelled() if container is None else self._follow(container, task)
            if self.result is None:
                return  # the run is over, and this goes on without it
        except BackendError as error:
            self.error = error
            state = LOST if error.transient else ENDED
        except Exception as error:  # noqa: BLE001 - the engine waits for an end, whatever happens
            self.error = BackendError(f"defect of jobc: {type(error).__name__}: {error}")
        finally:
            self._settled.set()
        self.state = state
        self._tell(self.handle)

    def _prepare(self, task: ContainerTask) -> Container | None:
        spec = self._spec
        daemon = self._house.daemon(self.handle.data["host"])
        self._house.images.ensure(daemon, spec, lambda: self._cut, self._settled.set)
        if self._cut:
            return None
        user = spec.user or daemon.caller
        while True:
            container, is_made = containers.create(
                daemon.client,
                self.handle.id,
                spec,
                user,
                ["sh", f"{launch.FOLDER}/{launch.LAUNCH}"],
                environ=task.environ,
                labels=self._labels(),
                working=launch.WORK,
            )
            self._settled.set()
            try:
                if is_made or not self._is_started(container):
                    containers.put(container, task.files, containers.identity(container, user))
                    if self._cut:
                        containers.remove(container)
                        return None
                    containers.start(container, spec.image)
                break
            except BackendError:
                if is_made:
                    containers.remove(container)
                    raise
                # The daemon takes back what a submitter that died meanwhile was about to make.
                if containers.find(daemon.client, self.handle.id) is not None:
                    raise
        self._runs_in(container)
        return container

    def _is_started(self, container: Container) -> bool:
        """Whether whoever made it starts it too; it has died where that takes long."""
        until = time.monotonic() + OTHER
        while container.status == "created" and time.monotonic() < until:
            time.sleep(PAUSE / 5)
            containers.reload(container)
        return bool(container.status != "created")

    def _look(self) -> Container:
        client = self._house.daemon(self.handle.data["host"]).client
        container = containers.find(client, self.handle.id)
        if container is None:
            raise TaskLost(f"the container {self.handle.id} is gone")
        return container

    def _labels(self) -> dict[str, str]:
        inputs = self._task.inputs
        return {
            containers.TASK_LABEL: self._task.name,
            containers.MARK_LABEL: self.mark,
            containers.RUN_LABEL: str(inputs.run.get("id") or ""),
            "jobc.job": self._task.program.workflows[self._task.workflow].jobs[self._task.job].id,
            "jobc.combination": str(inputs.strategy.get("index", 0)),
        }

    def _runs_in(self, container: Container) -> None:
        with self._lock:
            self._container = container
            self._started = True
            late = ("SIGKILL" if self.killed else "SIGTERM") if self._cut else None
        self.state = RUNNING
        if late is not None:
            _send(container, late)

    def _follow(self, container: Container, task: ContainerTask) -> CombinationResult | None:
        """The result, when the container has ended; None where the run is over before. Raises BackendError."""

        def read() -> CombinationResult | None:
            for piece in containers.log(container, self.output.total):
                self.output.append(piece)
                self._tail = (self._tail + piece)[-_TAIL:]
                self._tell(self.handle)
            ended = containers.ended(container)
            return None if ended is None else self._gather(container, task, ended)

        while True:
            result = self._patiently(read)
            if result is not None or self._house.closing.is_set():
                return result
            self._house.closing.wait(PAUSE)  # its log ended before it: the daemon began again meanwhile

    def _patiently(self, ask: Callable[[], T]) -> T | None:
        """The answer of the daemon, which may be away for a while. None where the run is over before."""
        since: float | None = None
        while True:
            try:
                return ask()
            except Unreachable as error:
                self._interrupted = True
                now = time.monotonic()
                since = now if since is None else since
                if now - since > RECONNECT:
                    raise BackendError(
                        f"{error} It was away for more than {RECONNECT:g} s", transient=True
                    ) from error
            if self._house.closing.wait(PAUSE):
                return None

    def _gather(self, container: Container, task: ContainerTask, ended: Ended) -> CombinationResult:
        result = task.result(
            lambda name: containers.read(container, f"{launch.FOLDER}/{name}"),
            ended,
            self._spec.image,
            self._last(),
        )
        left = result.error is None or result.error.type != "backend"
        if self._cut and not left and not self.killed:
            return self._cancelled()
        if self.killed and not left:
            result.error = ErrorInfo("lost", "it was killed before its end")
            return result
        stopped = result.status == CANCEL and not self._cut
        if stopped or (self._interrupted and not left):
            result.status = FAILED
            result.error = ErrorInfo(
                "lost",
                "the container was ended from outside: by `docker stop`, or because the Docker daemon was stopped",
            )
        return result

    def _cancelled(self) -> CombinationResult:
        result = CombinationResult(CANCEL, self._task.inputs.matrix)
        result.error = ErrorInfo("cancel", "cancelled")
        return result

    def _last(self) -> str:
        """The last line of the output that is not an event."""
        lines = self._tail.decode(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip() and not line.startswith(SEPARATOR)), "")


def _send(container: Container, signal: str) -> None:
    with contextlib.suppress(
        BackendError
    ):  # the daemon is away: the engine goes on without it, after its patience
        containers.signal(container, signal)
