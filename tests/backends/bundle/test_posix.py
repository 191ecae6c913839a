"""A lowered task does what the interpreter does, under each shell that is here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobc.backends.bundle.posix import Impossible, lower_task
from jobc.backends.bundle.posix_result import read_result
from jobc.interpreter.api import Cancellation, CombinationResult, Inputs, TriggerOutcome
from jobc.interpreter.run import run_combination
from jobc.interpreter.taskfile import TaskError, TaskFile
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

MARK = "\x1e7f3a:"
#: name → the command that runs a script
SHELLS = {
    "dash": ["dash"],
    "bash": ["bash", "--posix"],
    "busybox": ["busybox", "ash"],
    #: Nothing else is there: no bash, no setsid of util-linux, no GNU tool.
    "busybox alone": ["busybox", "ash"],
}


def program_of(text: str) -> Program:
    model = analyze(SourceFile("flow.job.yml", text))
    errors = [found for found in model.diagnostics if found.severity == "error"]
    assert not errors, [found.message for found in errors]
    return lower(model)


class Quiet:
    """A host that keeps nothing."""

    def emit(self, event: Mapping[str, Any]) -> None:
        pass

    def now(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC)

    def trigger(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        raise AssertionError(stage)


class Task:
    def __init__(self, text: str, tmp_path: Path, **inputs: Any) -> None:
        self.program = program_of(text)
        self.folder = tmp_path
        environ = {"PATH": os.environ["PATH"]}
        self.inputs = Inputs(
            inputs.pop("params", {}),
            environ=environ,
            workdir=str(tmp_path),
            grace=2.0,
            run={"id": "r", "attempt": 1},
            **inputs,
        )
        self.file = TaskFile("r.job.0.1", 0, 0, self.inputs)

    def interpreted(self) -> CombinationResult:
        return run_combination(self.program, 0, 0, self.inputs, Quiet(), Cancellation())

    def start(self, shell: str) -> subprocess.Popen[str]:
        command = SHELLS[shell]
        if shutil.which(command[0]) is None:
            pytest.skip(f"there is no {command[0]} here")
        path = self.inputs.environ["PATH"]
        temporary = self.folder / "temporary"
        temporary.mkdir()
        if shell == "busybox alone":
            tools = self.folder / "tools"
            tools.mkdir()
            subprocess.run(["busybox", "--install", "-s", str(tools)], check=True)
            path = str(tools)
            command = [str(tools / "ash")]
        script = self.folder / "task.sh"
        script.write_text(lower_task(self.program, self.file))
        secrets = {f"JOBC_SECRET_{name}": value for name, value in self.inputs.secrets.items()}
        env = {
            **self.inputs.environ,
            **secrets,
            "PATH": path,
            "TMPDIR": str(temporary),
            "JOBC_MARK": MARK,
            "JOBC_RESULT": str(self.folder / "result"),
        }
        return subprocess.Popen(
            [*command, str(script)],
            env=env,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ended(self, process: subprocess.Popen[str]) -> tuple[CombinationResult, str, int]:
        log, _ = process.communicate(timeout=60)
        try:
            data = (self.folder / "result").read_bytes()
        except FileNotFoundError:
            raise AssertionError(log) from None
        assert os.listdir(self.folder / "temporary") == []
        return read_result(data, self.program, self.file), log, process.returncode


def facts(result: CombinationResult) -> dict[str, Any]:
    """What both must agree on; how long it took and the words of a reason may differ."""
    stages = [
        {
            "path": stage.path,
            "status": stage.status,
            "attempts": stage.attempts,
            "outputs": stage.outputs,
            "error": stage.error and (stage.error.type, stage.error.exit_code),
        }
        for stage in result.stages
    ]
    return {
        "status": result.status,
        "outputs": result.outputs,
        "stages": stages,
        "error": result.error and result.error.type,
    }


CASES = {
    "values": """
job:
  outputs: {all: "${{ stages.a.outputs.x }}!"}
  stages:
    - id: a
      bash: |
        echo "x=${{ params.text }}" >> "$JOBC_OUTPUT"
        printf 'long<<END\\none\\n\\ntwo\\nEND\\n' >> "$JOBC_OUTPUT"
        echo 'single ${{ params.text }} and "double"'
    - id: b
      env: {COPY: "${{ stages.a.outputs.long }}", FIXED: "it's ${{ params.n + 1 }}"}
      bash: |
        echo "y=$FIXED|${{ stages.a.outputs.x }}|$JOBC_STAGE" >> "$JOBC_OUTPUT"
        printf 'z<<E\\n%s\\nE\\n' "$COPY" >> "$JOBC_OUTPUT"
""",
    "words": """
job:
  stages:
    - id: a
      bash: |
        printf '<%s>' ${{ params.list }} ${{ null }} | sed 's/^/w=/' >> "$JOBC_OUTPUT"
        echo >> "$JOBC_OUTPUT"
        echo "n=$(( ${{ params.n }} * 2 ))" >> "$JOBC_OUTPUT"
    - bash: echo "last=${{ stages.a.outputs.w }}" >> "$JOBC_OUTPUT"
""",
    "unquoted": r"""
job:
  stages:
    - id: a
      bash: |
        name=${{ params.text }}
        export also=x${{ params.text }}y
        n=${{ params.n }}
        none=${{ null }}
        if [ "$name" = ${{ params.text }} ]; then echo same=yes >> "$JOBC_OUTPUT"; fi
        echo "double=$((n * 2))" >> "$JOBC_OUTPUT"
        echo "name=$name|$also|$none" >> "$JOBC_OUTPUT"
        for item in ${{ params.list }} - ${{ [] }}; do printf '<%s>' "$item"; done | sed 's/^/items=/' >> "$JOBC_OUTPUT"
        echo >> "$JOBC_OUTPUT"
    - id: b
      bash: |
        late=${{ stages.a.outputs.name }}
        printf '%s\n' late="$late" word=${{ stages.a.outputs.name }} >> "$JOBC_OUTPUT"
        echo "n=$(printf '<%s>' a${{ stages.a.outputs.items }}b ${{ params.list }}c)" >> "$JOBC_OUTPUT"
""",
    "failures": """
job:
  stages:
    - id: tolerated
      continue-on-error: true
      bash: exit 7
    - id: after
      condition: stages.tolerated.result == 'failed'
      bash: echo seen=yes >> "$JOBC_OUTPUT"
    - id: skipped
      condition: params.n > 5
      bash: exit 1
    - id: broken
      bash: |
        echo part=1 >> "$JOBC_OUTPUT"
        false
        echo never
    - id: not-reached
      bash: echo never
    - id: clean
      condition: always()
      bash: echo "status=${{ job.status }}" >> "$JOBC_OUTPUT"
    - id: notify
      condition: failure() && stages.clean.outputs.status != 'success'
      echo: "failed"
    - id: fine
      condition: success()
      bash: echo never
""",
    "raise": """
job:
  stages:
    - {id: a, bash: 'echo who=Ada >> "$JOBC_OUTPUT"'}
    - {id: b, raise: "no ${{ stages.a.outputs.who }} today"}
    - {id: c, echo: never}
""",
    "retry": """
job:
  stages:
    - id: flaky
      retry: {attempts: 3, delay: 0, on: [7, timeout]}
      bash: |
        echo x >> tries
        [ "$(wc -l < tries)" -ge 3 ] || exit 7
        echo "tries=$(wc -l < tries | tr -d ' ')" >> "$JOBC_OUTPUT"
        rm tries
    - id: other
      retry: {attempts: 3, delay: 0, on: [7]}
      bash: exit 8
""",
    "timeout": """
job:
  stages:
    - id: slow
      timeout: 1
      bash: sleep 30
    - id: after
      condition: failure()
      bash: echo late=1 >> "$JOBC_OUTPUT"
""",
    "malformed output": """
job:
  stages:
    - {id: a, bash: 'echo "not an output" >> "$JOBC_OUTPUT"'}
    - {id: b, bash: echo never}
""",
    "signal": """
job:
  stages:
    - {id: a, bash: 'kill -KILL $$'}
""",
    "skipped": """
job:
  stages:
    - {id: a, condition: params.n == 0, bash: echo never}
""",
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("case", CASES)
def test_a_lowered_task_ends_as_the_interpreter_ends_it(case: str, shell: str, tmp_path: Path) -> None:
    params = {"text": "a 'b' \"c\" $d `e` \\f\té", "n": 3, "list": ["one", "two words", "*"]}
    task = Task(CASES[case], tmp_path, params=params)
    result, log, code = task.ended(task.start(shell))
    wanted = task.interpreted()
    assert facts(result) == facts(wanted), log
    assert code == (0 if wanted.status in ("success", "skip") else 1)


@pytest.mark.parametrize("shell", SHELLS)
def test_events_and_logs_are_told_apart(shell: str, tmp_path: Path) -> None:
    text = 'job:\n  stages:\n    - {id: a, bash: \'echo "{\\"event\\":\\"stage-ended\\"}"\'}\n'
    task = Task(text, tmp_path)
    _, log, _ = task.ended(task.start(shell))
    lines = log.split("\n")
    assert [line.removeprefix(MARK)[:22] for line in lines if line.startswith(MARK)] == [
        '{"event":"stage-starte',
        '{"event":"stage-ended"',
    ]
    assert lines[1] == '{"event":"stage-ended"}'


@pytest.mark.parametrize("shell", SHELLS)
def test_sigterm_ends_the_stage_and_all_it_started(shell: str, tmp_path: Path) -> None:
    text = """
job:
  stages:
    - id: a
      bash: |
        sleep 300 & echo $! > pid
        echo begun=1 >> "$JOBC_OUTPUT"
        touch started
        wait
    - {id: b, bash: echo never}
    - {id: c, condition: always(), bash: 'echo cleaned=1 >> "$JOBC_OUTPUT"'}
"""
    task = Task(text, tmp_path)
    process = task.start(shell)
    try:
        while not (tmp_path / "started").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        result, log, code = task.ended(process)
    finally:
        process.kill()
    assert [stage.status for stage in result.stages] == ["cancel", "cancel", "success"], log
    assert (result.status, code) == ("cancel", 143)
    assert result.outputs == {"begun": "1", "cleaned": "1"}
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    raise AssertionError("the stage's child outlived it")


@pytest.mark.parametrize("shell", SHELLS)
def test_secrets_are_read_from_the_environment_alone(shell: str, tmp_path: Path) -> None:
    text = """
wf:
  type: Workflow
  secrets: [TOKEN]
  jobs:
    job:
      env: {AUTH: "Bearer ${{ secrets.TOKEN }}"}
      stages:
        - id: a
          bash: echo "n=$(printf '%s' "${{ secrets.TOKEN }}$AUTH" | wc -c | tr -d ' ')" >> "$JOBC_OUTPUT"
"""
    task = Task(text, tmp_path, secrets={"TOKEN": "s3'cr$et"}, env={"AUTH": "Bearer s3'cr$et"})
    assert "cr$et" not in lower_task(task.program, task.file)
    result, log, _ = task.ended(task.start(shell))
    assert result.outputs == {"n": str(2 * 8 + len("Bearer "))}, log


@pytest.mark.parametrize(
    "script", ["cat ${{ params.text }}", 'x="${{ params.text }}"', "x=${{ params.text }}"]
)
def test_a_value_that_no_variable_holds_is_refused(script: str, tmp_path: Path) -> None:
    stages = f"job:\n  stages:\n    - bash: {script}\n"
    task = Task(stages, tmp_path, params={"text": "x" * 200_000})
    with pytest.raises(Impossible) as problem:
        lower_task(task.program, task.file)
    assert "a value is too large for a variable" in str(problem.value)
    assert problem.value.line == 3


@pytest.mark.parametrize(
    ("stage", "said", "line"),
    [
        ("{run: 'x = 1'}", "a `python` stage needs Python", 3),
        ("{bash: 'echo \"${{ datetime.now() }}\"'}", "can only be evaluated while the task runs", 3),
        ("{bash: 'true', shell: 'zsh -e'}", "`shell: zsh -e` needs Python", 3),
        ("{bash: 'true', retry: {attempts: 1, jitter: 1}}", "jitter needs Python", 3),
        ("{bash: 'true', retry: {attempts: 1, on: [ValueError]}}", "a retry on `ValueError` needs Python", 3),
    ],
)
def test_what_needs_python_is_refused_with_its_place(
    stage: str, said: str, line: int, tmp_path: Path
) -> None:
    task = Task(f"job:\n  stages:\n    - {stage}\n", tmp_path)
    with pytest.raises(Impossible, match=said) as caught:
        lower_task(task.program, task.file)
    assert (caught.value.path, caught.value.line) == ("flow.job.yml", line)


@pytest.mark.parametrize("artifacts", ["{out: a.txt}", "{in: {x: {path: y, if-missing: ignore}}}"])
def test_artifacts_need_python(artifacts: str, tmp_path: Path) -> None:
    """Nothing of them may be lost in silence."""
    text = "\n".join(
        [
            "wf:",
            "  type: Workflow",
            "  jobs:",
            "    first: {artifacts: {out: {x: x.txt}}, stages: [{echo: hi}]}",
            f"    job: {{needs: first, artifacts: {artifacts}, stages: [{{echo: hi}}]}}",
        ]
    )
    task = Task(text, tmp_path)
    task.file.job = 1
    with pytest.raises(Impossible, match="artifacts need Python where the task runs"):
        lower_task(task.program, task.file)


def test_a_result_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    task = Task(CASES["values"], tmp_path, params={"text": "t", "n": 1})
    task.ended(task.start("bash"))
    data = (tmp_path / "result").read_bytes()
    for end in range(len(data)):
        with pytest.raises(TaskError):
            read_result(data[:end], task.program, task.file)
    task.file.name = "another"
    with pytest.raises(TaskError, match="not of another"):
        read_result(data, task.program, task.file)
