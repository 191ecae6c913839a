"""`jobc run --resume` as a user meets it: engines that are really killed, files that changed, mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

JOBC = [sys.executable, "-m", "jobc"]

#: Kills the engine once, and would go on without it.
DIE = (
    "if [ ! -e died ]; then touch died; echo $$ > left; until [ -s engine.pid ]; do sleep 0.01; done;"
    " kill -9 $(cat engine.pid); sleep 60; echo late >> effects; fi"
)


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir()

    def write(self, text: str, name: str = "flow.job.yml") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("JOBC_", "WORKFLOW_"))
        }
        env |= {"TMPDIR": str(self.folder / "tmp"), **environ}
        process = subprocess.Popen(
            [*JOBC, *words],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        (self.folder / "engine.pid").write_text(str(process.pid))
        return process

    def run(self, *words: str, **environ: str) -> tuple[int, str, str]:
        process = self.start("run", *words, **environ)
        out, error = process.communicate(timeout=60)
        return process.returncode, out, error

    def die(self, *words: str, **environ: str) -> None:
        """Run until a stage kills the engine. What is left of it holds the pipes, so nothing is read."""
        process = self.start("run", *words, **environ)
        assert process.wait(timeout=60) == -signal.SIGKILL
        process.stdout.close()
        process.stderr.close()

    def resume(self, *words: str, **environ: str) -> dict:
        code, out, error = self.run("--resume", *words, "--format", "json", **environ)
        assert code == 0, error
        return json.loads(out)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


HALF = f"""
name: half
params:
  day: {{type: date, default: 2026-01-31}}
  price: {{type: decimal, default: 0}}
jobs:
  work:
    stages:
      - id: first
        bash: echo first >> effects; echo "x=1" >> "$JOBC_OUTPUT"
      - id: change
        run: |
          from decimal import Decimal
          params.price = Decimal("1.10")
          params.day = params.day.replace(day=1)
      - foreach: [a, b]
        stages:
          - bash: echo item-${{{{ item }}}} >> effects
          - if: item == 'b'
            bash: {DIE}
      - bash: echo "last ${{{{ params.day }}}} ${{{{ params.price }}}} ${{{{ stages.first.outputs.x }}}}" >> effects
  next:
    needs: [work]
    stages: [{{bash: echo next >> effects}}]
"""


def test_a_killed_run_goes_on_at_its_first_stage_that_had_not_ended(project):
    project.write(HALF)
    project.die("flow.job.yml", "--run-id", "one")
    left = int(project.read("left"))
    result = project.resume("one")
    assert project.read("effects").split("\n") == [
        "first", "item-a", "item-b", "last 2026-01-01 1.10 1", "next", "",
    ]  # fmt: skip
    assert result["jobs"]["work"]["attempts"] == 1
    stages = [stage["id"] for stage in result["jobs"]["work"]["combinations"][0]["stages"]]
    assert stages == ["first", "change", "2", "2[0].0", "2[0].1", "2[1].0", "2[1].1", "3"]
    assert not is_alive(left)
    assert list((project.folder / "tmp").glob("jobc-*")) == []


def test_plain_output_says_what_had_ended_and_only_shows_what_runs(project):
    project.write(HALF)
    project.die("flow.job.yml", "--run-id", "one")
    code, out, _ = project.run("--resume", "last", "--format", "plain")
    assert code == 0
    assert "run one of `half` goes on (flow.job.yml); 0 of 2 jobs had ended" in out
    assert "first: started" not in out
    assert "2 succeeded" in out


def test_a_run_that_succeeded_says_so_and_exits_0(project):
    project.write("jobs: {a: {stages: [{bash: echo a >> effects}]}}\n")
    assert project.run("flow.job.yml", "--run-id", "one")[0] == 0
    for more in ([], ["--failed-only"]):
        code, out, error = project.run("--resume", "one", *more)
        assert (code, out) == (0, "")
        assert error == "run one has ended: it succeeded; there is nothing to go on with\n"
    assert project.resume("one")["jobs"]["a"]["status"] == "success"
    assert project.read("effects") == "a\n"


def test_a_run_that_failed_exits_1_and_names_the_remedy_which_works(project):
    project.write(
        "jobs:\n"
        "  m:\n    strategy: {matrix: {n: [1, 2, 3]}}\n    stages:\n"
        "      - bash: echo m${{ matrix.n }} >> effects\n"
        "      - if: matrix.n == 2\n        bash: test -e mended\n"
        "  after: {needs: [m], stages: [{bash: echo after >> effects}]}\n"
    )
    assert project.run("flow.job.yml", "--run-id", "one")[0] == 1
    code, _, error = project.run("--resume", "one")
    assert code == 1
    assert "it failed; there is nothing to go on with" in error
    assert "`jobc run --resume one --failed-only`" in error
    (project.folder / "mended").touch()
    assert project.run("--resume", "one", "--failed-only")[0] == 0
    assert project.read("effects").split() == ["m1", "m2", "m3", "m2", "after"]


def test_a_run_that_is_unknown_or_still_runs_or_is_a_part_is_refused(project):
    project.write(
        "main:\n  type: Workflow\n  jobs: {a: {stages: [{trigger: inner}, {bash: 'until [ -e go ]; do sleep 0.02; done'}]}}\n"
        "inner:\n  type: Workflow\n  jobs: {b: {stages: [{echo: b}]}}\n"
    )
    code, _, error = project.run("--resume", "one")
    assert (code, "no run was made here yet" in error) == (2, True)
    running = project.start("run", "flow.job.yml#main", "--run-id", "nightly")
    show = [*JOBC, "runs", "show", "nightly"]

    def shown() -> str:
        return subprocess.run(show, cwd=project.folder, capture_output=True, text=True, check=False).stdout

    wait_until(lambda: "nightly.1" in shown(), "the nested run")
    code, _, error = project.run("--resume", "nigthly")
    assert (code, "did you mean `nightly`?" in error) == (2, True)
    code, _, error = project.run("--resume", "nightly")
    assert code == 2
    assert "run `nightly` is still running, in another process" in error
    code, _, error = project.run("--resume", "nightly.1")
    assert (code, "resume that one: nightly" in error) == (2, True)
    (project.folder / "go").touch()
    running.communicate(timeout=30)
    assert running.returncode == 0


CHANGING = f"""
jobs:
  a: {{stages: [{{bash: echo a >> effects}}]}}
  b: {{needs: [a], stages: [{{bash: echo b >> effects}}]}}
  c: {{needs: [b], stages: [{{bash: {DIE!r}}}, {{bash: echo c >> effects}}]}}
"""


def test_a_changed_file_is_refused_with_what_it_would_invalidate(project):
    project.write(CHANGING)
    project.die("flow.job.yml", "--run-id", "one")
    project.write(CHANGING.replace("echo b >>", "echo B >>"))
    code, out, error = project.run("--resume", "one")
    assert code == 2
    assert out == ""
    assert error.splitlines() == [
        "  a  unchanged, keeps its result",
        "  b  changed (`stages`), runs again",
        "  c  runs again, after `b`",
        "error: the jobs file changed since run `one` began",
        "help: run what changed and what comes after it again with --accept-changes, or go on as it began with"
        " --ignore-changes",
    ]
    assert project.run("--resume", "one", "--accept-changes")[0] == 0
    assert project.read("effects").split() == ["a", "b", "B", "c"]


def test_a_changed_file_can_be_ignored_and_a_missing_one_is_not_needed(project):
    project.write(CHANGING)
    project.die("flow.job.yml", "--run-id", "one")
    project.write(CHANGING.replace("echo c >>", "echo C >>"))
    (project.folder / "flow.job.yml").rename(project.folder / "away.yml")
    (project.folder / "died").unlink()
    project.die("--resume", "one")
    (project.folder / "away.yml").rename(project.folder / "flow.job.yml")
    assert project.run("--resume", "one", "--ignore-changes")[0] == 0
    assert project.read("effects").split() == ["a", "b", "c"]


def test_a_comment_is_no_change(project):
    project.write(CHANGING)
    project.die("flow.job.yml", "--run-id", "one")
    project.write("# one line more\n" + CHANGING)
    assert project.run("--resume", "one")[0] == 0
    assert project.read("effects").split() == ["a", "b", "c"]


def test_a_parameter_with_another_value_is_refused(project):
    project.write(
        "params: {n: {type: int, default: 1}}\n" + CHANGING.replace("echo b", "echo $<< params.n >>")
    )
    project.die("flow.job.yml", "--run-id", "one")
    code, _, error = project.run("--resume", "one", "-p", "n=2")
    assert code == 2
    assert "  b  changed (parameter `n`), runs again" in error
    assert "error: parameters changed since run `one` began" in error
    code, _, error = project.run("--resume", "one", "-p", "n=2", "--accept-changes")
    assert code == 0, error
    assert project.read("effects").split() == ["a", "1", "2", "c"]


def test_a_cancellation_that_was_under_way_is_taken_back(project):
    project.write(
        "jobs:\n  a:\n    stages:\n      - bash: |\n          if [ ! -e once ]; then touch once;"
        " trap '' TERM; while true; do sleep 0.05; done; fi\n      - bash: echo a >> effects\n"
        "  b: {needs: [a], stages: [{bash: echo b >> effects}]}\n  c: {stages: [{bash: echo c >> effects}]}\n"
    )
    running = project.start(
        "run", "flow.job.yml", "--run-id", "one", "--max-parallel", "1", "--format", "plain"
    )
    watchdog = threading.Timer(60, running.kill)
    watchdog.start()
    wait_until((project.folder / "once").exists, "the beginning of the stage")
    time.sleep(0.2)  # until the engine does nothing but wait
    running.send_signal(signal.SIGINT)
    assert any("is ending" in line for line in running.stdout)
    watchdog.cancel()
    running.kill()
    running.wait()
    running.stdout.close()
    running.stderr.close()
    result = project.resume("one")
    assert {job["status"] for job in result["jobs"].values()} == {"success"}
    assert sorted(project.read("effects").split()) == ["a", "b", "c"]


def test_an_engine_that_dies_each_time_is_not_resumed_for_ever(project):
    project.write(f"jobs: {{a: {{stages: [{{bash: '{DIE}'}}]}}}}\n")
    project.die("flow.job.yml", "--run-id", "one")
    (project.folder / "died").unlink()
    project.die("--resume", "one", JOBC_MAX_INTERRUPTIONS="1")
    (project.folder / "died").unlink()
    code, out, _ = project.run("--resume", "one", "--format", "plain", JOBC_MAX_INTERRUPTIONS="1")
    assert code == 1
    assert "it was interrupted 2 times (its engine died each time); raise JOBC_MAX_INTERRUPTIONS" in out


@pytest.mark.parametrize(
    ("words", "finding", "remedy"),
    [
        (["flow.job.yml", "--failed-only"], "no run is named", "`jobc run --resume RUN --failed-only`"),
        ([], "no jobs file is named", "`jobc run --resume RUN`"),
        (["--resume", "one", "--job", "a"], "--job cannot be given with --resume", "leave --job away"),
        (
            ["--resume", "one", "--accept-changes", "--ignore-changes"],
            "contradict each other",
            "give one of them",
        ),
    ],
)
def test_flags_that_do_not_go_together_say_so(project, words, finding, remedy):
    project.write("jobs: {a: {stages: [{echo: a}]}}\n")
    code, _, error = project.run(*words)
    assert code == 2
    assert finding in error
    assert remedy in error


def test_a_stage_that_used_up_attempts_does_not_get_them_back(project):
    project.write(
        "jobs:\n  a:\n    stages:\n      - retry: {attempts: 3, delay: 10ms}\n        bash: |\n"
        '          echo "$JOBC_ATTEMPT" >> effects\n'
        f"          if [ $JOBC_ATTEMPT = 2 ]; then {DIE}; fi\n          exit 1\n"
    )
    project.die("flow.job.yml", "--run-id", "one")
    code, out, _ = project.run("--resume", "one", "--format", "json")
    assert code == 1
    assert project.read("effects").split() == ["1", "2", "2", "3", "4"]
    assert json.loads(out)["jobs"]["a"]["combinations"][0]["stages"][0]["attempts"] == 4


def test_a_file_that_was_renamed_is_named_and_a_workflow_may_have_another_name(project):
    project.write("name: before\n" + CHANGING)
    project.die("flow.job.yml", "--run-id", "one")
    (project.folder / "flow.job.yml").unlink()
    project.write("name: after\n" + CHANGING, "other.job.yml")
    code, out, error = project.run("--resume", "one", "other.job.yml", "--format", "json")
    assert (code, error) == (0, "")
    assert json.loads(out)["workflow"] == "after"
    assert project.read("effects").split() == ["a", "b", "c"]
