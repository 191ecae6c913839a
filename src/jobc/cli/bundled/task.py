"""`--task`: one combination of one job, for an engine elsewhere (`interpreter.standalone`)."""

from __future__ import annotations

import json
import os
import sys

from jobc.backends.registry import containers
from jobc.cli.bundled.result import result_path
from jobc.errors import UsageError
from jobc.interpreter.standalone import run_task
from jobc.interpreter.taskfile import TaskError, TaskFile, load_task
from jobc.ir.codec import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from jobc.interpreter.api import Cancellation, Inputs, TriggerOutcome
    from jobc.ir.program import Program

_OPTIONS = ("--task", "--secrets", "--result")
_PREFIX = "JOBC_SECRET_"
_MADE = "the engine that made it makes it again when the job is submitted again"


def run_task_files(argv: list[str], read: Callable[[str], bytes]) -> int:
    """Run the task of a command line; `read` gives the bundle's members. Raises UsageError before anything runs."""
    places = _places(argv)
    secrets = _secrets(places["--secrets"]) if "--secrets" in places else {}
    if "--result" not in places:
        raise UsageError("--task without --result", help="say where the result goes: --result FILE")
    result = result_path(places["--result"])
    task = _load(places["--task"], secrets)
    program = loads(read("program.json"))
    trigger = Triggers(program, task.inputs).run
    return run_task(program, task, result, sys.stdout, trigger, containers)


def _places(argv: list[str]) -> dict[str, str]:
    """Option → its file."""
    places: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in _OPTIONS:
            raise UsageError(
                f"`{word}` does not go with --task", help="it takes --secrets and --result alone"
            )
        if not equals:
            value = next(words, "")
        if not value:
            raise UsageError(f"{name} names no file", help=f"write it as {name} FILE")
        places[name] = os.path.abspath(value)
    return places


def _load(path: str, secrets: dict[str, str]) -> TaskFile:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIX)}
    try:
        with open(path, "rb") as file:
            data = file.read()
        return load_task(data, secrets=secrets, environ=environ, workdir=os.getcwd())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", help=_MADE) from None
    except TaskError as error:
        raise UsageError(f"{path}: {error}", help=_MADE) from None


def _secrets(path: str) -> dict[str, str]:
    """The values in the file, which is gone before anything else happens."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise UsageError(
            f"{path} is not there: a task removes it when it starts, so this one was started before",
            help=_MADE,
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", help=_MADE) from None
    try:
        os.unlink(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be removed once it is read: {error.strerror}",
            help="put it into a folder in which the task may remove it; nothing was run",
        ) from None
    try:
        found = json.loads(data.decode("utf-8", "surrogatepass"))
    except ValueError:
        raise UsageError(f"{path} is no JSON", help=_MADE) from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UsageError(f"{path} holds no values of secrets by name", help=_MADE)
    return found


class Triggers:
    """Runs what `trigger` stages of a task ask for, on this machine too."""

    def __init__(self, program: Program, inputs: Inputs) -> None:
        self._program = program
        self._inputs = inputs
        self._count = 0

    def run(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        import copy

        from jobc.cli.bundled.place import elsewhere
        from jobc.engine.options import Options
        from jobc.engine.run import execute
        from jobc.errors import JobcError
        from jobc.interpreter.api import TriggerOutcome

        program = copy.copy(self._program)
        program.entry = workflow
        found = elsewhere(program, None)
        self._count += 1
        run_id = f"{self._inputs.run.get('id') or 'run'}.{self._count}"
        if found is not None:
            words = found + ", and what a task triggers runs where the task runs"
            return TriggerOutcome("failed", {}, words, run_id)
        options = Options(
            run_id=run_id,
            grace=self._inputs.grace,
            secrets=self._inputs.secrets,
            environ=self._inputs.environ,
            workdir=self._inputs.workdir,
            parent_id=self._inputs.run.get("id"),
        )

        def end() -> None:
            if cancellation.killed:
                options.control.kill()
            else:
                options.control.cancel(cancellation.message)

        cancellation.listen(end)
        try:
            result = execute(program, params, options)
        except JobcError as error:
            return TriggerOutcome("failed", {}, str(error), run_id)
        finally:
            cancellation.unlisten(end)
        return TriggerOutcome(result.status, result.outputs, result.reason or "", run_id)
