"""Tasks that run elsewhere: a call that waits keeps nobody waiting, and what fails for the moment is asked again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_programs import Builder, Scripted, failure, statuses, success
from surviving import Surviving, program

from jobc.backends.api import (
    QUEUED,
    BackendError,
    Capabilities,
    JobHandle,
    JobStatus,
    Task,
    TaskLost,
)
from jobc.backends.local import LocalBackend
from jobc.engine.control import Control
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.recorder import Place, Recorder
from jobc.engine.resuming.resume import resume
from jobc.engine.run import execute
from jobc.engine.secrets import Veil
from jobc.engine.simulation import SimulatedBackend, simulate
from jobc.interpreter.api import CombinationResult
from jobc.ir.program import Program, RunsOn

#: Longer than anything here takes: who waits so long waits in vain.
LONG = 60.0


class Slow(Scripted):
    """A submission waits for `go`."""

    capabilities = Capabilities(notifies=True, calls=1)

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.go = threading.Event()
        self.asked = threading.Event()

    def submit(self, task: Task) -> JobHandle:
        self.asked.set()
        assert self.go.wait(LONG)
        return super().submit(task)


def two_places(monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setattr("jobc.engine.run.is_known", lambda name: True)
    builder = Builder()
    builder.job("far").runs_on = RunsOn("far", [])
    builder.job("near")
    builder.job("after", ["near"])
    return builder


def test_a_submission_that_waits_keeps_no_other_job_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()

    def listener(event: Any) -> None:
        if event["event"] == "job-ended" and event["job"] == "after":
            slow.go.set()

    options = Options(max_parallel=2, backend=lambda name: slow if name == "far" else LocalBackend())
    result = execute(two_places(monkeypatch).program, {}, options, listener)
    assert statuses(result) == {"far": "success", "near": "success", "after": "success"}


def test_a_cancellation_reaches_a_task_whose_submission_was_under_way() -> None:
    slow = Slow(outcome=lambda task: None)
    control = Control()
    builder = Builder()
    builder.job("a")

    def act() -> None:
        assert slow.asked.wait(LONG)
        control.cancel("enough")
        slow.go.set()

    thread = threading.Thread(target=act)
    thread.start()
    result = execute(builder.program, {}, Options(control=control, backend=lambda name: slow))
    thread.join()
    assert result.status == "cancel"
    assert [reason for _, reason in slow.cancelled] == ["cancel"]


def test_a_task_that_comes_after_all_was_given_up_is_cleared_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobc.engine.scheduler.ABANDON", 0.01)
    slow = Slow(outcome=lambda task: None)
    control = Control()
    builder = Builder()
    builder.job("a")

    def listener(event: Any) -> None:
        if event["event"] == "combination-ended":
            slow.go.set()

    def act() -> None:
        assert slow.asked.wait(LONG)
        control.cancel("enough")
        control.kill()

    thread = threading.Thread(target=act)
    thread.start()
    result = execute(builder.program, {}, Options(control=control, backend=lambda name: slow), listener)
    thread.join()
    assert result.status == "cancel"
    assert len(slow.killed) == 1
    assert slow.ended == {}, "it was collected"


def test_submissions_keep_to_the_rate_that_the_environment_takes() -> None:
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3, 4]}, max_parallel=4)
    simulation = simulate(
        builder.program, capabilities=Capabilities(notifies=True, submissions_per_second=2.0), max_parallel=4
    )
    assert simulation.times("combination-ended") == [1.0, 1.5, 2.0, 2.5]


def test_what_waits_for_its_turn_is_not_submitted_when_it_is_cancelled() -> None:
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3, 4]}, max_parallel=4)
    simulation = simulate(
        builder.program,
        capabilities=Capabilities(notifies=True, submissions_per_second=1.0),
        duration=lambda task: 100.0,
        happenings=[(1.5, lambda control: control.cancel("enough"))],
        max_parallel=4,
    )
    assert simulation.most == 2
    assert simulation.result.status == "cancel"


class Queue(SimulatedBackend):
    """Tasks stand in a queue for an hour."""

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        found = super().poll(handles)
        return [JobStatus(QUEUED) if self._clock.now() < 3600 else status for status in found]


@pytest.mark.parametrize("notifies", [True, False])
@pytest.mark.parametrize(("limit", "status"), [(60, "failed"), (200, "success")])
def test_a_jobs_time_does_not_run_while_it_stands_in_a_queue(
    monkeypatch: pytest.MonkeyPatch, notifies: bool, limit: int, status: str
) -> None:
    monkeypatch.setattr("jobc.engine.simulation.SimulatedBackend", Queue)
    builder = Builder()
    job = builder.job("a")
    job.timeout = builder.constant(limit)
    simulation = simulate(
        builder.program,
        capabilities=Capabilities(notifies=notifies, poll_seconds=10),
        duration=lambda task: 3700.0,
    )
    assert simulation.result.status == status
    late = 0 if notifies else 10
    end = 3660.0 if status == "failed" else 3700.0
    assert end <= simulation.makespan <= end + late


class Faulty(Scripted):
    """`problems` are raised by its methods, one after the other."""

    capabilities = Capabilities(poll_seconds=0.01)

    def __init__(self, **problems: list[Exception]) -> None:
        super().__init__()
        self.problems = problems
        self.log = "line\n"

    def _maybe(self, method: str) -> None:
        if self.problems.get(method):
            raise self.problems[method].pop(0)

    def submit(self, task: Task) -> JobHandle:
        self._maybe("submit")
        return super().submit(task)

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        self._maybe("poll")
        return super().poll(handles)

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        self._maybe("logs")
        return super().logs(handle, offset)

    def collect(self, handle: JobHandle) -> CombinationResult:
        self._maybe("collect")
        return super().collect(handle)


def ran(backend: Faulty) -> tuple[Any, list[str]]:
    builder = Builder()
    builder.job("a")
    lines: list[str] = []

    def listener(event: Any) -> None:
        if event["event"] == "log":
            lines.append(event["text"])

    return execute(builder.program, {}, Options(backend=lambda name: backend), listener), lines


@pytest.mark.parametrize("method", ["poll", "logs", "collect"])
def test_what_cannot_be_had_for_the_moment_is_asked_for_again_and_said_once(method: str) -> None:
    result, lines = ran(Faulty(**{method: [BackendError("the service is away", transient=True)] * 3}))
    assert result.status == "success"
    assert sorted(lines) == ["line", "warning: the service is away; asking again"]


@pytest.mark.parametrize("method", ["submit", "poll", "logs", "collect"])
def test_what_trying_again_does_not_help_fails_the_job(method: str) -> None:
    result, _ = ran(Faulty(**{method: [BackendError("the token is wrong; get another")]}))
    error = result.jobs["a"].combinations[0].error
    assert (error.type, error.message) == ("backend", "the token is wrong; get another")


@pytest.mark.parametrize("method", ["submit", "poll", "logs", "collect"])
def test_a_defect_of_a_backend_fails_the_job_and_ends_nothing_else(method: str) -> None:
    result, _ = ran(Faulty(**{method: [KeyError("x")]}))
    error = result.jobs["a"].combinations[0].error
    assert (error.type, error.message) == ("backend", "defect of the environment `local`: KeyError: 'x'")


@pytest.mark.parametrize("method", ["poll", "logs", "collect"])
def test_a_lost_task_runs_again(method: str) -> None:
    backend = Faulty(**{method: [TaskLost("the node is gone")]})
    result, _ = ran(backend)
    assert result.status == "success"
    assert result.jobs["a"].attempts == 2
    assert backend.submitted == ["a", "a"]


class Away(Surviving):
    """The service does not answer the first requests to take over a task."""

    refusals = 2
    lost = False

    def attach(self, handle: JobHandle, task: Task) -> None:
        if self.lost:
            raise TaskLost("it was removed")
        if self.refusals:
            self.refusals -= 1
            raise BackendError("the service is away", transient=True)


def interrupted(tmp_path: Path, flow: Program | None = None) -> tuple[Journal, Path]:
    """A run whose engine has died while two tasks ran."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    journal = Journal.create(path_in(str(tmp_path / "state")))
    backend = Surviving(folder, seconds=0.2)
    started = []

    class Death(BaseException):
        pass

    def listener(event: Any) -> None:
        pass

    class Dying(Surviving):
        def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
            started.append(handles)
            raise Death

    backend = Dying(folder, seconds=0.2)
    with pytest.raises(Death):
        execute(
            flow or program(),
            {},
            Options(journal=journal, run_id="one", backend=lambda name: backend, max_parallel=2),
            listener,
        )
    return journal, folder


def test_a_service_that_is_away_when_an_engine_goes_on_does_not_have_its_tasks_run_twice(
    tmp_path: Path,
) -> None:
    journal, folder = interrupted(tmp_path)
    backend = Away(folder, seconds=0.01)
    result = resume(journal, "one", Options(backend=lambda name: backend))
    assert result.status == "success"
    assert [name for name in backend.submitted if ".a." in name] == ["one.a.2.1"]
    assert [each.outputs["n"] for each in result.jobs["a"].combinations] == [0, 1, 2]
    journal.close()


class Standing(Surviving):
    """Tasks stand in a queue for some time."""

    def __init__(self, folder: Path, until: float) -> None:
        super().__init__(folder, seconds=0.01)
        self.until = until
        self.cancelled: list[str] = []

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        self.cancelled.append(reason)

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        found = super().poll(handles)
        return [JobStatus(QUEUED)] * len(found) if time.monotonic() < self.until else found


def test_a_jobs_time_does_not_run_while_it_stands_in_a_queue_that_an_engine_before_put_it_in(
    tmp_path: Path,
) -> None:
    builder = Builder()
    builder.job("a").timeout = builder.constant(0.5)
    journal, folder = interrupted(tmp_path, builder.program)
    backend = Standing(folder, time.monotonic() + 1.5)
    result = resume(journal, "one", Options(backend=lambda name: backend))
    assert result.status == "success"
    assert (backend.submitted, backend.cancelled) == ([], [])
    journal.close()


def test_tasks_that_are_gone_when_an_engine_goes_on_run_again(tmp_path: Path) -> None:
    journal, folder = interrupted(tmp_path)
    backend = Away(folder, seconds=0.01)
    backend.lost = True
    result = resume(journal, "one", Options(backend=lambda name: backend))
    assert result.status == "success"
    assert {"one.a.0.2", "one.a.1.2"} <= set(backend.submitted)
    journal.close()


def test_output_and_how_far_it_was_told_are_written_together(tmp_path: Path) -> None:
    path = path_in(str(tmp_path / "state"))
    journal, other = Journal.create(path), Journal(path)
    recorder = Recorder(journal, None, Veil({}), lambda error: None, lambda: None, lambda: None)
    place = Place("r", 1, "a", 0, 0, 1)
    recorder.combination_started(place, {}, 0, 0)
    recorder.commit()
    ended = threading.Event()

    def flush() -> None:
        while not ended.is_set():
            recorder.commit()

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        for number in range(300):
            lines = [f"{number} {n}" for n in range(number % 7 + 1)]
            events = [
                {"event": "log", "stage": str(n % 2), "stream": "stdout", "text": line}
                for n, line in enumerate(lines)
            ]
            recorder.output(place, events, (number + 1, ""))
            query = "SELECT told, (SELECT count(DISTINCT substr(text, 1, instr(text, ' '))) FROM logs) AS n FROM combinations"
            (row,) = other.rows(query)
            assert row["told"] == row["n"] or (row["told"], row["n"]) == (0, 0)
    finally:
        ended.set()
        thread.join()
        journal.close()
        other.close()


def test_the_outcome_of_a_failed_task_is_its_own() -> None:
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2]}, max_parallel=2)
    backend = Scripted(lambda task: failure(task) if task.inputs.matrix["x"] == 1 else success(task))
    backend.capabilities = Capabilities(notifies=True, calls=3)
    result = execute(builder.program, {}, Options(backend=lambda name: backend, max_parallel=2))
    assert [each.status for each in result.jobs["a"].combinations] == ["failed", "success"]
