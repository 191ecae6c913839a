"""A backend driven as the engine drives it, one task at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker_images import PYTHON

from jobc.backends.api import ENDED, LOST, JobHandle, Task
from jobc.backends.docker.backend import DockerBackend
from jobc.engine.stream import Stream
from jobc.interpreter.api import CombinationResult, Inputs
from jobc.interpreter.mark import MARK
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

#: Seconds that anything may take.
PATIENCE = 60.0


def program_of(stages: str, head: str = "") -> Program:
    text = f"{head}jobs:\n  a:\n    stages:\n" + "".join(f"      {line}\n" for line in stages.splitlines())
    model = analyze(SourceFile("flow.job.yml", text))
    errors = [found for found in model.diagnostics if found.severity == "error"]
    assert not errors, [found.message for found in errors]
    return lower(model)


def task_of(
    stages: str,
    folder: Path,
    *,
    name: str = "r1/a/0/1",
    head: str = "",
    arguments: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    mark: str = "0123456789abcdef",
    **inputs: Any,
) -> Task:
    """The first job of a workflow of these stages; the image is that with Python unless `arguments` name another."""
    inputs.setdefault("grace", 5.0)
    given = Inputs(
        inputs.pop("params", {}),
        environ={MARK: mark},
        workdir=str(folder),
        run={"id": "r1", "attempt": 1},
        **inputs,
    )
    image = {"image": PYTHON, "pull": "never"}
    return Task(
        name,
        program_of(stages, head),
        0,
        0,
        given,
        arguments={**image, **(arguments or {})},
        resources=resources,
    )


class Driver:
    """The engine's side: takes the output as it comes, and the result."""

    def __init__(self) -> None:
        self.backend = DockerBackend()
        self.output: dict[str, bytearray] = {}
        self._told = threading.Condition()
        self.backend.open(self._tell)

    def _tell(self, handle: JobHandle) -> None:
        with self._told:
            self._told.notify_all()

    def until(self, handle: JobHandle, *states: str, text: bytes = b"\0") -> str:
        """Read the output until the task is in one of these states, or has written `text`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            state = self.backend.poll([handle])[0]
            self.read(handle)
            if state.state in states or text in bytes(self.output.get(handle.id, b""))[-65536:]:
                return state.state if state.state != LOST else state.message
            assert time.monotonic() < deadline, (
                f"still {state.state}; it wrote {self.output.get(handle.id)!r}"
            )
            with self._told:
                self._told.wait(0.1)

    def read(self, handle: JobHandle) -> None:
        while True:
            known = self.output.setdefault(handle.id, bytearray())
            more = self.backend.logs(handle, len(known))
            if not more:
                return
            known += more

    def result(self, handle: JobHandle) -> CombinationResult:
        self.until(handle, ENDED)
        return self.backend.collect(handle)

    def run(self, task: Task) -> tuple[CombinationResult, list[str]]:
        """The result of a task, and the lines of its log."""
        handle = self.backend.submit(task)
        result = self.result(handle)
        return result, lines(task.name, self.output[handle.id])


def lines(name: str, output: bytes | bytearray) -> list[str]:
    """The log in an output."""
    found: list[str] = []

    def tell(event: Mapping[str, Any]) -> None:
        if event["event"] == "log":
            found.append(event["text"])

    stream = Stream(name, tell)
    stream.feed(bytes(output))
    stream.close()
    return found
