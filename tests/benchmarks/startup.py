"""Start-up of the command line against bare Python (`python -c pass`)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from shutil import copyfile

from tests.benchmarks.measure import interleaved, table

FILE = Path(__file__).parents[2] / "fixtures" / "workflows" / "daily-etl" / "daily-etl.job.yml"


def report() -> None:
    with tempfile.TemporaryDirectory() as folder:
        copyfile(FILE, os.path.join(folder, FILE.name))
        env = {**os.environ, "XDG_CACHE_HOME": folder}
        # With it Python compiles every module at every start, which nobody's installation does.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        jobc = [sys.executable, "-m", "jobc"]
        bare, version, hit, changed = interleaved(
            [
                [sys.executable, "-c", "pass"],
                [*jobc, "--version"],
                [*jobc, "lint", FILE.name],
                [*jobc, "lint", "--no-cache", FILE.name],
            ],
            env=env,
            cwd=folder,  # not the repository: its settings would have to be read
        )
    table(
        "Start-up, whole processes",
        ("python -c pass", bare),
        [
            ("jobc --version", version, "budget 3 ×"),
            ("jobc lint, file unchanged (cache hit)", hit, "budget 3 ×"),
            ("jobc lint, one changed file", changed, "budget 9 ×"),
        ],
    )
