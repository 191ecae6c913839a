"""Whole processes, timed and weighed, with a limit on their time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

JOBC = (sys.executable, "-m", "jobc", "run", "--format", "json")


class Took:
    """Wall seconds, processor seconds of the process and its children, and the largest resident set in bytes."""

    def __init__(self, seconds: float, processor: float, memory: int) -> None:
        self.seconds = seconds
        self.processor = processor
        self.memory = memory


class TimedOut(Exception):
    """It was ended at its limit."""


class Broke(Exception):
    """It ended with another exit code than 0; the text is the end of what it said, or else how it ended."""


def measure(
    command: Sequence[str], folder: Path, *, limit: float = 600.0, environ: Mapping[str, str] | None = None
) -> Took:
    """Run a command in `folder`. Raises TimedOut and Broke; nothing of it runs on afterwards."""
    environ = {**os.environ, "XDG_CACHE_HOME": str(folder / ".cache"), **(environ or {})}
    said = folder / ".said"
    with said.open("wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out, env=environ, start_new_session=True
        )
        alarm = _Alarm(process.pid, limit)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        late = alarm.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if late:
        raise TimedOut
    if process.returncode != 0:
        code = process.returncode
        ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise Broke(said.read_text(errors="replace").strip()[-300:] or ended)
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


class _Alarm:
    """Kills a process group when its time is over, unless it is stopped before."""

    def __init__(self, group: int, limit: float) -> None:
        import threading

        self._rang = False
        self._group = group
        self._timer = threading.Timer(limit, self._ring)
        self._timer.start()

    def _ring(self) -> None:
        self._rang = True
        os.killpg(self._group, signal.SIGKILL)

    def stop(self) -> bool:
        self._timer.cancel()
        return self._rang
