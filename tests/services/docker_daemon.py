"""A Docker daemon of our own: started by its fixture, in a folder of its own, and ended by its process id.

`Daemon` needs root, `dockerd` and busybox (Debian: docker.io iptables busybox-static; `.ci/services` installs them). What runs
in it ends with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

#: Seconds that the daemon has to answer, and to end.
PATIENCE = 60.0


def missing() -> str:
    """Why no daemon can be started here; "" where one can."""
    if os.geteuid() != 0:
        return "a Docker daemon needs root"
    absent = [name for name in ("dockerd", "busybox", "iptables") if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed (.ci/services installs them)"
    try:
        import docker  # noqa: F401
    except ImportError:
        return "the Docker library is not installed (pip install 'jobc[docker]')"
    return ""


class Daemon:
    """`host` is its address; `process` is None while it does not run. Its data outlives `stop` and `kill`, not `close`."""

    def __init__(self, folder: Path, *, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/d.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self._options = options
        self._containerd: subprocess.Popen[bytes] | None = None
        self._log = folder / "dockerd.log"

    def start(self) -> None:
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (folder / "d.pid").unlink()
        if self._containerd is None:
            # Of its own, as where systemd starts both: it outlives the daemon.
            (folder / "containerd.toml").write_text(
                "version = 2\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n"
            )
            place = ["--root", folder / "c" / "root", "--state", folder / "c" / "state"]
            config = ["--config", folder / "containerd.toml", "--address", folder / "c.sock"]
            self._containerd = self._spawn(["containerd", *config, *place])
        place = [
            "--data-root",
            folder / "data",
            "--exec-root",
            folder / "exec",
            "--pidfile",
            folder / "d.pid",
        ]
        command = ["dockerd", *place, "-H", self.host, "--containerd", folder / "c.sock", *self._options]
        self.process = self._spawn(command)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(Exception):
                client = self.client()
                client.ping()
                client.close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = self._log.read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"dockerd did not start: {text[-2000:]}")
            time.sleep(0.05)

    def _spawn(self, command: list[str | Path]) -> subprocess.Popen[bytes]:
        with open(self._log, "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def stop(self) -> None:
        """SIGTERM: an orderly end, which ends what runs."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: the daemon alone is gone; containers live on until its next start."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            _end(process, number)

    def close(self) -> None:
        """End it with all that runs in it, and remove its folder."""
        if self._containerd is None:
            return
        if self.process is None:
            # A killed daemon leaves its containers behind; its successor ends them.
            with contextlib.suppress(RuntimeError):
                self.start()
        with contextlib.suppress(Exception):
            self.clear()
        self.stop()
        containerd, self._containerd = self._containerd, None
        if containerd is not None:
            _end(containerd, signal.SIGTERM)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(str(self.folder) + "/"):
                subprocess.run(["umount", "-l", place], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self) -> Any:
        import docker

        return docker.DockerClient(self.host, timeout=60)

    def names(self) -> list[str]:
        """The names of all containers, ended ones too."""
        client = self.client()
        try:
            return sorted(
                name.lstrip("/") for one in client.api.containers(all=True) for name in one["Names"]
            )
        finally:
            client.close()

    def volumes(self) -> list[str]:
        client = self.client()
        try:
            return sorted(volume.id for volume in client.volumes.list())
        finally:
            client.close()

    def clear(self) -> None:
        """Remove all containers and volumes."""
        client = self.client()
        try:
            for one in client.api.containers(all=True):
                client.api.remove_container(one["Id"], v=True, force=True)
            for volume in client.volumes.list():
                volume.remove(force=True)
        finally:
            client.close()


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
