"""The comparison with other runners: jobc does the same work as they, and the table says of each what came of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.engine import contestants, peers
from tests.benchmarks.engine.command import Took
from tests.benchmarks.engine.contestants import BASH, CHAIN, FAN, NO_OP, Graph


@pytest.mark.parametrize("work", [BASH, NO_OP])
@pytest.mark.parametrize(("shape", "jobs"), [(CHAIN, 3), (FAN, 4)])
def test_every_job_of_the_graph_is_run(shape: str, jobs: int, work: str, tmp_path: Path) -> None:
    graph = Graph(shape, 3)
    command = contestants.jobc(tmp_path, graph, work)
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout.count('"combinations"') == jobs == len(graph.jobs)


def test_a_chain_has_one_need_each_and_a_fan_gathers_all() -> None:
    assert [list(needs) for _, needs in Graph(CHAIN, 3).jobs] == [[], ["j0"], ["j1"]]
    assert [list(needs) for _, needs in Graph(FAN, 2).jobs] == [[], [], ["j0", "j1"]]


def test_who_is_late_or_fails_is_listed_and_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, int]] = []

    def program(name: str, text: str) -> contestants.Contestant:
        def contestant(folder: Path, graph: Graph, work: str) -> list[str]:
            asked.append((name, graph.count))
            return [sys.executable, "-c", text]

        return contestant

    programs = {
        contestants.JOBC_ITSELF: program("jobc", "pass"),
        "doit": program("doit", "import time; time.sleep(60)"),
        "luigi": program("luigi", "raise SystemExit('no such task')"),
        "snakemake": program("snakemake", "import os; os.kill(os.getpid(), 11)"),
        "go-task": program("go-task", "pass"),
    }
    monkeypatch.setattr(peers, "CONTESTANTS", programs)
    peers.report(sizes=(2, 3), works=(NO_OP,), limit=2.0, rounds=2, names=("doit", "luigi", "snakemake"))
    said = capsys.readouterr().out
    assert asked.count(("doit", 2)) == 2  # once for each shape
    assert ("doit", 3) not in asked
    assert ("luigi", 3) not in asked
    assert asked.count(("jobc", 3)) == 4
    assert said.count("not done in 2 s") == 4
    assert said.count("not tried: not done in 2 s with 2") == 2
    assert said.count("failed: no such task") == 2
    assert said.count("failed: killed by SIGSEGV") == 2
    assert "go-task" not in said


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "floor", "said"),
    [
        ("doit", 1.0, 5.0, 0.5, "met"),
        ("doit", 1.0, 4.0, 0.5, "missed"),
        ("doit", 1.0, 2.0, 0.5, "nobody can, bash alone takes 0.50"),
        ("go-task", 1.5, 1.0, 0.5, "met"),
        ("go-task", 1.6, 1.0, 0.5, "missed"),
    ],
)
def test_the_verdict_tells_a_missed_target_from_one_that_nobody_can_meet(
    name: str, ours: float, theirs: float, floor: float, said: str
) -> None:
    rows = {each: peers.Row() for each in (contestants.JOBC_ITSELF, contestants.FLOOR, name)}
    for row, seconds in zip(rows.values(), (ours, floor, theirs), strict=True):
        row.taken.append(Took(seconds, seconds, 2**20))
    assert peers._verdict(name, rows).endswith(": " + said)
