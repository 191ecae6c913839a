"""Tasks of small jobs files, submitted to a runner by the backend itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from jobc.backends.api import ENDED, LOST, JobHandle, JobStatus, Task
from jobc.backends.self_hosted.backend import SelfHostedBackend
from jobc.engine.stream import Stream
from jobc.interpreter.api import CombinationResult, Inputs
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


def program_of(*stages: str) -> Program:
    """A program of one job with these bash scripts, its stages."""
    lines = ["jobs:", "  job:", "    stages:"]
    for number, script in enumerate(stages):
        lines += [
            f"      - id: s{number}",
            "        bash: |",
            *(f"          {line}" for line in script.splitlines()),
        ]
    model = analyze(SourceFile("flow.job.yml", "\n".join(lines) + "\n"))
    assert not model.diagnostics, [found.message for found in model.diagnostics]
    return lower(model)


class Rig:
    """A backend as a run has it: what it tells is kept by task, and may be waited for."""

    def __init__(self, arguments: Mapping[str, Any], workdir: str) -> None:
        self.arguments = dict(arguments)
        self.workdir = workdir
        self.told: list[str] = []
        self._changed = threading.Condition()
        self.backend = SelfHostedBackend()
        self.backend.open(self._notify)

    def _notify(self, handle: JobHandle) -> None:
        with self._changed:
            self.told.append(handle.id)
            self._changed.notify_all()

    def task(
        self, name: str, *stages: str, resources: Mapping[str, Any] | None = None, **inputs: Any
    ) -> Task:
        inputs.setdefault("run", {"id": "rig"})
        given = Inputs({}, workdir=self.workdir, environ={}, grace=1.0, **inputs)
        return Task(
            name,
            program_of(*(stages or ("true",))),
            0,
            0,
            given,
            arguments=self.arguments,
            resources=resources,
        )

    def until(self, condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
        """Wait for a condition that can only change with what the backend tells: there is no other clock than its."""
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                found = condition()
                if found:
                    return found
                left = end - time.monotonic()
                assert left > 0, "it did not come to pass"
                self._changed.wait(left)

    def status(self, handle: JobHandle) -> JobStatus:
        return self.backend.poll([handle])[0]

    def ended(self, handle: JobHandle) -> JobStatus:
        def look() -> JobStatus | None:
            status = self.status(handle)
            return status if status.state in (ENDED, LOST) else None

        found: JobStatus = self.until(look)
        return found

    def output(self, handle: JobHandle, offset: int = 0) -> bytes:
        """All of the output from an offset on, once the task has ended, read as the engine reads it."""
        found = b""
        while data := self.backend.logs(handle, offset + len(found)):
            found += data
        return found

    def log(self, handle: JobHandle) -> list[str]:
        """The lines that the stages wrote; events are left out."""
        events: list[Mapping[str, Any]] = []
        stream = Stream(handle.data["name"], events.append)
        stream.feed(self.output(handle))
        stream.close()
        return [event["text"] for event in events if event["event"] == "log"]

    def run(self, name: str, *stages: str, **more: Any) -> tuple[CombinationResult, list[str]]:
        handle = self.backend.submit(self.task(name, *stages, **more))
        self.ended(handle)
        log = self.log(handle)
        return self.backend.collect(handle), log
