"""Runs the containers of docker stages, for the process that runs their job.

    prepare   pull the image if need be, create the container, put the files for its outputs into it, start it. One of the same
              name is of an attempt whose engine died: it goes first
    follow    pass on what it writes; where the stage is cancelled, SIGTERM, its grace, SIGKILL
    take      its outputs out of it; then it goes. Until then a guard stands by

A secret in `env` comes in a file, which the image's shell reads before it becomes the image's own command. An image without a shell
finds it in its environment, where `docker inspect` shows it as long as the container is there; the log says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from jobc.backends.api import BackendError
from jobc.backends.docker import container as containers
from jobc.backends.docker import launch
from jobc.backends.docker.arguments import ContainerSpec, container_spec
from jobc.backends.docker.client import Daemon, connect
from jobc.backends.docker.errors import Unreachable
from jobc.backends.docker.guard import Guard
from jobc.backends.docker.images import Images
from jobc.interpreter.api import Cancellation
from jobc.interpreter.containers import ContainerEnd, ContainerOrder, ContainerProblem

if TYPE_CHECKING:
    from docker.models.containers import Container

TEXT = "output"
JSON = "output.json"


class StageContainers:
    """What `interpreter.containers.Containers` asks for; one for a process."""

    def __init__(self) -> None:
        self._daemons: dict[str, Daemon] = {}
        self._images = Images()
        self._guard = Guard()
        self._lock = threading.Lock()

    def run(
        self, order: ContainerOrder, take: Callable[[str, bytes], None], cancellation: Cancellation
    ) -> ContainerEnd:
        """Run a container to its end. Raises ContainerProblem."""
        started = False
        name = containers.container_name(order.mark, order.name)
        try:
            spec = container_spec(order.arguments, {}, order.workdir)
            host = str(order.arguments.get("docker_host") or "")
            daemon = self._daemon(host)
            self._images.ensure(daemon, spec, lambda: cancellation.thrown)
            if cancellation.thrown:
                return ContainerEnd(0, True, b"", b"")
            self._guard.add(name, host)
            try:
                container, output = _prepare(daemon, name, spec, order, take)
                started = True
                return _follow(container, output, order, take, cancellation)
            finally:
                found = containers.find(daemon.client, name)
                if found is not None:
                    containers.remove(found)
                self._guard.remove(name)
        except BackendError as error:
            lost = started and (isinstance(error, Unreachable) or error.transient)
            raise ContainerProblem(str(error), lost=lost) from error

    def _daemon(self, host: str) -> Daemon:
        with self._lock:
            if host not in self._daemons:
                self._daemons[host] = connect(host)
            return self._daemons[host]


def _prepare(
    daemon: Daemon,
    name: str,
    spec: ContainerSpec,
    order: ContainerOrder,
    take: Callable[[str, bytes], None],
) -> tuple[Container, Iterator[tuple[str, bytes]]]:
    """The container, started, and its output."""
    left = containers.find(daemon.client, name)
    if left is not None:
        containers.remove(left)
    user = spec.user or daemon.caller
    entry, usual = containers.command_of(daemon.client, spec.image)
    command = usual if order.command is None else order.command
    if not entry and not command:
        raise BackendError(f"the image {spec.image} has no command of its own; set `command`")
    hidden = {key: value for key, value in order.env.items() if key in order.hidden}
    open_ = {key: value for key, value in order.env.items() if key not in order.hidden}
    own = {"JOBC_OUTPUT": f"{launch.FOLDER}/{TEXT}", "JOBC_OUTPUT_JSON": f"{launch.FOLDER}/{JSON}"}
    labels = {
        containers.TASK_LABEL: order.name,
        containers.MARK_LABEL: order.mark,
        containers.RUN_LABEL: order.run,
    }
    forms: list[tuple[list[str] | None, list[str], dict[str, str]]] = [(None, command, {**open_, **hidden})]
    if hidden:
        forms.insert(0, (["sh", "-c", launch.STAGE, "sh"], [*entry, *command], open_))
    for entrypoint, words, environ in forms:
        container, _ = containers.create(
            daemon.client,
            name,
            spec,
            user,
            words,
            environ={**environ, **own},
            labels=labels,
            entrypoint=entrypoint,
        )
        files = {TEXT: b"", JSON: b""}
        if entrypoint is not None:
            files[launch.ENVIRON] = launch.environ_file(hidden)
        containers.put(container, files, containers.identity(container, user))
        output = containers.attach(container)
        try:
            containers.start(container, spec.image)
        except BackendError as error:
            if entrypoint is None or '"sh": executable file not found' not in str(error):
                raise
            containers.remove(container)
            listed = ", ".join(sorted(hidden))
            words_ = f"warning: {listed}: the image has no shell to read secrets from a file, so `docker inspect` shows them while this runs"
            take("stderr", words_.encode() + b"\n")
            continue
        return container, output
    raise AssertionError("the last form starts or raises")


def _follow(
    container: Container,
    output: Iterator[tuple[str, bytes]],
    order: ContainerOrder,
    take: Callable[[str, bytes], None],
    cancellation: Cancellation,
) -> ContainerEnd:
    ending = _Ending(container, order.grace, cancellation)
    cancellation.listen(ending.begin)
    try:
        for stream, data in output:
            take(stream, data)
        ended = containers.ended(container)
    finally:
        cancellation.unlisten(ending.begin)
        ending.over.set()
    if ended is None:
        raise BackendError("the Docker daemon was stopped while the container ran", transient=True)
    text, json = (containers.read(container, f"{launch.FOLDER}/{name}") or b"" for name in (TEXT, JSON))
    why = ended.error
    if ended.out_of_memory:
        why = containers.out_of_memory(ended)
    return ContainerEnd(ended.code, ending.begun, text, json, why)


class _Ending:
    """Ends a container that is not wanted any more, in a thread of its own."""

    def __init__(self, container: Container, grace: float, cancellation: Cancellation) -> None:
        self.begun = False
        self.over = threading.Event()
        self._container = container
        self._grace = grace
        self._cancellation = cancellation
        self._killed = threading.Event()

    def begin(self) -> None:
        if self._cancellation.killed:
            self._killed.set()
        if not self.begun:
            self.begun = True
            threading.Thread(target=self._work, name="jobc-docker-end", daemon=True).start()

    def _work(self) -> None:
        steps: list[tuple[str, Any]] = [("SIGTERM", self._grace), ("SIGKILL", None)]
        for name, seconds in steps:
            if self.over.is_set():
                return
            if name == "SIGTERM" and (self._killed.is_set() or self._grace <= 0):
                continue
            try:
                containers.signal(self._container, name)
            except BackendError:
                return  # the daemon is away, and so is the container
            if seconds is not None:
                self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        """Until the container has ended, the time is over, or there is no patience any more."""
        import time

        until = time.monotonic() + seconds
        while not self._killed.is_set() and not self.over.wait(min(0.1, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                return
