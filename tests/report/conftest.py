"""Runs that were really made, and their reports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


class Reported:
    """A folder in which jobs files are run and reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def jobc(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOBC_", "OTEL_"))}
        return subprocess.run(
            [sys.executable, "-m", "jobc", *words],
            cwd=self.folder,
            env={**kept, **environ},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def report(self, text: str, *words: str, name: str = "report.html") -> Path:
        """Run a jobs file; the path of the report."""
        (self.folder / "flow.job.yml").write_text(text, encoding="utf-8")
        done = self.jobc("run", "flow.job.yml", "-q", "--report", name, *words)
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr == ""
        return self.folder / name


@pytest.fixture
def reported(tmp_path: Path) -> Reported:
    return Reported(tmp_path)


@pytest.fixture(scope="module")
def reported_once(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    return Reported(tmp_path_factory.mktemp("reported"))
