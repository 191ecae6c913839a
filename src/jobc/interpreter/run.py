"""One combination of one job, from its first stage to its outputs."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from jobc.interpreter.api import Cancellation, CombinationResult, ErrorInfo, Host, Inputs, StageResult
from jobc.interpreter.contexts import JobState, Scope, StageFailure
from jobc.interpreter.masking import SHORTEST
from jobc.interpreter.outputs import OutputProblem, check
from jobc.interpreter.process_tree import take_started
from jobc.interpreter.stages.runner import run_sequence
from jobc.interpreter.wire import NotPlain, plain
from jobc.ir.program import Program
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS

if TYPE_CHECKING:
    from jobc.interpreter.launcher import Launcher, Spawn
    from jobc.interpreter.processes import Exit


class _Forking:
    """The launcher of this process, made when the first request comes."""

    _launcher: Optional[Launcher] = None
    _lock = threading.Lock()

    def launch(
        self, request: Dict[str, Any], code: Optional[CodeType], spawn: Spawn
    ) -> Tuple[Exit, Optional[Dict[str, Any]]]:
        with self._lock:
            if self._launcher is None:
                from jobc.interpreter.forking import ForkLauncher

                self._launcher = ForkLauncher()
        return self._launcher.launch(request, code, spawn)


_LAUNCHER = _Forking()


def run_combination(
    program: Program,
    workflow: int,
    job: int,
    inputs: Inputs,
    host: Host,
    cancellation: Cancellation,
    launcher: Optional[Launcher] = None,
) -> CombinationResult:
    """Run the stages of `program.workflows[workflow].jobs[job]` for the combination that `inputs` describes.

    The job's condition, its `timeout`, `retry` and `continue-on-error` are the caller's: a timeout is a
    cancellation whose reason is `timeout`. Never raises: what goes wrong is in the result.
    """
    started = time.monotonic()
    result = CombinationResult(SUCCESS, inputs.matrix)
    state: Optional[JobState] = None
    try:
        flow = program.workflows[workflow]
        state = JobState(program, flow, flow.jobs[job], inputs, host, cancellation, launcher or _LAUNCHER)
        _run(state, result)
    except Exception as error:  # noqa: BLE001 (whoever runs a combination gets a result, whatever happens)
        import traceback

        for line in traceback.format_exc().splitlines():
            with contextlib.suppress(Exception):
                host.emit({"event": "log", "stage": "", "stream": "stderr", "text": line})
        result.status = FAILED
        result.error = ErrorInfo("internal", "defect of jobc: %s: %s" % (type(error).__name__, error))
    if state is not None:
        _settle(state)
        if result.error is not None:
            result.error.message = state.masker.mask(result.error.message)
    result.duration = time.monotonic() - started
    return result


def _run(state: JobState, result: CombinationResult) -> None:
    for name in state.masker.short:
        _warn(state, "secret %s has fewer than %d characters and is not masked" % (name, SHORTEST))
    scope = Scope(state, "", dict(state.inputs.env), {}, state.cancellation)
    if not (state.job.artifacts or state.job.placed or state.job.cache):
        _work(state, scope, result)
        return
    from jobc.interpreter.files import JobFiles

    files = JobFiles(scope)
    early = files.begin(result)
    if early is None:
        _work(state, scope, result)
        _settle(state)  # what a server writes when it is ended belongs to the files
        files.end(result)
    elif early is not result:
        _take(early, result)
    if state.cancellation.thrown and result.status in (CANCEL, FAILED):
        _cut(state, result)


def _settle(state: JobState) -> None:
    """End what the stages left running."""
    leftovers, state.leftovers = state.leftovers, []
    if not take_started(state.family) and not leftovers:
        return
    from jobc.interpreter.background import end_background

    end_background(state.family, leftovers, state.inputs.grace, partial(_say, state))


def _take(early: CombinationResult, result: CombinationResult) -> None:
    """An earlier run's result is this one's."""
    for name in ("status", "outputs", "stages", "reason", "artifacts", "cache"):
        setattr(result, name, getattr(early, name))


def _work(state: JobState, scope: Scope, result: CombinationResult) -> None:
    """The stages, then the outputs."""
    sequence = run_sequence(state.job.stages, scope)
    result.stages = sequence.results
    result.status = sequence.status
    result.error = sequence.error
    if result.status == SKIP:
        result.reason = _why_skipped(sequence.results)
    if state.cancellation.thrown and result.status in (CANCEL, FAILED):
        _cut(state, result)
    if state.job.outputs is None:
        result.outputs = sequence.outputs
        return
    try:
        result.outputs = state.masker.mask_map(job_outputs(state, scope, result.status == SUCCESS))
        check(result.outputs)
    except StageFailure as failure:
        result.status, result.error = FAILED, failure.error
    except OutputProblem as problem:
        place = state.program.place(state.job.span)
        result.status, result.error = FAILED, ErrorInfo("output", str(problem), *place)


def _cut(state: JobState, result: CombinationResult) -> None:
    """The job was ended from outside: a timeout makes it failed, a cancellation cancelled, unless it had failed before."""
    message = state.cancellation.message
    if state.cancellation.reason == "timeout":
        result.status = FAILED
        result.error = result.error or ErrorInfo("timeout", message, *state.program.place(state.job.span))
    elif result.status == CANCEL:
        result.error = ErrorInfo("cancel", message)


def job_outputs(state: JobState, scope: Scope, succeeded: bool) -> Dict[str, Any]:
    """The job's declared outputs; of a job that did not succeed, null where one cannot be had."""
    outputs: Dict[str, Any] = {}
    for name, code in state.job.outputs or []:
        try:
            outputs[name] = plain(scope.evaluate(code), "the output `%s`" % name)
        except (StageFailure, NotPlain) as problem:
            if succeeded:
                raise (
                    problem if isinstance(problem, StageFailure) else scope.fault(code, str(problem))
                ) from None
            outputs[name] = None
    return outputs


def _why_skipped(results: List[StageResult]) -> str:
    reasons = list(dict.fromkeys(result.reason for result in results if result.reason))
    return "every stage was skipped: %s" % "; ".join(reasons[:3])


def _warn(state: JobState, text: str) -> None:
    _say(state, "", text)


def _say(state: JobState, stage: str, text: str) -> None:
    line = state.masker.mask(text)
    state.host.emit({"event": "log", "stage": stage, "stream": "stderr", "text": line})
