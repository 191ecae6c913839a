"""`--task`: what an engine sends is run elsewhere, and what it left is read back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bundles import VERSIONS, cache, program_of, run, the_python

from jobc.backends.api import Task
from jobc.backends.bundle.parcel import BUNDLE, RESULT, SECRETS, TASK, Packer, Parcel, command
from jobc.engine.stream import Stream
from jobc.interpreter.api import CombinationResult, Inputs
from jobc.interpreter.taskfile import TaskError

FLOW = """
params: {n: {type: int, default: 1}}
secrets: [TOKEN]
jobs:
  a:
    strategy: {matrix: {x: [1, 2, 3]}}
    env: {AUTH: "Bearer ${{ secrets.TOKEN }}"}
    outputs: {y: "${{ stages.s.outputs.y }}", at: "at ${{ datetime.now() }}"}
    stages:
      - id: s
        bash: |
          echo "hi ${{ matrix.x }} $AUTH"
          echo "y=${{ matrix.x * params.n }}" >> "$JOBC_OUTPUT"
          env | grep -c JOBC_SECRET || :
      - run: |
          import os
          assert not os.path.exists("secrets.json"), "a stage sees the secrets"
          print("JOBC_MARK" in os.environ)
"""


class Sent:
    """A task in a folder of its own."""

    def __init__(self, text: str, folder: Path, **further: Any) -> None:
        inputs = Inputs(
            {"n": 5},
            matrix={"x": 2},
            env=further.pop("env", {}),
            secrets=further.pop("secrets", {}),
            run={"id": "r1", "attempt": 1, "workflow": "flow"},
            strategy={"index": 1, "total": 3},
            grace=further.pop("grace", 5.0),
        )
        self.program = program_of(text)
        self.folder = folder
        task = Task("r1.a.1.1", self.program, further.pop("workflow", 0), 0, inputs, **further)
        self.parcel: Parcel = Packer(cache()).pack(task)
        (folder / BUNDLE).write_bytes(self.parcel.bundle.data)
        for name, data in self.parcel.files.items():
            (folder / name).write_bytes(data)
        #: Events by their name.
        self.events: list[dict[str, Any]] = []

    def run(self, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        env = {**self.parcel.environ, "JOBC_SECRET_OTHER": "not for stages"}
        done = run(*command(python, str(self.folder)), cwd=self.folder, env=env)
        self.read(done.stdout.encode())
        return done

    def read(self, output: bytes) -> None:
        stream = Stream("r1.a.1.1", lambda event: self.events.append(dict(event)))
        stream.feed(output)
        stream.close()

    @property
    def result(self) -> CombinationResult:
        def read(name: str) -> bytes | None:
            path = self.folder / name
            return path.read_bytes() if path.exists() else None

        return self.parcel.result(read)

    @property
    def log(self) -> list[str]:
        return [event["text"] for event in self.events if event["event"] == "log"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_task_runs_on_every_python(version: tuple[int, int], tmp_path: Path) -> None:
    sent = Sent(
        FLOW,
        tmp_path,
        secrets={"TOKEN": "sesame-xyz"},
        env={"AUTH": "Bearer sesame-xyz"},
        now=datetime(2026, 1, 31, 9, tzinfo=UTC),
    )
    for path in tmp_path.iterdir():
        assert path.name == SECRETS or b"sesame" not in path.read_bytes()
    done = sent.run(the_python(version))
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / SECRETS).exists()
    assert "sesame" not in done.stdout
    result = sent.result
    assert result.status == "success"
    assert result.outputs == {"y": "10", "at": "at 2026-01-31T09:00:00+00:00"}
    assert [(stage.path, stage.status) for stage in result.stages] == [("s", "success"), ("1", "success")]
    assert sent.log == ["hi 2 Bearer ***", "0", "False"]
    kinds = [event["event"] for event in sent.events]
    assert kinds == ["stage-started", "log", "log", "stage-ended", "stage-started", "log", "stage-ended"]
    assert not any({"run", "job", "combination"} & set(event) for event in sent.events), (
        "the engine knows whose they are"
    )


def test_a_failure_says_what_the_engine_would_say(tmp_path: Path) -> None:
    sent = Sent("job:\n  stages:\n    - id: s\n      bash: |\n        exit 7\n", tmp_path)
    assert sent.run().returncode == 1
    error = sent.result.error
    assert error is not None
    assert (error.type, error.exit_code, error.path, error.line) == ("exit", 7, "flow.job.yml", 3)


def test_a_tasks_own_time_ends_it_without_any_engine(tmp_path: Path) -> None:
    sent = Sent("job:\n  stages: [{bash: sleep 600}]\n", tmp_path, timeout=0.3)
    assert sent.run().returncode == 124
    assert sent.result.status == "failed"
    assert sent.result.error is not None
    assert sent.result.error.type == "timeout"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_and_leaves_a_result(number: signal.Signals, code: int, tmp_path: Path) -> None:
    sent = Sent(
        "job:\n  stages:\n    - bash: touch begun; sleep 600\n"
        "    - condition: always()\n      bash: touch cleaned\n",
        tmp_path,
    )
    process = subprocess.Popen(command(sys.executable, str(tmp_path)), cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(60) == code
    finally:
        process.kill()
        process.communicate()
    assert sent.result.status == "cancel"
    assert (tmp_path / "cleaned").exists()


def test_a_killed_task_leaves_no_half_result(tmp_path: Path) -> None:
    sent = Sent("job:\n  stages: [{bash: 'touch begun; sleep 600'}]\n", tmp_path)
    process = subprocess.Popen(command(sys.executable, str(tmp_path)), cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    with pytest.raises(TaskError, match="it left no result"):
        sent.result  # noqa: B018


TRIGGERS = """
main:
  type: Workflow
  jobs:
    a: {stages: [{id: t, trigger: other, params: {m: 5}}]}
other:
  type: Workflow
  params: {m: int}
  outputs: {twice: "${{ needs.x.outputs.v }}"}
  jobs:
    x:
      outputs: {v: "${{ params.m * 2 }}"}
      stages: [{bash: touch triggered}]
"""


def test_a_trigger_stage_runs_its_workflow_there(tmp_path: Path) -> None:
    sent = Sent(TRIGGERS, tmp_path)
    done = sent.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert sent.result.stages[0].outputs == {"twice": 10}
    assert (tmp_path / "triggered").exists()


def test_a_call_stage_finds_the_module_where_it_runs(tmp_path: Path) -> None:
    text = "job:\n  stages: [{id: c, uses: 'tools:double', with: {n: 4}}]\n"
    sent = Sent(text, tmp_path)
    (tmp_path / "tools.py").write_text("def double(n):\n    return {'m': 2 * n}\n")
    assert sent.run().returncode == 0
    assert sent.result.stages[0].outputs == {"m": 8}


def test_a_module_that_is_not_there_is_named(tmp_path: Path) -> None:
    sent = Sent("job:\n  stages: [{uses: 'nowhere_at_all:f'}]\n", tmp_path)
    assert sent.run().returncode == 1
    assert sent.result.error is not None
    assert "nowhere_at_all" in sent.result.error.message


def _refused(sent: Sent, *argv: str) -> str:
    done = run(sys.executable, BUNDLE, *argv, cwd=sent.folder)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not (sent.folder / RESULT).exists()
    error, remedy = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert remedy.startswith("help: ")
    return error


def test_wrong_use_is_told_and_nothing_runs(tmp_path: Path) -> None:
    sent = Sent(FLOW, tmp_path, secrets={"TOKEN": "sesame-xyz"})
    rest = ["--secrets", SECRETS, "--result", RESULT]
    assert "`--job` does not go with --task" in _refused(sent, "--task", TASK, "--job", "a")
    assert "--task names no file" in _refused(sent, "--task")
    assert "cannot be read: No such file" in _refused(sent, "--task", "nothing.json", "--result", RESULT)
    assert "no value for the secret TOKEN" in _refused(sent, "--task", TASK, "--result", RESULT)
    assert (tmp_path / SECRETS).exists()
    assert "--task without --result" in _refused(sent, "--task", TASK, "--secrets", SECRETS)
    assert "was started before" in _refused(sent, "--task", TASK, *rest)
    (tmp_path / SECRETS).write_text("[1]")
    assert "no values of secrets by name" in _refused(sent, "--task", TASK, *rest)
    assert not (tmp_path / SECRETS).exists(), "whatever it holds, nobody reads it twice"
    (tmp_path / SECRETS).write_text(json.dumps({"TOKEN": "sesame-xyz"}))
    data = (tmp_path / TASK).read_bytes()
    (tmp_path / TASK).write_bytes(data[:40])
    assert "the task is no JSON" in _refused(sent, "--task", TASK, *rest)
    os.unlink(tmp_path / TASK)
