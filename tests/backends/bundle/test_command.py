"""`python FILE.pyz …`: what a person can do with a bundle where nothing of jobc is installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bundles import VERSIONS, run, the_python, write_bundle

from jobc.engine.journal.history import History
from jobc.engine.journal.journal import Journal, path_in

FLOW = """
params: {n: {type: int, default: 2}}
jobs:
  make:
    strategy: {matrix: {x: [10, 20, 30]}}
    outputs: {y: "${{ stages.s.outputs.y }}"}
    stages:
      - id: s
        bash: |
          echo "at ${{ strategy.index }} of ${{ strategy.total }}"
          echo "y=${{ matrix.x * params.n }}" >> "$JOBC_OUTPUT"
  sum:
    needs: make
    outputs: {all: "${{ needs.make.outputs.y }}"}
    stages:
      - run: |
          import sys
          from datetime import date
          print("sum", len(needs["make"]["outputs"]["y"]), date(2026, 1, 31))
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    return write_bundle(FLOW, tmp_path)


def result_of(flow: Path, *argv: str, python: str = sys.executable) -> dict[str, Any]:
    done = run(python, flow, *argv, "--format", "json", cwd=flow.parent)
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (document["status"] != "success")
    return document


@pytest.mark.parametrize("version", VERSIONS)
def test_what_failed_is_shown_on_every_python(version: tuple[int, int], tmp_path: Path) -> None:
    text = "jobs: {a: {strategy: {matrix: {x: [1, 2]}}, stages: [{bash: exit 3}]}}"
    done = run(the_python(version), write_bundle(text, tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("exit code 3") >= 2
    assert "jobc itself failed" not in done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_a_docker_stage_says_what_it_lacks_on_every_python(version: tuple[int, int], tmp_path: Path) -> None:
    flow = write_bundle(
        "jobs: {a: {stages: [{image: busybox, command: 'true', docker-host: 'unix:///none.sock'}]}}", tmp_path
    )
    done = run(the_python(version), flow, cwd=tmp_path)
    assert done.returncode == 1
    lacks = ("the Docker library is not installed; `pip install", "no Docker daemon listens there; start it")
    assert any(what in done.stdout for what in lacks), done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_it_runs_whole_on_every_python(version: tuple[int, int], flow: Path) -> None:
    result = result_of(flow, "-p", "n=3", python=the_python(version))
    assert result["jobs"]["make"]["outputs"] == {"y": ["30", "60", "90"]}
    assert result["jobs"]["sum"]["outputs"] == {"all": ["30", "60", "90"]}


@pytest.mark.parametrize("version", [VERSIONS[0], sys.version_info[:2]])
def test_its_plain_form_is_for_people(version: tuple[int, int], flow: Path) -> None:
    done = run(the_python(version), flow, cwd=flow.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "make[x=20] | at 1 of 3" in done.stdout
    assert "sum | sum 3 2026-01-31" in done.stdout
    assert "jobc runs" not in done.stdout, "there is no history to look into"


def test_one_combination_keeps_its_place_in_the_whole(flow: Path) -> None:
    done = run(sys.executable, flow, "--job", "make", "--index", "2", "--format", "jsonl", cwd=flow.parent)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["text"] for event in events if event["event"] == "log"] == ["at 2 of 3"]
    assert [event["event"] for event in events][-1] == "run-ended"
    result = result_of(flow, "--job", "make", "--index", "2")
    assert list(result["jobs"]) == ["make"]
    assert [each["matrix"] for each in result["jobs"]["make"]["combinations"]] == [{"x": 30}]


def test_the_results_of_a_run_feed_one_job_of_another(flow: Path) -> None:
    (flow.parent / "made.json").write_text(json.dumps(result_of(flow, "--job", "make")))
    result = result_of(flow, "--job", "sum", "--needs", "made.json")
    assert result["jobs"]["sum"]["outputs"] == {"all": ["20", "40", "60"]}
    assert result["jobs"]["make"]["attempts"] == 0


def test_a_job_whose_need_failed_is_told_so(flow: Path) -> None:
    (flow.parent / "made.json").write_text(json.dumps({"make": {"status": "failed"}}))
    assert result_of(flow, "--job", "sum", "--needs", "made.json")["jobs"]["sum"]["status"] == "skip"


def test_result_and_history_go_to_files(flow: Path) -> None:
    done = run(
        sys.executable,
        flow,
        "--result",
        "out.json",
        "--state",
        ".jobc",
        "--run-id",
        "r1",
        "-q",
        cwd=flow.parent,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((flow.parent / "out.json").read_text())["run_id"] == "r1"
    journal = Journal.create(path_in(str(flow.parent / ".jobc")))
    try:
        assert History(journal).find("r1")["status"] == "success"
    finally:
        journal.close()


def test_it_says_what_it_is(flow: Path) -> None:
    done = run(sys.executable, flow, "--about", cwd=flow.parent)
    facts = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert facts["bundle"] == hashlib.sha256(flow.read_bytes()).hexdigest()
    assert (facts["params"], facts["secrets"]) == ("n", "none")
    listed = run(sys.executable, flow, "--list", cwd=flow.parent).stdout
    assert listed == "make\nsum   needs make\n"
    assert (
        "--task FILE --secrets FILE --result FILE"
        in run(sys.executable, flow, "--help", cwd=flow.parent).stdout
    )


def test_secrets_come_from_the_environment_or_a_file_and_are_masked(tmp_path: Path) -> None:
    flow = write_bundle("secrets: [T]\njobs:\n  a: {stages: [{bash: 'echo ${{ secrets.T }}'}]}\n", tmp_path)
    (tmp_path / "secrets.env").write_text("T=sesame-xyz\n")
    for env, argv in [({"JOBC_SECRET_T": "sesame-xyz"}, []), ({}, ["--secrets-file", "secrets.env"])]:
        done = run(sys.executable, flow, *argv, cwd=tmp_path, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert "a | ***" in done.stdout
        assert "sesame" not in done.stdout


def test_a_job_for_elsewhere_runs_here_only_if_that_is_said(tmp_path: Path) -> None:
    text = (
        "job:\n  runs-on: {type: docker, image: 'alpine:3'}\n  stages: [{bash: touch ran}]\n"
        "near:\n  stages: [{echo: here}]\n"
    )
    flow = write_bundle(text, tmp_path)
    done = run(sys.executable, flow, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: flow.job.yml:1: job `job` runs on `docker`, and a bundle runs jobs on"
    )
    assert "--runs-on local" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert run(sys.executable, flow, "--job", "near", cwd=tmp_path).returncode == 0
    assert run(sys.executable, flow, "--runs-on", "local", cwd=tmp_path).returncode == 0
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--jobs", "a"], "does not take `--jobs`"),
        (["--index", "1"], "--index without --job"),
        (["--job", "make", "--index", "one"], "--index cannot be `one`"),
        (["--job", "mak"], "there is no job `mak`"),
        (["-p", "n"], "-p cannot be `n`"),
        (["-p", "n=many"], "`n`"),
        (["--params-file", "params.yml"], "YAML cannot be read here"),
        (["--needs", "params.yml"], "params.yml is not valid JSON"),
        (["--needs", "nothing.json"], "nothing.json cannot be read"),
        (["--needs", "list.json"], "holds no results of jobs"),
        (["--needs", "odd.json"], 'the status of `a` is "fine"'),
        (["--needs", "list.json", "--state", "s"], "--needs and --state exclude each other"),
        (["--workdir", "nowhere"], "there is no folder `nowhere`"),
        (
            ["--result", "nowhere/x.json"],
            "the result cannot be written to `nowhere/x.json`: there is no folder",
        ),
        (["--result", "."], "the result cannot be written to `.`: it is a folder"),
        (["--timeout", "soon"], "--timeout: "),
        (["--now", "noon"], "--now cannot be `noon`"),
        (["--max-parallel", "0"], "--max-parallel cannot be `0`"),
    ],
)
def test_wrong_use_is_told_in_two_lines_and_nothing_runs(flow: Path, argv: list[str], message: str) -> None:
    (flow.parent / "params.yml").write_text("n: 1\n")
    (flow.parent / "list.json").write_text("[]")
    (flow.parent / "odd.json").write_text('{"a": {"status": "fine"}}')
    python = the_python(VERSIONS[0])
    done = run(python, flow, *argv, cwd=flow.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("version", [VERSIONS[0], sys.version_info[:2]])
def test_neither_settings_nor_a_broken_journal_confuse_it(version: tuple[int, int], flow: Path) -> None:
    (flow.parent / "jobc.toml").write_text("nonsense")
    database = Path(path_in(str(flow.parent / ".jobc")))
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database at all, only text" * 50)
    python = the_python(version)
    done = run(python, flow, "--state", ".jobc", cwd=flow.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is damaged: it is not a database" in done.stderr
    assert run(python, flow, "-q", cwd=flow.parent).returncode == 0


def test_an_index_beyond_the_matrix_fails_the_job_and_says_what_there_is(flow: Path) -> None:
    result = result_of(flow, "--job", "make", "--index", "3")
    assert result["jobs"]["make"]["status"] == "failed"
    assert "job `make` has no combination 3: it has 3, from 0 to 2" in result["jobs"]["make"]["reason"]


def test_a_signal_ends_the_run_as_it_ends_jobc(tmp_path: Path) -> None:
    flow = write_bundle("job:\n  stages: [{bash: 'touch begun; sleep 600'}]\n", tmp_path)
    process = subprocess.Popen(
        [sys.executable, str(flow), "--format", "json"], cwd=tmp_path, stdout=subprocess.PIPE
    )
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143
    assert json.loads(output)["status"] == "cancel"


def test_it_is_a_program_of_its_own(flow: Path) -> None:
    os.chmod(flow, 0o755)
    if shutil.which("python3") is None:
        pytest.skip("there is no python3 on PATH")
    done = subprocess.run([str(flow), "--list"], capture_output=True, text=True, cwd=flow.parent)
    assert done.stdout.startswith("make\n"), done.stderr


def test_packages_for_a_stage_that_cannot_be_had_are_named(tmp_path: Path) -> None:
    text = "job:\n  stages:\n    - run: import nothing\n      deps: [./no-such-package]\n"
    flow = write_bundle(text, tmp_path)
    result = result_of(flow)
    (combination,) = result["jobs"]["job"]["combinations"]
    assert combination["stages"][0]["error"]["type"] == "deps"
    assert "no-such-package" in combination["stages"][0]["error"]["message"]


#: The modules that Python has loaded when a bundle has run a task.
LOADED = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as stop:
    assert stop.code == 0, stop.code
print(" ".join(sorted(sys.modules)), file=sys.stderr)
"""
COSTLY = [
    "argparse",
    "ast",
    "inspect",
    "subprocess",
    "tempfile",
    "traceback",
    "jobc.backends.api",
    "jobc.cli.context",
    "jobc.engine",
    "jobc.interpreter.child",
    "jobc.interpreter.functions",
    "jobc.interpreter.launcher",
    "jobc.interpreter.processes",
    "jobc.interpreter.stages.bash",
]


def test_a_task_loads_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    from test_task import Sent

    sent = Sent("job:\n  stages: [{echo: hello}]\n", tmp_path)
    python = the_python(VERSIONS[0])
    done = run(
        python, "-S", "-c", LOADED, "bundle.pyz", "--task", "task.json", "--result", "r.json", cwd=sent.folder
    )
    loaded = set(done.stderr.split())
    assert "jobc.interpreter.stages.empty" in loaded, done.stderr
    assert loaded.isdisjoint(COSTLY), loaded.intersection(COSTLY)
    assert len([name for name in loaded if name.startswith("jobc")]) < 40
