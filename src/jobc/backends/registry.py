"""Which backend runs a `runs-on` type. A third party adds its own under the entry point group `jobc.backends`."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING

from jobc.errors import UsageError
from jobc.ir.environments import canonical

if TYPE_CHECKING:
    from jobc.backends.api import Backend
    from jobc.interpreter.containers import Containers

GROUP = "jobc.backends"

#: type → (module, class)
BUILTIN: dict[str, tuple[str, str]] = {
    "docker": ("jobc.backends.docker.backend", "DockerBackend"),
    "local": ("jobc.backends.local", "LocalBackend"),
    "self-hosted": ("jobc.backends.self_hosted.backend", "SelfHostedBackend"),
}

#: Runs the containers of docker stages: module, class.
CONTAINERS = ("jobc.backends.docker.stages", "StageContainers")
_containers: list[Containers] = []
_lock = threading.Lock()


def containers() -> Containers:
    """What runs containers for this process, made when it is first asked for."""
    with _lock:
        if not _containers:
            module, attribute = CONTAINERS
            _containers.append(getattr(import_module(module), attribute)())
        return _containers[0]


def known() -> list[str]:
    """Every type that can run here, built in or installed."""
    from importlib.metadata import entry_points

    return sorted({*BUILTIN, *(canonical(point.name) for point in entry_points(group=GROUP))})


def is_known(type: str) -> bool:
    return canonical(type) in BUILTIN or canonical(type) in known()


def create(type: str) -> Backend:
    """A new backend of a type. Raises UsageError where there is none, or where it cannot be loaded."""
    name = canonical(type)
    if name in BUILTIN:
        module, attribute = BUILTIN[name]
        backend: Backend = getattr(import_module(module), attribute)()
        return backend
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        if canonical(point.name) == name:
            try:
                found: Backend = point.load()()
            except Exception as error:
                raise UsageError(
                    f"the backend `{name}` cannot be loaded: {error}",
                    help=f"it comes from {point.value}; reinstall or upgrade that package",
                ) from error
            return found
    raise UsageError(f"there is no environment `{name}` here", help="there are: " + ", ".join(known()))
