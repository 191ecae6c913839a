"""The images of one daemon: pulled as `pull` says, each at most once by this process, however many containers want it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from jobc.backends.api import BackendError
from jobc.backends.docker.arguments import ContainerSpec
from jobc.backends.docker.client import Daemon
from jobc.backends.docker.errors import answered, translated


class Images:
    """Knows which images were brought here."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._pulled: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def ensure(
        self,
        daemon: Daemon,
        spec: ContainerSpec,
        unwanted: Callable[[], bool],
        pulling: Callable[[], None] = lambda: None,
    ) -> None:
        """Have the image there; `pulling` is told where that takes long. Returns early when it is `unwanted` after all.

        Raises BackendError where it is not to be had.
        """
        key = (daemon.host, spec.image)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if unwanted() or key in self._pulled:
                return
            if spec.pull != "always" and _is_here(daemon, spec.image):
                return
            if spec.pull == "never":
                raise BackendError(
                    f"the image {spec.image} is not here, and `pull: never` forbids fetching it; build it, or pull it by hand"
                )
            pulling()
            _pull(daemon, spec, unwanted)
            if not unwanted():
                self._pulled.add(key)


def _is_here(daemon: Daemon, image: str) -> bool:
    from docker.errors import ImageNotFound

    with translated(f"look for the image {image}"):
        try:
            daemon.client.api.inspect_image(image)
        except ImageNotFound:
            return False
    return True


def _pull(daemon: Daemon, spec: ContainerSpec, unwanted: Callable[[], bool]) -> None:
    doing = f"pull the image {spec.image}"
    auth = None if spec.auth is None else {"username": spec.auth[0], "password": spec.auth[1]}
    with translated(doing):
        for event in daemon.client.api.pull(spec.image, stream=True, decode=True, auth_config=auth):
            if "error" in event:
                raise answered(doing, " ".join(str(event["error"]).split()))
            if unwanted():
                return
