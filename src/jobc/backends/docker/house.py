"""What all tasks of one backend share: the daemons that it speaks with, the images brought there, the bundles."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection
from pathlib import Path

from jobc.backends.api import BackendError, Task
from jobc.backends.bundle.parcel import Packer, Parcel
from jobc.backends.docker import container as containers
from jobc.backends.docker.client import Daemon, connect
from jobc.backends.docker.images import Images
from jobc.backends.docker.removal import Removal
from jobc.interpreter.venvs import cache_folder


class House:
    """Made by the backend, used by the threads of its tasks. `closing` is set when the run is over."""

    def __init__(self) -> None:
        self.images = Images()
        self.removal = Removal()
        self.closing = threading.Event()
        self._packer = Packer(Path(cache_folder(dict(os.environ))) / "bundles")
        self._daemons: dict[str, Daemon] = {}
        self._lock = threading.Lock()
        self._packing = threading.Lock()

    def daemon(self, host: str) -> Daemon:
        """The daemon at `host`. Raises BackendError where it cannot be reached."""
        with self._lock:
            if host not in self._daemons:
                self._daemons[host] = connect(host)
            return self._daemons[host]

    def pack(self, task: Task) -> Parcel:
        with self._packing:
            return self._packer.pack(task)

    def sweep(self, mark: str, keep: Collection[str]) -> None:
        """Remove the containers of the run with that mark, but those named in `keep`."""
        for daemon in list(self._daemons.values()):
            with contextlib.suppress(BackendError):  # it is away; `jobc runs prune` asks it again
                containers.sweep(daemon.client, {containers.MARK_LABEL: mark}, keep)

    def close(self) -> None:
        with self._lock:
            for daemon in self._daemons.values():
                daemon.client.close()
            self._daemons.clear()
