"""A project folder with a jobs file, and `jobc` beside it as real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

JOBC = [sys.executable, "-m", "jobc"]


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def write(self, text: str, name: str = "flow.job.yml") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JOBC_", "WORKFLOW_", "OTEL_", "TRACEPARENT"))
        }
        process = subprocess.Popen(
            [*JOBC, *words],
            cwd=self.folder,
            env={**env, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.started.append(process)
        return process

    def run(self, *words: str, **environ: str) -> tuple[int, str, str]:
        process = self.start(*words, **environ)
        out, error = process.communicate(timeout=60)
        return process.returncode, out, error

    def end(self, pid: int) -> None:
        """End what an engine that was killed may have left: its guard may have been faster."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def json(self, *words: str) -> Any:
        code, out, error = self.run(*words, "--format", "json")
        assert code == 0, error
        return json.loads(out)

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.02)
        return found

    def wait_for_file(self, name: str) -> str:
        def text() -> str:
            try:
                return (self.folder / name).read_text().strip()
            except OSError:
                return ""

        found: str = self.wait_for(text, name)
        return found

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            with contextlib.suppress(ValueError):
                process.communicate()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.close()
