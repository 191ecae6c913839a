"""Further attempts of jobs, hours long, in virtual time: how many, when, of which budget."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from engine_programs import Builder

from jobc.backends.api import BackendError, Capabilities, JobHandle, Task
from jobc.engine.simulation import SimulatedBackend, Simulation, failed, simulate, succeeded
from jobc.interpreter.api import CombinationResult, ErrorInfo, StageResult
from jobc.ir.program import Job, Retry

HOUR = 3600.0


def flow(retry: Callable[[Builder], Retry | None] = lambda builder: None) -> tuple[Builder, Job]:
    builder = Builder()
    job = builder.job("work")
    job.retry = retry(builder)
    return builder, job


def starts(simulation: Simulation) -> list[float]:
    return simulation.times("combination-started", "work")


def after(count: int, *errors: str) -> Callable[[Task], CombinationResult]:
    """Fails with these types in turn, then succeeds."""
    rest = list(errors) * count

    def outcome(task: Task) -> CombinationResult:
        return failed(task, rest.pop(0)) if rest else succeeded(task)

    return outcome


@pytest.mark.parametrize(
    ("backoff", "longest", "waits"),
    [
        ("fixed", None, [1, 1, 1, 1]),
        ("linear", None, [1, 2, 3, 4]),
        ("exponential", None, [1, 2, 4, 8]),
        ("exponential", 5, [1, 2, 4, 5]),
        ("linear", 2, [1, 2, 2, 2]),
    ],
)
def test_the_waits_between_attempts(backoff: str, longest: int | None, waits: list[int]) -> None:
    builder, job = flow(lambda builder: builder.retry(4, HOUR))
    assert job.retry is not None
    job.retry.backoff = backoff
    if longest is not None:
        job.retry.max_delay = builder.constant(f"{longest}h")
    simulation = simulate(builder.program, duration=lambda task: HOUR, outcome=failed)
    hours = [start / HOUR for start in starts(simulation)]
    assert [later - earlier - 1 for earlier, later in pairwise(hours)] == waits
    assert simulation.result.jobs["work"].attempts == 5


def test_jitter_follows_from_the_seed() -> None:
    builder, job = flow(lambda builder: builder.retry(6, 100))
    assert job.retry is not None
    job.retry.jitter = builder.constant(0.5)
    one, same, other = (
        starts(simulate(builder.program, outcome=failed, seed=seed)) for seed in ("r1", "r1", "r2")
    )
    assert one == same
    assert one != other
    waits = [later - earlier - 1.0 for earlier, later in pairwise(one)]
    assert all(100.0 <= wait <= 150.0 for wait in waits)
    assert len(set(waits)) == 6


def test_combinations_that_fail_together_come_back_apart() -> None:
    builder = Builder()
    job = builder.job("work", matrix={"x": list(range(20))}, max_parallel=20)
    job.retry = builder.retry(1, 100)
    job.retry.jitter = builder.constant("1m")
    again = starts(simulate(builder.program, outcome=failed, max_parallel=20))[20:]
    assert len(set(again)) == 20
    assert max(again) <= 161.0


@pytest.mark.parametrize(
    ("on", "error", "attempts"),
    [
        (["TimeoutError"], ErrorInfo("TimeoutError", "m"), 3),
        (["OSError"], ErrorInfo("TimeoutError", "m"), 3),
        (["ValueError"], ErrorInfo("TimeoutError", "m"), 1),
        ([75], ErrorInfo("exit", "m", exit_code=75), 3),
        ([75, 76], ErrorInfo("exit", "m", exit_code=1), 1),
        (["timeout"], ErrorInfo("timeout", "m"), 3),
        (["signal"], ErrorInfo("signal", "m"), 3),
        (["exit"], ErrorInfo("signal", "m"), 1),
    ],
)
def test_on_says_which_failures_are_worth_it(on: list[Any], error: ErrorInfo, attempts: int) -> None:
    builder, _ = flow(lambda builder: builder.retry(2, 1, on))
    if error.type == "TimeoutError":
        error.bases = ["TimeoutError", "OSError", "Exception"]

    def outcome(task: Task) -> CombinationResult:
        result = failed(task)
        result.error = error
        return result

    assert len(starts(simulate(builder.program, outcome=outcome))) == attempts


def test_a_failure_that_was_let_pass_is_not_what_is_retried() -> None:
    builder, _ = flow(lambda builder: builder.retry(2, 1, ["TimeoutError"]))

    def outcome(task: Task) -> CombinationResult:
        result = failed(task, "exit")
        tolerated = StageResult("0", "0", "failed")
        tolerated.error = ErrorInfo("TimeoutError", "let pass by continue-on-error")
        result.stages = [tolerated]
        return result

    assert len(starts(simulate(builder.program, outcome=outcome))) == 1


def test_a_job_past_its_timeout_is_tried_again_with_all_its_time() -> None:
    builder, job = flow(lambda builder: builder.retry(1, HOUR, ["timeout"]))
    job.timeout = builder.constant("2h")
    simulation = simulate(builder.program, duration=lambda task: 1e9)
    assert starts(simulation) == [0.0, 3 * HOUR]
    assert simulation.makespan == 5 * HOUR
    assert simulation.result.jobs["work"].status == "failed"


def test_interruptions_have_a_budget_of_their_own() -> None:
    builder, _ = flow(lambda builder: builder.retry(1, 10))
    outcome = after(1, "lost", "exit", "lost", "lost")
    simulation = simulate(builder.program, outcome=outcome)
    assert simulation.result.status == "success"
    # Ended at 1, 3, 14, 17 and 22: waits of 1, 10 (a failure's), 2 and 4 seconds.
    assert starts(simulation) == [0.0, 2.0, 13.0, 16.0, 21.0]


def test_a_job_without_retry_survives_interruptions_but_no_failure() -> None:
    builder, _ = flow()
    assert simulate(builder.program, outcome=after(3, "lost")).result.status == "success"
    assert len(starts(simulate(builder.program, outcome=failed))) == 1


def test_the_budget_of_interruptions_ends_and_says_so() -> None:
    builder, _ = flow()
    simulation = simulate(builder.program, outcome=lambda task: failed(task, "lost", "the node is gone"))
    assert len(starts(simulation)) == 4
    assert simulation.result.jobs["work"].reason == (
        "the node is gone; it was interrupted 4 times, and `preemptions` of its `retry` allows 3 further attempts"
    )


def test_preemptions_sets_that_budget() -> None:
    def retry(builder: Builder) -> Retry:
        made = builder.retry(0)
        made.preemptions = builder.constant(20)
        return made

    builder, _ = flow(retry)
    simulation = simulate(builder.program, outcome=after(20, "lost"))
    assert simulation.result.status == "success"
    waits = [later - earlier - 1.0 for earlier, later in pairwise(starts(simulation))]
    assert waits == [1, 2, 4, 8, 16, 32, *[60] * 14]


def test_on_does_not_filter_interruptions() -> None:
    builder, _ = flow(lambda builder: builder.retry(1, 1, ["ValueError"]))
    assert simulate(builder.program, outcome=after(2, "lost")).result.status == "success"


class Busy(SimulatedBackend):
    """Refuses the first submissions for the moment, and the first requests for a result."""

    refusals = 2

    def submit(self, task: Task) -> JobHandle:
        if self.refusals > 0:
            self.refusals -= 1
            raise BackendError("too many requests", transient=True)
        return super().submit(task)


class Forgetful(SimulatedBackend):
    tries = 0

    def collect(self, handle: JobHandle) -> CombinationResult:
        self.tries += 1
        if self.tries < 4:
            raise BackendError("the service is away", transient=True)
        return super().collect(handle)


def test_a_submission_refused_for_the_moment_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobc.engine.simulation.SimulatedBackend", Busy)
    builder, _ = flow()
    simulation = simulate(builder.program)
    assert simulation.result.status == "success"
    assert starts(simulation) == [0.0, 1.0, 3.0]


def test_a_result_that_cannot_be_had_for_the_moment_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobc.engine.simulation.SimulatedBackend", Forgetful)
    builder, _ = flow()
    simulation = simulate(builder.program, capabilities=Capabilities(notifies=True, poll_seconds=2.0))
    assert simulation.result.status == "success"
    assert starts(simulation) == [0.0], "the work is not done again"
    assert simulation.makespan == 7.0


class Losing(SimulatedBackend):
    """An environment that is polled, and whose first task's node dies."""

    lost = 1

    def submit(self, task: Task) -> JobHandle:
        handle = super().submit(task)
        if self.lost:
            self.lost -= 1
            del self._running[task.name]
        return handle


def test_a_task_that_its_environment_lost_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobc.engine.simulation.SimulatedBackend", Losing)
    builder, _ = flow()
    simulation = simulate(builder.program, capabilities=Capabilities(poll_seconds=10.0))
    assert simulation.result.status == "success"
    assert starts(simulation) == [0.0, 11.0]


def test_a_wait_of_hours_ends_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    builder, _ = flow(lambda builder: builder.retry(3, 10 * HOUR))
    simulation = simulate(
        builder.program, outcome=failed, happenings=[(HOUR, lambda control: control.cancel("enough"))]
    )
    assert simulation.makespan == HOUR
    assert simulation.result.jobs["work"].status == "cancel"
