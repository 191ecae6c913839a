"""The Docker backend: each task is the bundle, run in a container of its own.

    submit    pull the image if need be, create the container under the task's name, put bundle, task and secrets into it,
              start it. What was created and not started by a submitter that died is started now.
    follow    a thread a running container reads its log until it ends; no thread waits for one that does not run yet
    collect   the result file out of the stopped container, then the container goes

An image with Python 3.9 or later runs the bundle; one without runs the task as a shell script, where it can be lowered to one
(`bundle.posix`), and says why not where it cannot. Secrets lie in a file that the task removes as it reads it: neither
`docker inspect` nor the container's environment shows them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jobc.backends.api import (
    ENDED,
    LOST,
    RUNNING,
    BackendError,
    Capabilities,
    JobHandle,
    JobStatus,
    Task,
)
from jobc.backends.bundle.posix_result import read_result
from jobc.backends.docker import container as containers
from jobc.backends.docker.arguments import container_spec
from jobc.backends.docker.errors import missing_library, translated, unreachable
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.taskfile import TaskError, TaskFile, load_result

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container


#: Run in the container: Python where the image has it, else the shell script.
_START = f"""
cd {containers.FOLDER}/work 2>/dev/null || true
for python in python3 python; do
  if command -v "$python" > /dev/null 2>&1; then
    exec "$python" {containers.FOLDER}/bundle.pyz --task {containers.FOLDER}/task.json \\
      --secrets {containers.FOLDER}/secrets.json --result {containers.FOLDER}/result.json
  fi
done
exec sh {containers.FOLDER}/task.sh
"""


class _Run:
    """A task and what is known of its container. `log` grows as the container writes."""

    __slots__ = ("client", "container", "ended", "error", "log", "spec", "task")

    def __init__(self, task: TaskFile, client: DockerClient, container: Container) -> None:
        self.task = task
        self.client = client
        self.container = container
        self.log = bytearray()
        self.ended: containers.Ended | None = None
        self.error: BackendError | None = None


class DockerBackend:
    """Runs tasks in containers. A handle is good in another process, which finds the container by its id."""

    capabilities = Capabilities(notifies=True, reattach=True)

    def __init__(self) -> None:
        self._clients: dict[str, DockerClient] = {}
        self._runs: dict[str, _Run] = {}
        self._bundles: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._notify: Callable[[JobHandle], None] = lambda handle: None

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self._notify = notify

    def submit(self, task: Task) -> JobHandle:
        spec = container_spec(task.arguments, task.resources, task.inputs.workdir)
        host = str(task.arguments.get("docker_host") or os.environ.get("DOCKER_HOST") or "")
        client = self._client(host)
        containers.ensure_image(client, spec)
        file = TaskFile(task.name, task.workflow, task.job, task.inputs, timeout=task.timeout, now=task.now)
        labels = {
            containers.LABEL: task.name,
            "jobc.run": str(task.inputs.run.get("id") or ""),
            "jobc.job": task.program.workflows[task.workflow].jobs[task.job].id,
        }
        name = containers.container_name(task.name)
        container, made = containers.create(client, name, spec, ["sh", "-c", _START], labels)
        with translated(f"start a container of {spec.image}"):
            if made or container.status == "created":
                try:
                    containers.put(container, self._files(task, file), spec.user)
                    container.start()
                except BaseException:
                    containers.remove(container)
                    raise
        handle = JobHandle("docker", container.id, {"name": task.name, "host": host})
        self._follow(handle, _Run(file, client, container))
        return handle

    def attach(self, handle: JobHandle, task: Task) -> None:
        file = TaskFile(task.name, task.workflow, task.job, task.inputs, timeout=task.timeout, now=task.now)
        client = self._client(handle.data.get("host", ""))
        container = containers.find(client, handle.id)
        if container is None:
            raise BackendError(f"the container {handle.id[:12]} is gone", transient=True)
        self._follow(handle, _Run(file, client, container))

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [self._status(self._runs.get(handle.id)) for handle in handles]

    def _status(self, run: _Run | None) -> JobStatus:
        if run is None:
            return JobStatus(LOST, "its container is not known here")
        if run.error is not None:
            return JobStatus(LOST, str(run.error))
        return JobStatus(RUNNING if run.ended is None else ENDED)

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        self._signal(handle, "SIGTERM")

    def kill(self, handle: JobHandle) -> None:
        self._signal(handle, "SIGKILL")

    def _signal(self, handle: JobHandle, signal: str) -> None:
        from docker.errors import APIError

        run = self._runs.get(handle.id)
        if run is None:
            return
        with translated("end the container"):
            try:
                run.container.kill(signal)
            except APIError as error:
                if error.status_code not in (404, 409):  # it has ended already
                    raise

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        run = self._runs.get(handle.id)
        if run is None:
            return "", offset
        with self._lock:
            data = bytes(run.log[offset:])
        whole = data.rfind(b"\n") + 1 if run.ended is None else len(data)
        return data[:whole].decode(errors="replace"), offset + whole

    def collect(self, handle: JobHandle) -> CombinationResult:
        run = self._runs.pop(handle.id)
        assert run.ended is not None, "collected before its end"
        try:
            return self._result(run, run.ended)
        finally:
            containers.remove(run.container)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _result(self, run: _Run, ended: containers.Ended) -> CombinationResult:
        name = run.task.name
        try:
            data = containers.get(run.container, "result.json")
            if data is not None:
                return load_result(data, name)
            data = containers.get(run.container, "result")
            if data is not None:
                return read_result(data, self._program(run), run.task)
            raise TaskError("it left no result")
        except TaskError as error:
            result = CombinationResult("failed", run.task.inputs.matrix)
            result.error = ErrorInfo(*_why(ended, error, bytes(run.log)), exit_code=ended.code)
            return result

    def _follow(self, handle: JobHandle, run: _Run) -> None:
        self._runs[handle.id] = run

        def take(chunk: bytes) -> None:
            with self._lock:
                run.log += chunk
            if b"\n" in chunk:
                self._notify(handle)

        def work() -> None:
            try:
                run.ended = containers.follow(run.container, take)
            except BackendError as error:
                run.error = error
            self._notify(handle)

        threading.Thread(target=work, name=f"jobc-docker-{handle.id[:12]}", daemon=True).start()

    def _client(self, host: str) -> DockerClient:
        if host not in self._clients:
            try:
                import docker
            except ImportError:
                raise missing_library() from None
            from docker.errors import DockerException

            try:
                self._clients[host] = (
                    docker.DockerClient(host, timeout=60) if host else docker.from_env(timeout=60)
                )
            except DockerException as error:
                raise unreachable(
                    "reach the Docker daemon" + (f" at {host}" if host else ""), error
                ) from error
        return self._clients[host]
