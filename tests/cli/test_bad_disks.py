"""The state directory on a disk that is full, read-only or broken: what the user reads, and that nothing is lost silently."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

#: Counts the stages that ran by a side effect each; the second one does something to the disk.
FLOW = """
jobs:
  first: {stages: [{id: s, bash: 'echo first >> effects; echo n=1 >> $JOBC_OUTPUT'}]}
  breaks:
    needs: first
    stages: [{id: s, bash: 'echo breaks >> effects; if [ ! -e broken ]; then touch broken; DAMAGE; fi'}]
  last: {needs: [first, breaks], stages: [{id: s, bash: 'echo last ${{ needs.first.outputs.n }} >> effects'}]}
  tidy: {needs: last, trigger-rule: all_done, stages: [{bash: 'echo tidy >> effects'}]}
"""


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".jobc"

    def write(self, damage: str) -> None:
        (self.folder / "flow.job.yml").write_text(FLOW.replace("DAMAGE", damage))

    def run(self, *words: str) -> tuple[int, str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("JOBC_")}
        done = subprocess.run(
            [sys.executable, "-m", "jobc", *words],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    def effects(self) -> list[str]:
        return (self.folder / "effects").read_text().split("\n")[:-1]

    def resumed(self, *words: str) -> dict[str, Any]:
        code, out, error = self.run("run", "--resume", "one", "--format", "json", *words)
        assert code == 0, error
        result: dict[str, Any] = json.loads(out)
        assert result["status"] == "success"
        assert self.effects()[-2:] == ["last 1", "tidy"]
        return result


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def mounted(project: Project) -> Iterator[Project]:
    """With a file system of its own, of two megabytes, for the state."""
    project.state.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(project.state)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield project
    subprocess.run(["umount", "-l", str(project.state)], check=True)


@pytest.mark.services
def test_a_disk_that_fills_up_ends_the_run_with_words_and_it_can_be_resumed(mounted: Project) -> None:
    mounted.write('head -c 4M /dev/zero > .jobc/fill || true; head -c 100000 /dev/zero | tr "\\\\0" x')
    code, _, error = mounted.run("run", "flow.job.yml", "--run-id", "one")
    assert code == 2
    assert "the disk is full" in error
    assert "not recorded is what became of `breaks`" in error
    assert "help: free some space" in error
    assert mounted.effects() == ["first", "breaks", "tidy"]
    (mounted.state / "fill").unlink()
    mounted.resumed()
    assert mounted.effects().count("first") == 1


@pytest.mark.services
def test_a_disk_that_became_read_only_starts_nothing_and_loses_nothing(mounted: Project) -> None:
    mounted.write("kill -9 $PPID; sleep 60")
    assert mounted.run("run", "flow.job.yml", "--run-id", "one")[0] == -signal.SIGKILL
    _remount(mounted.state, "ro")
    for words in (["--resume", "one"], ["flow.job.yml"]):
        code, _, error = mounted.run("run", *words)
        assert code == 2
        assert "read-only" in error.lower()
        assert "help: make" in error
    assert "interrupted" in mounted.run("runs", "list")[1]
    assert mounted.effects() == ["first", "breaks"]
    _remount(mounted.state, "rw")
    mounted.resumed()
    assert mounted.effects().count("first") == 1


def _remount(place: Path, how: str) -> None:
    """As soon as the guard of the dead engine is gone, which may still write there."""
    end = time.monotonic() + 30
    while subprocess.run(["mount", "-o", f"remount,{how}", str(place)], capture_output=True).returncode:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.services
def test_a_disk_that_is_full_from_the_beginning_starts_nothing(mounted: Project) -> None:
    (mounted.state / "fill").write_bytes(b"x" * 1_900_000)
    subprocess.run(f"cat /dev/zero > {mounted.state}/more", shell=True, capture_output=True)
    mounted.write("true")
    code, _, error = mounted.run("run", "flow.job.yml", "--run-id", "one")
    assert code == 2
    assert "help: free some space" in error
    assert not (mounted.folder / "effects").exists()


@pytest.mark.parametrize(
    "words", [["run", "flow.job.yml"], ["run", "--resume", "one"], ["runs", "list"], ["runs", "show", "one"]]
)
def test_a_journal_that_is_none_is_said_and_nothing_starts(project: Project, words: list[str]) -> None:
    project.write("true")
    (project.state / "state").mkdir(parents=True)
    (project.state / "state/journal.db").write_bytes(b"nothing of the kind" * 1000)
    code, _, error = project.run(*words)
    assert code == 2
    assert "journal.db is damaged: it is not a database\nhelp: move it away; a new one is made" in error
    assert not (project.folder / "effects").exists()


@pytest.mark.parametrize("seed", range(4))
def test_a_journal_that_is_damaged_while_it_is_used(project: Project, seed: int) -> None:
    """Somebody writes into the middle of its files: work that has begun ends, and what is wrong is said, or nothing was."""
    hit = "journal.db-wal" if seed % 2 else "journal.db"
    project.write(
        f"head -c 200000 /dev/urandom | dd of=.jobc/state/{hit} bs=1024 seek={seed // 2} conv=notrunc status=none"
    )
    code, _, error = project.run("run", "flow.job.yml", "--run-id", "one")
    assert project.effects()[:2] == ["first", "breaks"]
    assert project.effects()[-1] == "tidy"
    assert code in (0, 2)
    if code == 2:
        assert "is damaged" in error
        assert "help: move it away" in error
    with sqlite3.connect(project.state / "state/journal.db") as journal:
        try:
            sound = journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            sound = False
    code, _, error = project.run("runs", "show", "one")
    if not sound and code:
        assert "is damaged" in error
