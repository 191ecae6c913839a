"""The local backend and the registry."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from jobc.backends import registry
from jobc.backends.api import ENDED, LOST, RUNNING, JobHandle, Task
from jobc.backends.local import LocalBackend
from jobc.errors import UsageError
from jobc.interpreter.api import Inputs
from jobc.ir.program import Code, EmptyStage, Job, Program, Workflow


class Host:
    def __init__(self):
        self.started = threading.Event()

    def emit(self, event):
        if event["event"] == "stage-started":
            self.started.set()

    def now(self):
        return datetime.now(UTC)

    def trigger(self, workflow, params, stage, cancellation):
        raise AssertionError


def task(name, tree, tmp_path, field="echo", host=None):
    program = Program()
    program.files = ["flow.yml"]
    program.spans = [(0, 1, 1, 1, 2)]
    program.codes = [Code(tree, 0)]
    workflow = Workflow("flow", 0)
    job = Job("a", 0)
    stage = EmptyStage(0)
    setattr(stage, field, 0)
    job.stages = [stage]
    workflow.jobs = [job]
    program.workflows = [workflow]
    return Task(name, program, 0, 0, Inputs({}, workdir=str(tmp_path), grace=1.0), host=host or Host())


class Ends:
    """Collects notifications, and waits for them."""

    def __init__(self):
        self.handles = []
        self._arrived = threading.Semaphore(0)

    def __call__(self, handle):
        self.handles.append(handle)
        self._arrived.release()

    def wait(self):
        assert self._arrived.acquire(timeout=10)
        return self.handles[-1]


@pytest.fixture
def ends():
    return Ends()


@pytest.fixture
def backend(ends):
    backend = LocalBackend()
    backend.open(ends)
    yield backend
    backend.close()


def test_a_task_is_notified_collected_and_forgotten(backend, ends, tmp_path):
    handle = backend.submit(task("t", "hello", tmp_path))
    assert ends.wait().id == handle.id
    assert backend.poll([handle])[0].state == ENDED
    assert backend.collect(handle).status == "success"
    assert backend.poll([handle])[0].state == LOST


def test_submitting_a_name_again_gives_the_same_task(backend, ends, tmp_path):
    host = Host()
    first = backend.submit(task("t", 60, tmp_path, "sleep", host))
    second = backend.submit(task("t", 60, tmp_path, "sleep", host))
    assert first is second
    backend.kill(first)
    ends.wait()
    assert len(ends.handles) == 1


def test_a_cancelled_task_ends_as_cancelled_and_a_timed_out_one_as_failed(backend, ends, tmp_path):
    for reason, status in (("cancel", "cancel"), ("timeout", "failed")):
        host = Host()
        handle = backend.submit(task(reason, 60, tmp_path, "sleep", host))
        assert host.started.wait(10)
        assert backend.poll([handle])[0].state == RUNNING
        backend.cancel(handle, reason, "over")
        ends.wait()
        assert backend.collect(handle).status == status


def test_threads_are_used_again(backend, ends, tmp_path):
    for number in range(20):
        backend.submit(task(f"t{number}", "x", tmp_path))
        ends.wait()
    assert backend._threads <= 2


def test_a_defect_of_the_interpreter_is_a_result(backend, ends, tmp_path, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("defect")

    monkeypatch.setattr("jobc.interpreter.run.run_combination", broken)
    handle = backend.submit(task("t", "x", tmp_path))
    ends.wait()
    result = backend.collect(handle)
    assert (result.status, result.error.type) == ("failed", "internal")


def test_an_unknown_handle_is_left_alone(backend):
    handle = JobHandle("local", "of another process")
    backend.cancel(handle, "cancel", "x")
    backend.kill(handle)
    assert backend.poll([handle])[0].state == LOST


def test_the_registry_knows_local_and_says_what_there_is():
    assert isinstance(registry.create("local"), LocalBackend)
    assert registry.is_known("local")
    assert not registry.is_known("az-batch")
    with pytest.raises(UsageError, match="no environment `az-batch`") as caught:
        registry.create("az_batch")
    assert "local" in caught.value.help


def test_a_package_may_bring_a_backend(monkeypatch):
    class Point:
        name = "my_cloud"
        value = "cloud:Backend"

        def load(self):
            return LocalBackend

    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [Point()] if group == registry.GROUP else []
    )
    assert registry.is_known("my-cloud")
    assert isinstance(registry.create("my_cloud"), LocalBackend)
    Point.load = lambda self: (_ for _ in ()).throw(ImportError("no module cloud"))
    with pytest.raises(UsageError, match="cannot be loaded: no module cloud"):
        registry.create("my-cloud")
