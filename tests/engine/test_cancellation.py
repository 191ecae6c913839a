"""Ending runs early: cancel, kill, timeouts, and what still runs then."""

from __future__ import annotations

import time

import pytest
from engine_programs import Builder, Scripted, failure, run, statuses, success

from jobc.backends.api import Capabilities
from jobc.engine.control import Control


def held(*held_jobs):
    def outcome(task):
        job = task.program.workflows[task.workflow].jobs[task.job].id
        return None if job in held_jobs else success(task)

    return outcome


def flow():
    builder = Builder()
    builder.job("work")
    builder.job("after", ["work"])
    builder.job("never", ["after"], "one_failed")
    builder.job("cleanup", ["work", "after"], "all_done")
    builder.job("report", ["cleanup"])
    return builder


def test_a_cancelled_run_starts_nothing_more_but_its_clean_up():
    control = Control()
    backend = Scripted(held("work"))
    backend.on_submit = lambda task: control.cancel("enough") if task.job == 0 else None
    result = run(flow(), backend=backend, control=control)
    assert statuses(result) == {
        "work": "cancel",
        "after": "cancel",
        "never": "cancel",
        "cleanup": "success",
        "report": "cancel",
    }
    assert result.status == "cancel"
    assert result.reason == "enough"
    assert result.jobs["after"].reason == "enough"


def test_clean_up_that_has_begun_is_not_disturbed_by_a_cancellation():
    control = Control()
    backend = Scripted(held("cleanup"))

    def submitted(task):
        if task.job == 3:
            control.cancel("enough")
            backend.end(task.name, success(task))

    backend.on_submit = submitted
    result = run(flow(), backend=backend, control=control)
    assert statuses(result)["cleanup"] == "success"
    assert backend.cancelled == []


def test_a_second_signal_kills_the_clean_up_too():
    control = Control()
    backend = Scripted(held("work", "cleanup"))

    def submitted(task):
        if task.job == 0:
            control.cancel("enough")
        else:
            control.kill()

    backend.on_submit = submitted
    result = run(flow(), backend=backend, control=control)
    assert statuses(result)["cleanup"] == "cancel"
    assert len(backend.killed) == 1


def test_a_job_that_ends_in_success_although_cancelled_keeps_its_success():
    control = Control()
    backend = Scripted(held("work"))
    backend.on_submit = lambda task: control.cancel("enough") if task.job == 0 else None
    backend.on_cancel = success
    result = run(flow(), backend=backend, control=control)
    assert statuses(result)["work"] == "success"
    assert statuses(result)["after"] == "cancel"


def test_a_job_past_its_timeout_fails_and_others_go_on():
    builder = Builder()
    builder.job("slow").timeout = builder.constant("20ms")
    builder.job("other")
    builder.job("fallback", ["slow"], "all_failed")
    backend = Scripted(held("slow"))
    result = run(builder, backend=backend)
    assert statuses(result) == {"slow": "failed", "other": "success", "fallback": "success"}
    assert result.jobs["slow"].combinations[0].error.type == "timeout"
    assert "0.02 s" in result.jobs["slow"].reason
    assert not result.timed_out


def test_the_default_timeout_of_jobs_comes_from_the_environment():
    builder = Builder()
    builder.job("slow")
    result = run(builder, held("slow"), environ={"WORKFLOW_CORE_JOB_TIMEOUT": "0.02"})
    assert result.jobs["slow"].combinations[0].error.type == "timeout"


def test_a_run_past_its_timeout_fails_and_still_cleans_up():
    backend = Scripted(held("work"))
    result = run(flow(), backend=backend, timeout=0.3)
    assert result.timed_out
    assert result.status == "failed"
    assert statuses(result) == {
        "work": "failed",
        "after": "cancel",
        "never": "cancel",
        "cleanup": "success",
        "report": "cancel",
    }


def test_a_retry_that_waits_does_not_outlive_a_cancellation():
    builder = Builder()
    builder.job("work").retry = builder.retry(3, delay=3600)
    builder.job("other", max_parallel=1)
    control = Control()
    backend = Scripted(lambda task: failure(task) if task.job == 0 else success(task))
    backend.on_submit = lambda task: control.cancel("enough") if task.job == 1 else None
    result = run(builder, backend=backend, control=control)
    assert statuses(result)["work"] == "cancel"


def test_a_job_waits_for_its_retry_without_a_slot():
    builder = Builder()
    builder.job("work").retry = builder.retry(1, delay=0.5)
    builder.job("other")
    backend = Scripted(
        lambda task: failure(task) if task.job == 0 and task.inputs.run["attempt"] == 1 else success(task)
    )
    result = run(builder, backend=backend, max_parallel=1)
    assert backend.submitted == ["work", "other", "work"]
    assert result.status == "success"


def test_a_backend_that_cannot_notify_is_polled():
    from jobc.backends.api import Capabilities, JobHandle

    class Polled(Scripted):
        capabilities = Capabilities(poll_seconds=0.01)

        def open(self, notify):
            self.notify = lambda handle: None

    backend = Polled()
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3]}, max_parallel=3)
    builder.job("b", ["a"])
    result = run(builder, backend=backend)
    assert statuses(result) == {"a": "success", "b": "success"}
    assert JobHandle.of_json(JobHandle("x", "1", {"a": 2}).to_json()).data == {"a": 2}


def test_a_task_that_cannot_be_submitted_fails_its_job_with_the_reason():
    from jobc.backends.api import BackendError

    class Refusing(Scripted):
        def submit(self, task):
            raise BackendError("the queue is closed")

    result = run(flow(), backend=Refusing())
    assert statuses(result)["work"] == "failed"
    assert result.jobs["work"].reason == "the queue is closed"
    assert statuses(result)["cleanup"] == "failed"


@pytest.mark.parametrize("limit", [1, 5])
def test_a_backend_never_holds_more_tasks_than_it_can(limit):
    from jobc.backends.api import Capabilities

    backend = Scripted(seed=3)
    backend.capabilities = Capabilities(notifies=True, max_tasks=limit)
    builder = Builder()
    builder.job("first")
    builder.job("a", ["first"], matrix={"x": list(range(20))}, max_parallel=20)
    run(builder, backend=backend, max_parallel=20)
    assert backend.most <= limit


def test_a_listener_that_fails_ends_the_run_gracefully_and_is_told_at_the_end():
    backend = Scripted()

    def listener(event):
        if event["event"] == "job-ended":
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(flow(), backend=backend, listener=listener)
    assert backend.submitted == ["work", "cleanup"]


def test_a_task_that_ignores_its_end_is_left_behind(monkeypatch):
    monkeypatch.setattr("jobc.engine.scheduler.ABANDON", 0.02)
    monkeypatch.setattr("jobc.engine.scheduler.CLEANUP", 0.0)

    class Deaf(Scripted):
        def cancel(self, handle, reason, message):
            pass

        def kill(self, handle):
            self.killed.append(handle.id)

    builder = Builder()
    builder.job("stuck").timeout = builder.constant(0.02)
    builder.job("after", ["stuck"], "all_done")
    backend = Deaf(held("stuck"))
    result = run(builder, backend=backend, grace=0.0)
    assert statuses(result) == {"stuck": "failed", "after": "success"}
    assert "left behind" in result.jobs["stuck"].reason
    assert len(backend.killed) == 1


def test_an_exception_in_the_engine_s_thread_ends_what_runs_in_this_process():
    """Ctrl-C in a program that uses the Python API, say: nobody would see the ends of these any more."""
    builder = Builder()
    builder.job("a")

    class Struck:
        now = staticmethod(time.monotonic)

        def take(self, inbox, until):
            raise KeyboardInterrupt

    for hosted, killed in ((True, 1), (False, 0)):
        backend = Scripted(lambda task: None)
        backend.capabilities = Capabilities(notifies=True, hosted=hosted)
        with pytest.raises(KeyboardInterrupt):
            run(builder, backend=backend, clock=Struck(), run_id="run")
        assert len(backend.killed) == killed
