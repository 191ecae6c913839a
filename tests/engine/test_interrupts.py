"""Signals at inconvenient moments, sent to the real command."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobc.engine import signals
from jobc.engine.control import Control

LIMIT = 90.0
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(text: str, *arguments: str, ignore: int | None = None) -> subprocess.Popen[str]:
        (tmp_path / "a.job.yml").write_text(text)
        before = None if ignore is None else signal.signal(ignore, signal.SIG_IGN)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "jobc", "run", "a.job.yml", "--format", "json", *arguments],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            if ignore is not None:
                signal.signal(ignore, before)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(path: Path) -> None:
    end = time.monotonic() + LIMIT
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.01)


def chain(count: int) -> str:
    jobs = [
        f"  j{n}: {{{f'needs: j{n - 1}, ' if n else ''}stages: [{{echo: hello}}]}}\n" for n in range(count)
    ]
    return (
        "jobs:\n"
        + "".join(jobs)
        + f"  tidy: {{needs: j{count - 1}, trigger-rule: all_done, stages: [{{echo: x}}]}}\n"
    )


@pytest.mark.parametrize("seed", range(4))
def test_at_any_moment_of_a_busy_run(start: Start, tmp_path: Path, seed: int) -> None:
    """Most of the time such a run commits; before and after it there is start-up and output."""
    draw = random.Random(seed)
    number = draw.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    process = start(chain(400), "--run-id", "busy")
    until(tmp_path / ".jobc" / "state" / "journal.db")
    time.sleep(draw.uniform(0.0, 0.5))
    process.send_signal(number)
    out, error = process.communicate(timeout=LIMIT)
    assert "Traceback" not in error
    if process.returncode == -number or (process.returncode == 130 and not out.endswith("}\n")):
        return  # before there was a run to end, or after it had ended and while it was told
    assert process.returncode in (128 + number, 0)
    result = json.loads(out)
    assert result["status"] == ("success" if process.returncode == 0 else "cancel")
    assert result["jobs"]["tidy"]["status"] == "success"
    ended = [job["status"] for id, job in result["jobs"].items() if id != "tidy"]
    assert ended == sorted(ended, reverse=True), (
        "what came before the signal succeeded, the rest is cancelled"
    )


def test_what_comes_before_the_run_starts_nothing_but_clean_up() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from engine_programs import Builder, Scripted, run, statuses

    builder = Builder()
    builder.job("work")
    builder.job("tidy", ["work"], "all_done")
    control, backend = Control(), Scripted()
    control.cancel("interrupted by SIGTERM")
    result = run(builder, backend=backend, control=control)
    assert statuses(result) == {"work": "cancel", "tidy": "success"}
    assert backend.submitted == ["tidy"]


def test_a_script_s_background_job_does_not_hear_the_terminal(start: Start, tmp_path: Path) -> None:
    process = start(
        "jobs: {a: {stages: [{bash: 'touch begun; until test -e go; do sleep 0.02; done'}]}}",
        ignore=signal.SIGINT,
    )
    until(tmp_path / "begun")
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    (tmp_path / "go").touch()
    process.communicate(timeout=LIMIT)
    assert process.returncode == 0


TIDY = """\
jobs:
  work: {stages: [{bash: "touch begun; sleep 300"}]}
  tidy: {needs: work, trigger-rule: all_done, stages: [{bash: "touch tidying; SLEEP; touch tidied"}]}
"""


def test_timeout_sends_its_signal_twice_and_clean_up_still_runs(start: Start, tmp_path: Path) -> None:
    process = start(TIDY.replace("SLEEP", "true"))
    until(tmp_path / "begun")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 143
    assert (tmp_path / "tidied").exists()


def test_a_terminal_that_closes_may_say_so_twice(start: Start, tmp_path: Path) -> None:
    process = start(TIDY.replace("SLEEP", "until test -e go; do sleep 0.02; done"))
    until(tmp_path / "begun")
    process.send_signal(signal.SIGHUP)
    until(tmp_path / "tidying")
    time.sleep(2 * signals.TOGETHER)
    process.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    process.communicate(timeout=LIMIT)
    assert process.returncode == 129
    assert (tmp_path / "tidied").exists()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_one_during_clean_up_ends_it(start: Start, tmp_path: Path, second: int) -> None:
    process = start(TIDY.replace("SLEEP", "sleep 300"))
    until(tmp_path / "begun")
    process.send_signal(signal.SIGINT)
    until(tmp_path / "tidying")
    time.sleep(2 * signals.TOGETHER)
    process.send_signal(second)
    out, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert json.loads(out)["jobs"]["tidy"]["status"] == "cancel"
    assert not (tmp_path / "tidied").exists()


def test_while_a_run_waits_for_its_group(start: Start, tmp_path: Path) -> None:
    text = "concurrency: g\n" + TIDY.replace("SLEEP", "true").replace(
        "touch begun; sleep 300", "touch begun; sleep 2"
    )
    first = start(text)
    until(tmp_path / "begun")
    second = start(text, "--run-id", "second", "-v")
    end = time.monotonic() + LIMIT
    while (
        not any((tmp_path / ".jobc/state/groups").glob("*.wake"))
        or len(list((tmp_path / ".jobc/state/groups").glob("*.wake"))) < 2
    ):
        assert time.monotonic() < end
        time.sleep(0.01)
    second.send_signal(signal.SIGTERM)
    out, _ = second.communicate(timeout=LIMIT)
    assert second.returncode == 143
    assert {job["status"] for job in json.loads(out)["jobs"].values()} == {"cancel"}
    first.communicate(timeout=LIMIT)
    assert first.returncode == 0


def test_handlers_are_put_back() -> None:
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    control = Control()
    with signals.Interrupts(control) as interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.first == signal.SIGTERM
        assert control.inbox.get(timeout=LIMIT)[0] == "cancel"
    assert {number: signal.getsignal(number) for number in signals.SIGNALS} == before
