"""What a task takes with it to another machine, and what it leaves there.

    sent   bundle.pyz    the program and the runtime; named by `Parcel.bundle.hash`, its SHA-256, so it may be kept and shared
           task.json     the combination's inputs (`interpreter.taskfile`)
           secrets.json  the values of secrets by name, of mode 600; the task removes it as it reads it
    left   result.json   the combination's result

How these files get there and back is the backend's own; what is in them is the same everywhere.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from jobc.backends.api import Task
from jobc.backends.bundle.build import Bundle, bundle
from jobc.interpreter.api import CombinationResult
from jobc.interpreter.taskfile import TaskError, TaskFile, dump_task, load_result, mark_of
from jobc.ir.program import Program

BUNDLE = "bundle.pyz"
TASK = "task.json"
SECRETS = "secrets.json"
RESULT = "result.json"


class Parcel:
    """A task ready to be sent: `files` are those beside the bundle, `environ` what its process must find."""

    __slots__ = ("bundle", "environ", "files", "task")

    def __init__(self, task: TaskFile, bundle: Bundle, hidden: Mapping[str, str]) -> None:
        self.task = task
        self.bundle = bundle
        self.environ = {"JOBC_MARK": mark_of(task.name)}
        secrets = json.dumps({**task.inputs.secrets, **hidden}, ensure_ascii=False).encode()
        self.files = {TASK: dump_task(task, hidden), SECRETS: secrets}

    def result(self, read: Callable[[str], bytes | None]) -> CombinationResult:
        """What the task left; `read` gives a file of its folder, None where it is not there. Raises TaskError."""
        data = read(RESULT)
        if data is None:
            raise TaskError("it left no result")
        return load_result(data, self.task.name)


class Packer:
    """Makes parcels; each program is bundled once. Its methods may be called from any thread. `cache` as `build.bundle` has it."""

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._bundles: list[tuple[Program, Bundle]] = []
        self._lock = threading.Lock()

    def pack(self, task: Task) -> Parcel:
        now = None if task.now is None else task.now.isoformat()
        file = TaskFile(task.name, task.workflow, task.job, task.inputs, timeout=task.timeout, now=now)
        return Parcel(file, self._bundle(task.program), _secret_params(task))

    def _bundle(self, program: Program) -> Bundle:
        with self._lock:
            for known, made in self._bundles:
                if known is program:
                    return made
            made = bundle(program, cache=self._cache)
            self._bundles.append((program, made))
            return made


def _secret_params(task: Task) -> dict[str, str]:
    """The values of parameters of type `secret`, by names that no secret has."""
    declared = task.program.workflows[task.workflow].params or []
    values = {param.name: task.inputs.params.get(param.name) for param in declared if param.type == "secret"}
    return {f"params.{name}": str(value) for name, value in values.items() if value}


def command(python: str, folder: str) -> list[str]:
    """What runs a task whose files lie in `folder`. Its output is the task's; SIGTERM cancels it."""
    places = [f"{folder}/{name}" for name in (BUNDLE, TASK, SECRETS, RESULT)]
    return [python, places[0], "--task", places[1], "--secrets", places[2], "--result", places[3]]
