"""`jobc run --job ID --index K`: one combination, which keeps its place in the whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobc.cli.main import main

FLOW = """\
first:
  stages: [{echo: first}]
many:
  needs: first
  strategy: {matrix: {x: [a, b], y: [1, 2]}, max-parallel: 2}
  outputs: {at: "${{ strategy.index }}/${{ strategy.total }} ${{ matrix.x }}${{ matrix.y }}"}
  stages: [{bash: 'test -e good'}]
last:
  needs: many
  stages: [{echo: last}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "flow.job.yml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_json(*argv: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "jobc", "run", *argv, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_one_combination_runs_after_what_the_job_needs(folder: Path) -> None:
    (folder / "good").touch()
    jobs = run_json("flow.job.yml", "--job", "many", "--index", "2")["jobs"]
    assert list(jobs) == ["first", "many"]
    assert jobs["many"]["outputs"] == {"at": ["2/4 b1"]}
    assert [each["matrix"] for each in jobs["many"]["combinations"]] == [{"x": "b", "y": 1}]


def test_resuming_goes_on_with_that_combination_alone(folder: Path) -> None:
    argv = ["run", "flow.job.yml", "--job", "many", "--index", "3", "--run-id", "r"]
    assert main([*argv, "--format", "plain"]) == 1
    (folder / "good").touch()
    assert run_json("--resume", "r", "--failed-only")["jobs"]["many"]["outputs"] == {"at": ["3/4 b2"]}


def test_a_job_without_a_matrix_has_one_combination(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "flow.job.yml", "--job", "first", "--index", "0"]) == 0
    capsys.readouterr()
    assert main(["run", "flow.job.yml", "--job", "first", "--index", "1"]) == 1
    assert "job `first` has no combination 1: it has 1, from 0 to 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--index", "0"], "--index without --job"),
        (["--job", "many", "--index", "-1"], "--index cannot be `-1`"),
        (["--job", "many", "--index", "b"], "--index cannot be `b`"),
    ],
)
def test_wrong_use_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    assert main(["run", "flow.job.yml", *argv]) == 2
    assert message in capsys.readouterr().err
