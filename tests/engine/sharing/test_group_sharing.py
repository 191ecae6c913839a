"""Concurrency groups between engines: order, displacement, death. The engines are processes, or several in this one."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_programs import Builder, Scripted, run, statuses

from jobc.engine.control import Control
from jobc.engine.sharing.groups import Group, Groups
from jobc.engine.state import RunState
from jobc.errors import StateError
from jobc.ir.program import Concurrency, Workflow

LIMIT = 90.0


class Engine:
    """Groups with a folder, and the news that arrive from others."""

    def __init__(self, folder: Path) -> None:
        self.news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.groups = Groups(str(folder), lambda: self.news.put(None))

    def enter(self, run: RunState, limit: int = 1, displaces: bool = False) -> bool:
        return run in self.groups.enter(run, Group("deploy", limit, displaces)).admitted

    def admitted(self) -> list[str]:
        """Whom the next news let in; waits for some."""
        while True:
            self.news.get(timeout=LIMIT)
            moves = self.groups.look()
            if moves.admitted or moves.displaced:
                return [holder.id for holder in moves.admitted if isinstance(holder, RunState)]


def a_run(id: str) -> RunState:
    return RunState(id, 0, Workflow("flow", 0), {}, "")


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[list[Engine]]:
    made = [Engine(tmp_path / "groups") for _ in range(3)]
    yield made
    for engine in made:
        engine.groups.close()
    assert sorted(os.listdir(tmp_path / "groups")) == ["groups.db"], "nothing is left behind"


def test_first_come_first_served_over_engines(engines: list[Engine]) -> None:
    runs = [a_run(id) for id in "abc"]
    assert [engine.enter(run) for engine, run in zip(engines, runs, strict=True)] == [True, False, False]
    assert engines[2].groups.wait_words(runs[2]) == "waits for the concurrency group `deploy`, held by run a"
    engines[0].groups.leave(runs[0])
    assert engines[1].admitted() == ["b"]
    engines[1].groups.leave(runs[1])
    assert engines[2].admitted() == ["c"]


def test_a_limit_counts_over_engines(engines: list[Engine]) -> None:
    runs = [a_run(id) for id in "abc"]
    assert [engine.enter(run, 2) for engine, run in zip(engines, runs, strict=True)] == [True, True, False]
    engines[1].groups.leave(runs[1])
    assert engines[2].admitted() == ["c"]


def test_the_newest_displaces_those_inside_and_those_that_wait(engines: list[Engine]) -> None:
    runs = [a_run(id) for id in "abc"]
    assert engines[0].enter(runs[0])
    assert not engines[1].enter(runs[1])
    assert not engines[2].enter(runs[2], displaces=True)
    for engine, victim in zip(engines, runs[:2], strict=False):
        engine.news.get(timeout=LIMIT)
        assert engine.groups.look().displaced == [
            (victim, "cancelled by run c, which took its concurrency group `deploy`")
        ]
        assert engine.groups.look().displaced == [], "told once"
        engine.groups.leave(victim)
    assert engines[2].admitted() == ["c"]


def test_of_several_seats_the_oldest_is_displaced(engines: list[Engine]) -> None:
    runs = [a_run(id) for id in "abc"]
    assert engines[0].enter(runs[0], 2)
    assert engines[1].enter(runs[1], 2)
    assert not engines[2].enter(runs[2], 2, displaces=True)
    assert [holder for holder, _ in engines[0].groups.look().displaced] == [runs[0]]
    assert engines[1].groups.look().displaced == []


def test_an_engine_that_closes_gives_up_its_seats(tmp_path: Path) -> None:
    one, other = Engine(tmp_path / "g"), Engine(tmp_path / "g")
    assert one.enter(a_run("a"))
    assert not other.enter(a_run("b"))
    one.groups.close()
    assert other.admitted() == ["b"]
    other.groups.close()


HOLDER = """
import sys, time
sys.path[:0] = {tests!r}
from test_group_sharing import Engine, a_run
from pathlib import Path
print(Engine(Path(sys.argv[1])).enter(a_run("dead")), flush=True)
time.sleep(600)
"""


def test_an_engine_that_is_killed_gives_up_its_seats(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    script = HOLDER.format(tests=[str(Path(__file__).parent), str(Path(__file__).parents[1])])
    holder = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        engine = Engine(folder)
        assert not engine.enter(a_run("heir"))
        holder.kill()
        assert engine.admitted() == ["heir"]
        engine.groups.close()
        assert os.listdir(folder) == ["groups.db"], "what the dead one left is removed"
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def test_who_died_before_does_not_stand_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    script = HOLDER.format(tests=[str(Path(__file__).parent), str(Path(__file__).parents[1])])
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    engine = Engine(folder)
    assert engine.enter(a_run("next"))
    engine.groups.close()


def test_a_table_that_cannot_be_used_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "groups.db").write_text("no database" * 100)
    with pytest.raises(StateError, match="concurrency groups") as caught:
        Engine(tmp_path).enter(a_run("a"))
    assert "remove" in (caught.value.help or "")


def test_a_folder_that_is_removed_meanwhile_holds_nobody_up(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "g")
    assert engine.enter(a_run("a"))
    shutil.rmtree(tmp_path / "g")
    engine.groups.close()


def test_jobs_wait_for_their_group_without_a_slot_and_say_so(tmp_path: Path) -> None:
    events: list[Any] = []
    builder = Builder()
    for id in "ab":
        builder.job(id).concurrency = Concurrency(builder.constant("deploy"))
    result = run(builder, listener=events.append, groups=str(tmp_path / "g"), run_id="r")
    assert statuses(result) == {"a": "success", "b": "success"}
    waiting = [(event["job"], event["reason"]) for event in events if event["event"] == "job-waiting"]
    assert waiting == [("b", "waits for the concurrency group `deploy`, held by job `a`")]


def test_a_run_that_waits_can_be_cancelled_and_runs_nothing(tmp_path: Path) -> None:
    other = Engine(tmp_path / "g")
    assert other.enter(a_run("holder"))
    builder = Builder()
    builder.job("a")
    builder.job("cleanup", ["a"], "all_done")
    builder.program.workflows[0].concurrency = Concurrency(builder.constant("deploy"))
    control = Control()
    backend = Scripted()

    def listener(event: Any) -> None:
        if event["event"] == "run-waiting":
            assert event["reason"] == "waits for the concurrency group `deploy`, held by run holder"
            control.cancel("enough")

    result = run(
        builder,
        backend=backend,
        listener=listener,
        control=control,
        groups=str(tmp_path / "g"),
        timeout=0.001,
    )
    assert statuses(result) == {"a": "cancel", "cleanup": "cancel"}
    assert not result.timed_out, "its time is counted from when it begins"
    assert backend.submitted == []
    other.groups.close()


def test_any_number_of_members_with_nothing_to_run_pass_through() -> None:
    builder = Builder()
    group = Concurrency(builder.constant("deploy"))
    for number in range(2_000):
        builder.job(f"j{number}", matrix={"x": []}).concurrency = group
    builder.job("first").concurrency = group
    builder.program.workflows[0].jobs.insert(0, builder.program.workflows[0].jobs.pop())
    result = run(builder)
    assert set(statuses(result).values()) == {"success", "skip"}


def test_a_triggered_workflow_of_the_same_group_passes() -> None:
    builder = Builder()
    inner = builder.workflow("inner")
    builder.job("leaf", workflow=inner)
    builder.job("outer").stages = [builder.trigger(inner)]
    for workflow in builder.program.workflows:
        workflow.concurrency = Concurrency(builder.constant("deploy"))
    from jobc.engine.options import Options
    from jobc.engine.run import execute

    assert execute(builder.program, {}, Options(timeout=LIMIT)).status == "success"


FLOW = """\
name: deploy
concurrency: {group: prod, cancel-in-progress: CANCEL}
jobs:
  go: {stages: [{bash: "touch started-$JOBC_RUN_ID; until test -e go; do sleep 0.02; done"}]}
  tidy: {needs: go, trigger-rule: all_done, stages: [{echo: tidy}]}
"""


def _jobc(folder: Path, id: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "jobc", "run", "a.job.yml", "--run-id", id, "--format", "jsonl"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _until(process: subprocess.Popen[str], kind: str) -> Any:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == kind:
            return event
    raise AssertionError(f"no {kind}: {process.communicate()}")


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def begin(id: str, cancels: str) -> subprocess.Popen[str]:
        (tmp_path / "a.job.yml").write_text(FLOW.replace("CANCEL", cancels))
        started.append(_jobc(tmp_path, id))
        return started[-1]

    yield begin
    (tmp_path / "go").touch()
    for process in started:
        process.kill()
        process.communicate()


def test_one_command_displaces_another(flow: Any, tmp_path: Path) -> None:
    one = flow("one", "true")
    _until(one, "stage-started")
    two = flow("two", "true")
    assert "run one" in _until(two, "run-waiting")["reason"]
    events = [json.loads(line) for line in one.communicate(timeout=LIMIT)[0].splitlines()]
    assert one.returncode == 1
    assert events[-1]["status"] == "cancel"
    assert events[-1]["reason"] == "cancelled by run two, which took its concurrency group `prod`"
    assert [e["status"] for e in events if e["event"] == "job-ended" and e["job"] == "tidy"] == ["success"]
    (tmp_path / "go").touch()
    two.communicate(timeout=LIMIT)
    assert two.returncode == 0


def test_a_killed_command_frees_its_group(flow: Any, tmp_path: Path) -> None:
    one = flow("one", "false")
    _until(one, "stage-started")
    two = flow("two", "false")
    _until(two, "run-waiting")
    os.kill(one.pid, signal.SIGKILL)
    one.wait()
    (tmp_path / "go").touch()
    two.communicate(timeout=LIMIT)
    assert two.returncode == 0
