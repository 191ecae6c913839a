"""What a task takes with it to another machine, and what it leaves there.

    sent   bundle.pyz    the program and the runtime; named by `Parcel.bundle.hash`, its SHA-256, so it may be kept and shared
           task.json     the combination's inputs (`interpreter.taskfile`)
           secrets.json  the values of secrets by name, of mode 600; the task removes it as it reads it
           in.tar        the artifacts that the job starts with (`interpreter.cargo`), where there are any
    left   result.json   the combination's result
           out.tar       what it published, where it did

How these files get there and back is the backend's own; what is in them is the same everywhere.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jobc.backends.api import Task
from jobc.backends.bundle.build import Bundle, bundle
from jobc.interpreter.api import CombinationResult
from jobc.interpreter.taskfile import TaskError, TaskFile, dump_task, load_result, mark_of
from jobc.ir.program import Program

if TYPE_CHECKING:
    from jobc.interpreter.files import Artifact
    from jobc.interpreter.filesets import Blobs

BUNDLE = "bundle.pyz"
TASK = "task.json"
SECRETS = "secrets.json"
RESULT = "result.json"
IN = "in.tar"
OUT = "out.tar"


class Parcel:
    """A task ready to be sent: `files` are those beside the bundle, `environ` what its process must find."""

    __slots__ = ("bundle", "environ", "files", "job", "task")

    def __init__(self, task: TaskFile, job: str, bundle: Bundle, hidden: Mapping[str, str]) -> None:
        self.task = task
        #: The job's id.
        self.job = job
        self.bundle = bundle
        self.environ = {"JOBC_MARK": mark_of(task.name)}
        secrets = json.dumps({**task.inputs.secrets, **hidden}, ensure_ascii=False).encode()
        self.files = {TASK: dump_task(task, hidden), SECRETS: secrets}
        files = task.inputs.files
        if files is not None and files.artifacts:
            from jobc.interpreter.cargo import write

            stream = io.BytesIO()
            write(stream, files.artifacts, files.blobs)
            self.files[IN] = stream.getvalue()

    def result(self, read: Callable[[str], bytes | None]) -> CombinationResult:
        """What the task left; `read` gives a file of its folder, None where it is not there. Raises TaskError."""
        data = read(RESULT)
        if data is None:
            raise TaskError("it left no result")
        result = load_result(data, self.task.name)
        files = self.task.inputs.files
        archive = read(OUT) if files is not None else None
        if files is not None and archive is not None:
            result.artifacts = self._artifacts(archive, files.blobs)
        return result

    def _artifacts(self, archive: bytes, blobs: Blobs) -> list[Artifact]:
        """What it published, its contents in the store; whose it is, is this side's to say."""
        from jobc.interpreter.cargo import CargoError, read
        from jobc.interpreter.files import Artifact

        try:
            found = read(io.BytesIO(archive), blobs).get(self.task.job, [])
        except CargoError as error:
            raise TaskError(f"the artifacts that it left cannot be read: {error}") from None
        inputs = self.task.inputs
        index = inputs.strategy.get("index") or 0
        return [Artifact(one.name, self.job, index, inputs.matrix, one.root, one.entries) for one in found]


class Packer:
    """Makes parcels; each program is bundled once. Its methods may be called from any thread. `cache` as `build.bundle` has it."""

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._bundles: list[tuple[Program, Bundle]] = []
        self._lock = threading.Lock()

    def pack(self, task: Task) -> Parcel:
        now = None if task.now is None else task.now.isoformat()
        file = TaskFile(task.name, task.workflow, task.job, task.inputs, timeout=task.timeout, now=now)
        job = task.program.workflows[task.workflow].jobs[task.job].id
        return Parcel(file, job, self._bundle(task.program), _secret_params(task))

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
