"""What JC214 says is what the engine does: the jobs that it names wait for each other until the run's time is over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

TEXT = """\
name: main
jobs:
  load:
    concurrency: database
    stages: [{bash: "touch load; until test -e send; do sleep 0.01; done"}, {trigger: notify}]
  send:
    concurrency: mail
    stages: [{bash: "touch send; until test -e load; do sleep 0.01; done"}, {trigger: archive}]
---
name: notify
jobs:
  mail: {concurrency: mail, stages: [{echo: mail}]}
---
name: archive
jobs:
  store: {concurrency: WANTED, stages: [{echo: store}]}
"""


@pytest.mark.parametrize(
    ("wanted", "hangs"),
    [
        ("database", True),
        ("{group: database, limit: 1}", True),
        ("archive", False),
    ],
)
def test_the_engine_agrees(wanted: str, hangs: bool, tmp_path: Path) -> None:
    text = TEXT.replace("WANTED", wanted)
    (tmp_path / "a.job.yml").write_text(text)
    found = [f.code for f in check(analyze(SourceFile("a.job.yml", text)))]
    assert ("JC214" in found) == hangs
    limit = "3" if hangs else "60"
    done = subprocess.run(
        [sys.executable, "-m", "jobc", "run", "a.job.yml#main", "--timeout", limit, "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == (124 if hangs else 0), done.stdout + done.stderr


def test_a_workflow_can_want_the_group_too() -> None:
    text = TEXT.replace("{concurrency: WANTED, stages: [{echo: store}]}", "{stages: [{echo: store}]}")
    text = text.replace("name: archive", "name: archive\nconcurrency: database")
    assert "JC214" in [f.code for f in check(analyze(SourceFile("a.job.yml", text)))]


def test_a_group_with_room_for_both_lets_nobody_wait() -> None:
    text = TEXT.replace("WANTED", "database").replace(
        "concurrency: mail", "concurrency: {group: mail, limit: 2}"
    )
    assert "JC214" not in [f.code for f in check(analyze(SourceFile("a.job.yml", text)))]
