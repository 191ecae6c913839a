"""The Docker backend: each task is the bundle, run in a container of its own (`life`).

What is slow happens in the task's thread; `submit`, `attach` and `collect` wait for the daemon, a few requests, and for no
image. An image with Python 3.9 or later runs the bundle; one without runs the task as a shell script, where it can be lowered
to one (`bundle.posix`), and says why not where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jobc.backends.api import LOST, Capabilities, JobHandle, JobStatus, Task, TaskLost
from jobc.backends.docker.container import container_name
from jobc.backends.docker.house import House
from jobc.backends.docker.life import Life
from jobc.interpreter.api import CombinationResult
from jobc.interpreter.mark import MARK


class DockerBackend:
    """Runs tasks in containers. A handle is good in another process, which finds the container by its name."""

    capabilities = Capabilities(notifies=True, files=True, reattach=True, sweeps=True, calls=4)

    def __init__(self) -> None:
        self._house = House()
        self._lives: dict[str, Life] = {}
        #: Of the runs whose tasks were here.
        self._marks: set[str] = set()
        self._notify: Callable[[JobHandle], None] = lambda handle: None

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self._notify = notify

    def submit(self, task: Task) -> JobHandle:
        name = container_name(task.inputs.environ.get(MARK, ""), task.name)
        handle = JobHandle("docker", name, {"host": str(task.arguments.get("docker_host") or "")})
        if name not in self._lives:
            self._lives[name] = Life(self._house, handle, task, self._notify)
            self._lives[name].begin()
        return self._lives[name].handle

    def attach(self, handle: JobHandle, task: Task) -> None:
        life = Life(self._house, handle, task, self._notify)
        life.resume()
        self._lives[handle.id] = life

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [self._status(handle) for handle in handles]

    def _status(self, handle: JobHandle) -> JobStatus:
        life = self._lives.get(handle.id)
        if life is None:
            return JobStatus(LOST, "its container is not known here")
        if life.state != LOST:
            return JobStatus(life.state)
        self._let_go(handle)
        return JobStatus(LOST, str(life.error))

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        self._end(handle, "SIGTERM")

    def kill(self, handle: JobHandle) -> None:
        self._end(handle, "SIGKILL")

    def _end(self, handle: JobHandle, signal: str) -> None:
        life = self._lives.get(handle.id)
        if life is not None:
            life.end(signal)

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        life = self._lives.get(handle.id)
        return b"" if life is None else life.output.read(offset)

    def collect(self, handle: JobHandle) -> CombinationResult:
        life = self._let_go(handle)
        if life.error is not None:
            raise life.error
        assert life.result is not None, "collected before its end"
        return life.result

    def close(self) -> None:
        """Containers of tasks that still run are left; all others of their run go, also those that an earlier engine left."""
        self._house.closing.set()
        self._house.removal.close()
        kept = {name for name, life in self._lives.items() if not life.killed}
        for mark in filter(None, {*self._marks, *(life.mark for life in self._lives.values())}):
            self._house.sweep(mark, kept)
        self._house.close()

    def sweep(self, mark: str, handles: Sequence[JobHandle]) -> None:
        """Remove what is left of the run with that mark, on the daemons of these handles. Raises BackendError."""
        for host in {str(handle.data.get("host", "")) for handle in handles}:
            self._house.daemon(host)
        self._house.sweep(mark, ())

    def _let_go(self, handle: JobHandle) -> Life:
        life = self._lives.pop(handle.id, None)
        if life is None:
            raise TaskLost("its container is not known here")
        life.collected()
        self._marks.add(life.mark)
        return life
