"""A task as the files of its container, and its result out of them."""

from __future__ import annotations

from collections.abc import Callable

from jobc.backends.api import Task
from jobc.backends.bundle.parcel import BUNDLE, Parcel
from jobc.backends.bundle.posix import Impossible, lower_task
from jobc.backends.bundle.posix_result import read_result
from jobc.backends.docker import container as containers
from jobc.backends.docker import launch
from jobc.backends.docker.container import Ended
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.processes import signal_name
from jobc.interpreter.taskfile import TaskError
from jobc.ir.status import FAILED

#: What a failure without a result quotes of the output, in characters.
_QUOTED = 300


class ContainerTask:
    """`task` with the variables of its container's `env`."""

    __slots__ = ("_impossible", "_parcel", "_task", "files")

    def __init__(self, task: Task, parcel: Parcel, env: dict[str, str]) -> None:
        self._task = task
        self._parcel = parcel
        self._impossible: Impossible | None = None
        self.files = {
            BUNDLE: parcel.bundle.data,
            **parcel.files,
            launch.ENVIRON: launch.environ_file(env),
            launch.LAUNCH: launch.launcher().encode(),
        }
        try:
            script = lower_task(task.program, parcel.task)
        except Impossible as problem:
            self._impossible = problem
        else:
            secrets = {f"JOBC_SECRET_{name}": value for name, value in task.inputs.secrets.items()}
            self.files[launch.SCRIPT] = script.encode("utf-8", "surrogateescape")
            self.files[launch.SCRIPT_SECRETS] = launch.environ_file(secrets)

    @property
    def environ(self) -> dict[str, str]:
        return self._parcel.environ

    def result(
        self, read: Callable[[str], bytes | None], ended: Ended, image: str, last: str
    ) -> CombinationResult:
        """What it left in its folder; where that is nothing, a result that says why.

        `last` is the last line that it wrote. An error of type `backend` says that the container left no result.
        """
        try:
            data = read(launch.SCRIPT_RESULT)
            if data is not None:
                result = read_result(data, self._task.program, self._parcel.task)
            else:
                result = self._parcel.result(read)
        except TaskError as problem:
            result = CombinationResult(FAILED, self._task.inputs.matrix)
            result.error = self._why(read, ended, image, last, str(problem))
        if ended.out_of_memory and result.error is not None and result.error.type == "signal":
            result.error.message = containers.out_of_memory(ended)
        return result

    def _why(
        self, read: Callable[[str], bytes | None], ended: Ended, image: str, last: str, problem: str
    ) -> ErrorInfo:
        if ended.out_of_memory:
            return ErrorInfo("signal", containers.out_of_memory(ended), exit_code=ended.code)
        if self._impossible is not None and read(launch.NO_PYTHON) is not None:
            reason = self._impossible
            message = f"the image {image} has no Python 3.9 or later, and {reason}; use an image with Python, such as `python:3.13-slim`"
            return ErrorInfo("unsupported", message, reason.path, reason.line)
        if ended.code > 128:
            name = signal_name(ended.code - 128)
            remedy = "; the machine may have run out of memory" if name == "SIGKILL" else ""
            said = f"the container was killed by {name}{remedy}"
        else:
            said = f"the container ended with exit code {ended.code} and {problem.removeprefix('it ')}"
        if ended.error:
            said += f": {ended.error}"
        elif last and ended.code <= 128:
            said += f": {last[:_QUOTED]}"
        return ErrorInfo("backend", said, exit_code=ended.code)
