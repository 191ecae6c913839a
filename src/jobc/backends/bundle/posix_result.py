"""What a lowered script wrote at its end, as the result that the interpreter would have given.

    task BASE64                                   the task's name
    stage NUMBER STATUS ATTEMPTS KIND CODE REASON in the order of the stages; KIND is how the last attempt ended
    end ended | cancel | kill | timeout
    file NUMBER.output BASE64                     what stages wrote
    whole                                         the file was written to its end

The job's own outputs are expressions; they are evaluated here, where there is Python.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from jobc.backends.bundle.posix import NoHost
from jobc.interpreter.api import Cancellation, CombinationResult, ErrorInfo, StageResult
from jobc.interpreter.contexts import JobState, Scope, StageFailure
from jobc.interpreter.launcher import FreshLauncher
from jobc.interpreter.outputs import OutputProblem, parse_json, parse_text
from jobc.interpreter.processes import signal_name
from jobc.interpreter.run import job_outputs
from jobc.interpreter.taskfile import TaskError, TaskFile
from jobc.interpreter.wire import NotPlain
from jobc.ir.program import Program, RaiseStage, Stage
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS

_STATUSES = frozenset([SUCCESS, FAILED, SKIP, CANCEL])


class _Row:
    __slots__ = ("attempts", "code", "kind", "number", "reason", "status")

    def __init__(self, words: list[str]) -> None:
        number, self.status, attempts, self.kind, code, self.reason = words
        self.number, self.attempts, self.code = int(number), int(attempts), int(code)
        if self.status not in _STATUSES:
            raise ValueError(f"`{self.status}` is no status")


def read_result(data: bytes, program: Program, task: TaskFile) -> CombinationResult:
    """The result of `task`. Raises TaskError where the file is another's, or not whole."""
    try:
        name, rows, end, files = _parse(data.decode())
    except (ValueError, IndexError, binascii.Error) as error:
        raise TaskError(f"the result is not whole: {error}") from None
    if name != task.name:
        raise TaskError(f"the result is that of {name}, not of {task.name}")
    job = program.workflows[task.workflow].jobs[task.job]
    result = CombinationResult(SUCCESS, task.inputs.matrix)
    for row in rows:
        if row.number >= len(job.stages):
            raise TaskError(f"the result has a stage {row.number}, which the job has not")
        stage = _stage(row, job.stages[row.number], program, task, files, end)
        result.stages.append(stage)
    _conclude(result, program, task, end)
    return result


def _parse(text: str) -> tuple[str, list[_Row], str, dict[str, bytes]]:
    lines = text.split("\n")
    if lines[-2:] != ["whole", ""]:
        raise ValueError("its end is missing")
    name, rows, end, files = "", [], "", {}
    for line in lines[:-2]:
        kind, _, rest = line.partition(" ")
        if kind == "task":
            name = base64.b64decode(rest, validate=True).decode()
        elif kind == "stage":
            rows.append(_Row(rest.split(" ", 5)))
        elif kind == "end":
            end = rest
        elif kind == "file":
            file, _, content = rest.partition(" ")
            files[file] = base64.b64decode(content, validate=True)
        else:
            raise ValueError(f"`{kind}` is no line of a result")
    return name, rows, end, files


def _stage(
    row: _Row, stage: Stage, program: Program, task: TaskFile, files: Mapping[str, bytes], end: str
) -> StageResult:
    path = stage.id or str(row.number)
    result = StageResult(path, path, row.status, path)
    result.attempts = row.attempts
    place = program.place(stage.span)
    try:
        result.outputs = _outputs(files, row.number)
    except OutputProblem as problem:
        if row.status == SUCCESS:
            result.status = FAILED
        result.error = ErrorInfo("output", str(problem), *place)
    if row.status == FAILED:
        result.error = _error(row, stage, files, place, end, result.error)
    elif row.status == CANCEL:
        message = "cancelled before its end" if row.attempts else "cancelled before it started"
        result.reason, result.error = message, ErrorInfo("cancel", message)
    elif row.status == SKIP:
        result.reason = row.reason
    return result


def _outputs(files: Mapping[str, bytes], number: int) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    try:
        outputs.update(parse_text(files.get(f"{number}.output", b"").decode()))
        text = files.get(f"{number}.json", b"").decode()
    except UnicodeDecodeError as error:
        raise OutputProblem(f"$JOBC_OUTPUT is not UTF-8 (byte {error.start}); encode its values") from None
    if text.strip():
        outputs.update(parse_json(text))
    return outputs


def _error(
    row: _Row,
    stage: Stage,
    files: Mapping[str, bytes],
    place: tuple[str, int],
    end: str,
    found: ErrorInfo | None,
) -> ErrorInfo:
    if end == "timeout" or row.kind == "t":
        what = "stage ran longer than its timeout" if row.kind == "t" else "job ran longer than its timeout"
        return ErrorInfo("timeout", f"the {what}", *place)
    if row.kind == "r" and isinstance(stage, RaiseStage):
        return ErrorInfo("raise", files.get(f"{row.number}.raised", b"").decode(errors="replace"), *place)
    if row.kind == "f":
        text = files.get(f"{row.number}.fault", b"").decode(errors="replace").strip()
        return ErrorInfo("slot", text, *place)
    if row.kind == "s":
        name = signal_name(row.code - 128)
        remedy = "; it may have run out of memory" if name == "SIGKILL" else ""
        return ErrorInfo("signal", f"the process was killed by {name}{remedy}", *place)
    if row.kind == "j":
        message = (
            "later stages read this stage's outputs, and it wrote them to $JOBC_OUTPUT_JSON,"
            " which only an image with Python can read; write `name=value` lines to $JOBC_OUTPUT"
        )
        return ErrorInfo("output", message, *place)
    if row.kind == "o":
        return found or ErrorInfo("output", "$JOBC_OUTPUT cannot be read", *place)
    return ErrorInfo("exit", f"the script ended with exit code {row.code}", *place, exit_code=row.code)


def _conclude(result: CombinationResult, program: Program, task: TaskFile, end: str) -> None:
    """The combination's status, error and outputs from those of its stages."""
    workflow = program.workflows[task.workflow]
    job = workflow.jobs[task.job]
    state = JobState(program, workflow, job, task.inputs, NoHost(), Cancellation(), FreshLauncher())
    scope = Scope(state, "", dict(task.inputs.env), {}, state.cancellation)
    statuses = []
    for stage in result.stages:
        source = next(each for at, each in enumerate(job.stages) if (each.id or str(at)) == stage.path)
        if source.id is not None:
            scope.note(source.id, {"result": stage.status, "outputs": stage.outputs})
        result.outputs.update(stage.outputs)
        tolerated = source.continue_on_error
        if (
            stage.status == FAILED
            and tolerated is not None
            and scope.boolean(tolerated, "`continue-on-error`")
        ):
            statuses.append(SUCCESS)
            continue
        statuses.append(stage.status)
        if stage.status == FAILED:
            scope.failed = True
            result.error = result.error or stage.error
    if FAILED in statuses or end == "timeout":
        result.status = FAILED
        if end == "timeout" and result.error is None:
            result.error = ErrorInfo(
                "timeout", "the job ran longer than its timeout", *program.place(job.span)
            )
    elif CANCEL in statuses:
        result.status = CANCEL
    elif statuses and all(status == SKIP for status in statuses):
        result.status = SKIP
        reasons = list(dict.fromkeys(stage.reason for stage in result.stages if stage.reason))
        result.reason = "every stage was skipped: " + "; ".join(reasons[:3])
    if job.outputs is None:
        return
    try:
        result.outputs = job_outputs(state, scope, result.status == SUCCESS)
    except (StageFailure, NotPlain) as problem:
        error = problem.error if isinstance(problem, StageFailure) else ErrorInfo("output", str(problem))
        result.status, result.error, result.outputs = FAILED, error, {}
