"""`jobc runs cancel`: the engine in another process ends its run; nobody else's process is ever touched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

TWO = """
jobs:
  work: {stages: [{bash: 'echo $$ > pid; sleep 300'}]}
  cleanup: {needs: [work], trigger-rule: all_done, stages: [{bash: '%s'}]}
"""


def test_the_run_comes_to_a_graceful_end(project):
    project.write(TWO % "touch cleaned")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    project.wait_for_file("pid")
    code, out, error = project.run("runs", "cancel", "one")
    assert code == 0
    assert "was asked to end; clean-up jobs still run" in out
    assert (
        error
        == "help: `jobc run --resume one --failed-only` goes on with what is cancelled, once it has ended\n"
    )
    engine.communicate(timeout=30)
    assert engine.returncode == 143
    assert (project.folder / "cleaned").exists()
    shown = project.json("runs", "show", "one")
    assert shown["status"] == "cancel"
    code, _, error = project.run("runs", "cancel", "one")
    assert (code, error) == (1, "run one has ended: cancelled\n")


def test_now_ends_clean_up_too(project):
    project.write(TWO % "sleep 300")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    project.wait_for_file("pid")
    assert project.run("runs", "cancel", "--now", "one")[0] == 0
    engine.communicate(timeout=30)
    assert project.json("runs", "show", "one")["jobs"]["cleanup"]["status"] == "cancel"


def test_a_dead_engine_is_said_to_be_dead(project):
    project.write(TWO % "true")
    engine = project.start("run", "flow.job.yml", "--run-id", "one")
    pid = int(project.wait_for_file("pid"))
    engine.kill()
    engine.communicate()
    project.end(pid)
    code, out, error = project.run("runs", "cancel", "one")
    assert (code, out) == (1, "")
    assert f"the engine of run one (process {engine.pid}) is dead" in error
    assert "help: `jobc run --resume one` goes on with it;" in error


def test_a_process_that_got_the_number_later_is_left_alone(project):
    project.write("jobs: {a: {stages: [{echo: hello}]}}")
    project.run("run", "flow.job.yml", "--run-id", "one")
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        with sqlite3.connect(project.folder / ".jobc/state/journal.db") as journal:
            journal.execute("UPDATE runs SET status = NULL, pid = ?, pid_started = '1'", (stranger.pid,))
        code, _, error = project.run("runs", "cancel", "one", "--now")
        assert code == 1
        assert "is dead" in error
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_triggered_run_is_cancelled_with_the_run_that_it_is_of(project):
    project.write(
        "name: outer\njobs: {a: {stages: [{trigger: inner}]}}\n---\n"
        "name: inner\njobs: {b: {stages: [{echo: hello}]}}\n"
    )
    code, out, error = project.run("run", "flow.job.yml", "--run-id", "one")
    assert code == 0, out + error
    code, _, error = project.run("runs", "cancel", "one.1")
    assert code == 2
    assert "`jobc runs cancel one` ends both" in error
