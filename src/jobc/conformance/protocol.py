"""The backend's methods themselves, as the engine calls them. A hosted backend is used by the engine alone, in one process."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from jobc.backends.api import ENDED, LOST, QUEUED, RUNNING, Backend, Capabilities, JobHandle, Task, TaskLost
from jobc.conformance.bench import ENVIRON, compiled, placed
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite, needs
from jobc.engine.stream import Stream
from jobc.interpreter.api import CombinationResult, Inputs

_COUNT = """
jobs:
  job:
    stages:
      - id: s
        bash: |
          token=$$-$(date +%s%N)
          i=0; while [ $i -lt 20 ]; do echo "$i $token"; i=$((i + 1)); sleep 0.05; done
          echo "token=$token" >> "$JOBC_OUTPUT"
"""
_numbers = itertools.count(1)


def a_task(subject: Subject, text: str, name: str | None = None) -> Task:
    """A task as the engine makes it."""
    program = placed(compiled(text), subject.type, subject.arguments)
    run = {"id": "protocol", "attempt": 1, "workflow": "flow", "parent_id": None, "started_at": ""}
    strategy = {"index": 0, "total": 1, "max-parallel": 1, "fail-fast": False}
    inputs = Inputs({}, run=run, strategy=strategy, environ=dict(ENVIRON), grace=5.0)
    chosen = name or f"protocol-{next(_numbers)}-{time.time_ns()}.job.0.1"
    return Task(chosen, program, 0, 0, inputs, arguments=subject.arguments, timeout=120.0)


def until_ended(backend: Backend, handle: JobHandle, subject: Subject) -> str:
    """Wait for the end of a task by polling; its last state."""
    until = time.monotonic() + subject.seconds
    while time.monotonic() < until:
        state = backend.poll([handle])[0].state
        if state in (ENDED, LOST):
            return state
        assert state in (QUEUED, RUNNING)
        time.sleep(0.05)
    raise AssertionError("the task did not end")


def output(backend: Backend, handle: JobHandle, offset: int = 0) -> bytes:
    """All that is there from an offset on."""
    found = b""
    while data := backend.logs(handle, offset + len(found)):
        found += data
    return found


def lines(task: Task, data: bytes) -> list[str]:
    """The lines of the log in an output."""
    events: list[dict[str, str]] = []
    stream = Stream(task.name, lambda event: events.append(dict(event)))
    stream.feed(data)
    stream.close()
    return [event["text"] for event in events if event["event"] == "log"]


class Protocol(Suite):
    @pytest.fixture
    def backend(self, subject: Subject, capabilities: Capabilities) -> Iterator[Backend]:
        needs(not capabilities.hosted, "tasks outside of the engine's process")
        backend = subject.make()
        backend.open(lambda handle: None)
        yield backend
        backend.close()

    def test_a_name_that_was_submitted_is_not_run_again(self, backend: Backend, subject: Subject) -> None:
        task = a_task(subject, _COUNT)
        first = backend.submit(task)
        other = subject.make()
        other.open(lambda handle: None)
        try:
            again, once_more = backend.submit(task), other.submit(task)
        finally:
            other.close()
        assert first.to_json() == again.to_json() == once_more.to_json()
        assert until_ended(backend, first, subject) == ENDED
        said = lines(task, output(backend, first))
        result = backend.collect(first)
        assert said == [f"{n} {result.outputs['token']}" for n in range(20)]
        assert subject.leftovers() == []

    def test_a_handle_is_plain_data(self, backend: Backend, subject: Subject) -> None:
        import json

        task = a_task(subject, "jobs: {job: {stages: [{echo: hi}]}}")
        handle = backend.submit(task)
        copy = JobHandle.of_json(json.loads(json.dumps(handle.to_json())))
        assert until_ended(backend, copy, subject) == ENDED
        assert lines(task, output(backend, copy)) == ["hi"]
        assert backend.collect(copy).status == "success"

    def test_the_output_is_the_same_from_every_offset(self, backend: Backend, subject: Subject) -> None:
        task = a_task(subject, _COUNT)
        handle = backend.submit(task)
        grown = b""
        until = time.monotonic() + subject.seconds
        while backend.poll([handle])[0].state != ENDED:
            assert time.monotonic() < until
            grown += backend.logs(handle, len(grown))
            time.sleep(0.02)
        grown += output(backend, handle, len(grown))
        assert output(backend, handle) == grown
        for offset in {0, 1, len(grown) // 2, len(grown) - 1, len(grown)}:
            assert output(backend, handle, offset) == grown[offset:]
        assert len(lines(task, grown)) == 20
        backend.collect(handle)

    def test_asking_after_the_end_harms_nothing(self, backend: Backend, subject: Subject) -> None:
        task = a_task(subject, "jobs: {job: {stages: [{echo: hi}]}}")
        handle = backend.submit(task)
        until_ended(backend, handle, subject)
        backend.cancel(handle, "cancel", "late")
        backend.kill(handle)
        assert backend.collect(handle).status == "success"
        backend.cancel(handle, "cancel", "very late")
        backend.kill(handle)

    def test_what_is_not_there_is_lost(self, backend: Backend, subject: Subject) -> None:
        task = a_task(subject, "jobs: {job: {stages: [{echo: hi}]}}")
        handle = backend.submit(task)
        until_ended(backend, handle, subject)
        backend.collect(handle)
        # Which may take a while: an engine that dies now asks for the result again.
        assert subject.leftovers() == []
        other = subject.make()
        other.open(lambda handle: None)
        why = ""
        try:
            other.attach(handle, task)
            status = other.poll([handle])[0]
            assert status.state == LOST
            why = status.message
        except TaskLost as lost:
            why = str(lost)
        finally:
            other.close()
        assert why

    def test_a_killed_task_leaves_a_truthful_end(self, backend: Backend, subject: Subject) -> None:
        task = a_task(subject, "jobs: {job: {stages: [{bash: 'echo begun; sleep 600'}]}}")
        handle = backend.submit(task)
        until = time.monotonic() + subject.seconds
        while "begun" not in lines(task, output(backend, handle)):
            assert time.monotonic() < until
            time.sleep(0.05)
        backend.kill(handle)
        if until_ended(backend, handle, subject) == ENDED:
            result: CombinationResult = backend.collect(handle)
            assert result.status == "failed"
            assert result.error is not None
            assert result.error.message
        assert subject.leftovers() == []

    def test_the_environment_watches_over_the_time_itself(self, backend: Backend, subject: Subject) -> None:
        task = a_task(subject, "jobs: {job: {stages: [{bash: 'sleep 600'}]}}")
        task.timeout = 2.0
        handle = backend.submit(task)
        assert until_ended(backend, handle, subject) == ENDED
        result = backend.collect(handle)
        assert result.status == "failed"
        assert result.error is not None
        assert result.error.type == "timeout"

    def test_it_notifies_of_output_and_of_the_end(self, subject: Subject, capabilities: Capabilities) -> None:
        needs(not capabilities.hosted, "tasks outside of the engine's process")
        needs(capabilities.notifies, "notifications")
        told: list[str] = []
        backend = subject.make()
        backend.open(lambda handle: told.append(handle.id))
        try:
            task = a_task(subject, "jobs: {job: {stages: [{bash: 'echo one; sleep 1; echo two'}]}}")
            handle = backend.submit(task)
            until_ended(backend, handle, subject)
            until = time.monotonic() + subject.seconds
            while len(told) < 2:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert set(told) == {handle.id}
            backend.collect(handle)
        finally:
            backend.close()
