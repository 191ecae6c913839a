"""A backend whose tasks are processes that outlive the engine: what `Capabilities.reattach` is for.

A task writes its result beside its name in a folder. A name that was submitted is not submitted again. As a program, this
file runs one workflow with that backend: `python surviving.py STATE FOLDER`, to be killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from engine_programs import Builder

from jobc.backends.api import ENDED, LOST, RUNNING, Capabilities, JobHandle, JobStatus, Task
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.run import execute
from jobc.interpreter.api import CombinationResult
from jobc.ir.program import Program


class Surviving:
    capabilities = Capabilities(reattach=True, poll_seconds=0.01)

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.submitted: list[str] = []

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        pass

    def submit(self, task: Task) -> JobHandle:
        self.submitted.append(task.name)
        place = self.folder / task.name
        try:
            place.mkdir()
        except FileExistsError:
            return JobHandle("local", task.name)
        index = task.inputs.strategy["index"]
        script = f"sleep {self.seconds}; echo {index} > {place}/out; mv {place}/out {place}/result"
        child = subprocess.Popen(["sh", "-c", script], start_new_session=True)
        (place / "pid").write_text(str(child.pid))
        return JobHandle("local", task.name, {"pid": child.pid})

    def attach(self, handle: JobHandle, task: Task) -> None:
        pass

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [self._status(handle.id) for handle in handles]

    def _status(self, name: str) -> JobStatus:
        if (self.folder / name / "result").exists():
            return JobStatus(ENDED)
        if (self.folder / name / "preempted").exists():
            return JobStatus(LOST, "the node was taken away")
        return JobStatus(RUNNING)

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        pass

    def kill(self, handle: JobHandle) -> None:
        pass

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        return b""

    def collect(self, handle: JobHandle) -> CombinationResult:
        result = CombinationResult("success", {})
        result.outputs = {"n": int((self.folder / handle.id / "result").read_text())}
        return result

    def close(self) -> None:
        pass


def program() -> Program:
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3]}, max_parallel=2)
    builder.job("b", ["a"])
    return builder.program


def main(state: str, folder: str) -> None:
    journal = Journal.create(path_in(state))
    backend = Surviving(Path(folder), seconds=3.0)
    options = Options(journal=journal, run_id="one", backend=lambda name: backend, max_parallel=2)

    def listener(event: dict[str, object]) -> None:
        if event["event"] == "run-started":
            print(json.dumps(os.getpid()), flush=True)

    execute(program(), {}, options, listener)


if __name__ == "__main__":
    main(*sys.argv[1:])
