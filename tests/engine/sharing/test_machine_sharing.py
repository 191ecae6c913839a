"""Resources of the machine between engines: never more than there is, in the order of arrival, and free again after a death."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobc.engine.resources import Room
from jobc.engine.sharing.machine_table import MachineTable

LIMIT = 90.0
TOTAL = {"cpu": 4.0, "memory": 1000.0}


class Engine:
    def __init__(self, folder: Path, run: str) -> None:
        self.news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.table = MachineTable(str(folder), run, TOTAL, lambda: self.news.put(None))
        self.room = Room(TOTAL, self.table)

    def takes(self, cpu: float) -> bool:
        needed = {"cpu": cpu}
        if not self.room.claim(self, needed):
            return False
        self.room.take(self, needed)
        return True


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[list[Engine]]:
    made = [Engine(tmp_path / "groups", name) for name in "abc"]
    yield made
    for engine in made:
        engine.table.close()
    assert sorted(os.listdir(tmp_path / "groups")) == ["machine.db"], "nothing is left behind"


def test_what_one_takes_the_other_has_not(engines: list[Engine]) -> None:
    a, b, _ = engines
    assert a.takes(3)
    assert b.takes(1)
    assert not b.takes(1)
    assert b.table.holders() == ["a"]
    a.room.give({"cpu": 3.0})
    b.news.get(timeout=LIMIT)
    assert b.takes(3)


def test_who_came_first_is_not_passed_by_a_smaller_one(engines: list[Engine]) -> None:
    a, b, c = engines
    assert a.takes(2)
    assert not b.takes(4)
    assert not c.takes(1), "b has all that becomes free set aside"
    a.room.give({"cpu": 2.0})
    assert not c.takes(1)
    assert b.takes(4)
    b.room.give({"cpu": 4.0})
    c.news.get(timeout=LIMIT)
    assert c.takes(1)


def test_one_that_waits_no_more_lets_the_others_pass(engines: list[Engine]) -> None:
    a, b, c = engines
    assert a.takes(2)
    assert not b.takes(4)
    assert not c.takes(2)
    b.room.forget(b)
    c.news.get(timeout=LIMIT)
    assert c.takes(2)


def test_more_than_there_is_has_all_of_it_alone(engines: list[Engine]) -> None:
    a, b, _ = engines
    assert a.takes(1)
    assert not b.takes(99)
    a.room.give({"cpu": 1.0})
    assert b.takes(99)
    assert not a.takes(1)


def test_a_table_that_cannot_be_used_leaves_each_to_itself(tmp_path: Path) -> None:
    (tmp_path / "groups").write_text("no folder")
    engine = Engine(tmp_path / "groups", "a")
    assert engine.takes(4)
    assert not engine.takes(1)
    engine.room.give({"cpu": 4.0})
    assert engine.takes(1)
    engine.table.close()


FLOW = """
jobs:
  big:
    resources: {cpu: 2}
    stages: [{bash: 'echo "begin $NAME" >> ../marks; until test -e ../go-$NAME; do sleep 0.02; done; echo "end $NAME" >> ../marks'}]
"""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.started: list[subprocess.Popen[str]] = []
        (path / "jobs").mkdir()
        (path / "jobs/flow.job.yml").write_text(FLOW)

    def start(self, name: str) -> subprocess.Popen[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("JOBC_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "jobc", "run", "flow.job.yml", "--run-id", name, "--format", "jsonl"],
            cwd=self.path / "jobs",
            env={**env, "JOBC_LOCAL_CPU": "3", "NAME": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def until(self, mark: str) -> None:
        end = time.monotonic() + LIMIT
        marks = self.path / "marks"
        while not marks.exists() or mark not in marks.read_text():
            assert time.monotonic() < end, mark
            time.sleep(0.02)

    def event(self, process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
        assert process.stdout is not None
        for line in process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == kind:
                return event
        raise AssertionError(f"no {kind} came")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_two_runs_do_not_take_the_machine_twice(folder: Folder) -> None:
    first = folder.start("one")
    folder.until("begin one")
    second = folder.start("two")
    waiting = folder.event(second, "job-waiting")
    assert (waiting["job"], waiting["reason"]) == (
        "big",
        "waits for resources of this machine, held by run one",
    )
    for name in ("one", "two"):
        (folder.path / f"go-{name}").touch()
    for process in (first, second):
        process.communicate(timeout=LIMIT)
        assert process.returncode == 0
    assert (folder.path / "marks").read_text().split("\n")[:-1] == [
        "begin one",
        "end one",
        "begin two",
        "end two",
    ]


def test_a_run_that_is_killed_gives_back_what_it_took(folder: Folder) -> None:
    first = folder.start("one")
    folder.until("begin one")
    second = folder.start("two")
    folder.event(second, "job-waiting")
    first.send_signal(signal.SIGKILL)
    folder.until("begin two")
    (folder.path / "go-two").touch()
    second.communicate(timeout=LIMIT)
    assert second.returncode == 0


def test_a_run_that_waits_can_be_interrupted(folder: Folder) -> None:
    folder.start("one")
    folder.until("begin one")
    second = folder.start("two")
    folder.event(second, "job-waiting")
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=LIMIT)
    assert second.returncode == 130


def test_a_setting_that_is_no_amount_is_said_before_a_run_is_entered(folder: Folder) -> None:
    env = {**os.environ, "JOBC_LOCAL_CPU": "many"}
    done = subprocess.run(
        [sys.executable, "-m", "jobc", "run", "flow.job.yml"],
        cwd=folder.path / "jobs",
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "JOBC_LOCAL_CPU cannot be `many`" in done.stderr
