"""A remote environment in small: a folder is the service, and each task a process with a folder of its own in it.

    FOLDER/token         what `token` has to be, where the file is there
    FOLDER/TASK/…        the parcel's files; `work`, where the stages run; `output`; `pid` and `exit` of the process

A task outlives whoever submitted it and is found again by its name. Its name becomes a folder by a rename, and the process that
begins it takes it by making `begun`, so however many submit it, and whenever they die, it runs once. A service that does
not answer is a folder that is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

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
from jobc.backends.bundle.parcel import BUNDLE, Packer, Parcel, command
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.process_tree import kill_pids, tree
from jobc.interpreter.taskfile import TaskError

_BEGIN = """
mkdir begun 2>/dev/null || exit 0
cd work
"$@" > ../output 2>&1 < /dev/null &
echo $! > ../pid.part && mv ../pid.part ../pid
trap '' TERM INT HUP
while kill -0 $! 2>/dev/null; do wait $!; code=$?; done
echo "$code" > ../exit.part && mv ../exit.part ../exit
"""
#: The most of the output that one request gives.
_PIECE = 256 * 1024


class ProcessBackend:
    """Arguments: `folder`, and `token` where the service asks for one."""

    capabilities = Capabilities(notifies=True, files=True, reattach=True, calls=4, poll_seconds=0.1)

    def __init__(self) -> None:
        self._packer = Packer(Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir(), "jobc-bundles"))
        self._followed: dict[str, JobHandle] = {}
        self._parcels: dict[str, Parcel] = {}
        self._sizes: dict[str, int] = {}
        self._closed = threading.Event()
        self._notify: Callable[[JobHandle], None] = lambda handle: None

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self._notify = notify
        if self.capabilities.notifies:
            threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, task: Task) -> JobHandle:
        folder = str(task.arguments.get("folder") or "")
        self._enter(folder, task.arguments.get("token"))
        place = Path(folder, hashlib.sha256(task.name.encode()).hexdigest()[:16])
        handle = JobHandle("process", str(place), {"token": task.arguments.get("token")})
        parcel = self._parcels[handle.id] = self._packer.pack(task)
        if not place.exists():
            self._prepare(place, parcel)
        self._begin(place)
        self._followed[handle.id] = handle
        return handle

    def _enter(self, folder: str, token: object) -> None:
        if not Path(folder).is_dir():
            raise BackendError(f"no service answers at {folder}; start it, or mend `folder`", transient=True)
        wanted = Path(folder, "token")
        if wanted.exists() and wanted.read_text() != token:
            raise BackendError("the service does not take this `token`; get a new one from whoever runs it")

    def _prepare(self, place: Path, parcel: Parcel) -> None:
        beside = place.with_name(f"{place.name}.{os.getpid()}.{threading.get_ident()}.part")
        beside.mkdir()
        (beside / "work").mkdir()
        (beside / "output").touch()
        (beside / "environ").write_bytes("\0".join(f"{k}={v}" for k, v in parcel.environ.items()).encode())
        for name, data in {BUNDLE: parcel.bundle.data, **parcel.files}.items():
            with open(os.open(beside / name, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(data)
        try:
            beside.rename(place)
        except OSError:  # another submission was faster
            shutil.rmtree(beside)

    def _begin(self, place: Path) -> None:
        if (place / "begun").exists():
            return
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "XDG_CACHE_HOME") if name in os.environ}
        own = dict(pair.split("=", 1) for pair in (place / "environ").read_text().split("\0"))
        subprocess.Popen(
            ["sh", "-c", _BEGIN, "begin", *command(sys.executable, str(place))],
            cwd=place,
            env={**kept, **own},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def attach(self, handle: JobHandle, task: Task) -> None:
        self._enter(str(Path(handle.id).parent), handle.data["token"])
        if not Path(handle.id).is_dir():
            raise TaskLost("the service does not know it any more")
        self._parcels[handle.id] = self._packer.pack(task)
        self._begin(Path(handle.id))
        self._followed[handle.id] = handle

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        for handle in handles[:1]:
            self._enter(str(Path(handle.id).parent), handle.data["token"])
        return [self._status(Path(handle.id)) for handle in handles]

    def _status(self, place: Path) -> JobStatus:
        if not place.is_dir():
            return JobStatus(LOST, "the service does not know it any more")
        if (place / "exit").exists():
            return JobStatus(ENDED)
        return JobStatus(RUNNING)

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        pid = self._pid(handle)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def kill(self, handle: JobHandle) -> None:
        pid = self._pid(handle)
        if pid is not None:
            kill_pids([pid, *tree(pid, "")], signal.SIGKILL)

    def _pid(self, handle: JobHandle) -> int | None:
        place = Path(handle.id)
        for _ in range(100):
            if not place.is_dir() or (place / "exit").exists():
                return None
            with contextlib.suppress(OSError):
                return int((place / "pid").read_text())
            time.sleep(0.05)
        return None

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        try:
            with open(Path(handle.id, "output"), "rb") as file:
                file.seek(offset)
                return file.read(_PIECE)
        except FileNotFoundError:
            raise TaskLost("the service does not know it any more") from None

    def collect(self, handle: JobHandle) -> CombinationResult:
        place = Path(handle.id)
        self._followed.pop(handle.id, None)
        try:
            return self._parcels.pop(handle.id).result(lambda name: _read(place / name))
        except TaskError as error:
            code = int((place / "exit").read_text())
            result = CombinationResult("failed", {})
            why = f"its process was ended by signal {code - 128}" if code > 128 else f"it exited with {code}"
            said = (place / "output").read_text(errors="replace").strip().splitlines()[-1:]
            result.error = ErrorInfo("signal" if code > 128 else "exit", f"{error}: {why}", exit_code=code)
            result.error.message += "".join(f" ({line})" for line in said)
            return result
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(0.02):
            for id, handle in list(self._followed.items()):
                if (Path(id) / "exit").exists() and self._sizes.get(id) != -1:
                    self._sizes[id] = -1
                    self._notify(handle)
                    continue
                with contextlib.suppress(OSError):
                    size = (Path(id) / "output").stat().st_size
                    if size != self._sizes.get(id, 0):
                        self._sizes[id] = size
                        self._notify(handle)


class PolledProcessBackend(ProcessBackend):
    """The same for an environment that tells nothing of itself."""

    capabilities = Capabilities(files=True, reattach=True, calls=2, poll_seconds=0.05)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
