"""What combinations make of their job, and jobs of their run (LANGUAGE §2, CLI: a run's status)."""

from __future__ import annotations

from typing import Any

from jobc.engine.judge import Failure, Judge
from jobc.engine.result import JobResult
from jobc.engine.state import JobState, RunState
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS, combine


def end_of_job(state: JobState, result: JobResult) -> None:
    """Complete a job's result from its combinations, and make what `needs.<id>` is for others.

    Combinations that were never started are CANCEL; they are listed where the job had begun.
    """
    combinations: list[CombinationResult] = []
    if not result.status:
        for index in range(state.next_index):
            combinations.append(state.results.get(index) or _not_run({}, state.stopped))
        if state.next_index < state.total:
            combinations.extend(_not_run(matrix, state.stopped) for matrix in state.matrices)
        result.status = combine(each.status for each in combinations)
        result.reason = _reason(state, combinations, result.status)
    result.combinations = combinations
    result.attempts = state.attempts
    result.outputs = _outputs(state, combinations)
    state.result = result
    state.matrices = iter(())
    state.results = {}
    state.run.result.jobs[state.job.id] = result
    state.view = {
        "result": result.status,
        "outputs": result.outputs,
        "combinations": [
            {"matrix": each.matrix, "result": each.status, "outputs": each.outputs} for each in combinations
        ],
    }


def _not_run(matrix: dict[str, Any], why: str | None) -> CombinationResult:
    result = CombinationResult(CANCEL, matrix)
    result.error = ErrorInfo("cancel", why or "not started")
    return result


def _outputs(state: JobState, combinations: list[CombinationResult]) -> dict[str, Any]:
    if not state.is_matrix:
        return combinations[0].outputs if combinations else {}
    names = dict.fromkeys(name for each in combinations for name in each.outputs)
    if state.job.outputs is not None:
        names = dict.fromkeys([name for name, _ in state.job.outputs])
    return {name: [each.outputs.get(name) for each in combinations] for name in names}


def _reason(state: JobState, combinations: list[CombinationResult], status: str) -> str | None:
    if status == CANCEL:
        return state.stopped or next(
            (_why(each) for each in combinations if each.status == CANCEL and each.error), "cancelled"
        )
    if status == SKIP:
        return next((each.reason for each in combinations if each.reason), "nothing ran")
    if status != FAILED:
        return _recalled(combinations)
    failed = [each for each in combinations if each.status == FAILED]
    first = failed[0]
    words = _why(first)
    if state.is_matrix:
        matrix = ", ".join(f"{key}={value}" for key, value in first.matrix.items())
        words = f"{len(failed)} of {len(combinations)} combinations failed, first ({matrix}): {words}"
    return words


def _recalled(combinations: list[CombinationResult]) -> str | None:
    """How much of a success came from the cache."""
    hits = [each.cache for each in combinations if each.cache is not None and each.cache["hit"]]
    if not hits:
        return None
    runs = {hit["from_run"] for hit in hits}
    source = f" from run {runs.pop()}" if len(runs) == 1 else ""
    part = "" if len(hits) == len(combinations) else f"{len(hits)} of {len(combinations)} combinations "
    return f"{part}cached{source}"


def _why(result: CombinationResult) -> str:
    for stage in result.stages:
        if stage.error is not None and stage.status == result.status:
            error = stage.error
            place = f" ({error.path}:{error.line})" if error.path else ""
            return f"stage `{stage.name or stage.id}`: {error.said}{place}"
    if result.error is not None:
        place = f" ({result.error.path}:{result.error.line})" if result.error.path else ""
        return result.error.said + place
    return "no reason was given"


def end_of_run(run: RunState, judge: Judge) -> None:
    """Complete a run's result: status, reason, outputs; jobs in the program's order."""
    result = run.result
    result.jobs = {state.job.id: result.jobs[state.job.id] for state in run.jobs}
    failed = [state for state in run.jobs if _fails(state, judge)]
    cancelled = [state for state in run.jobs if state.result is not None and state.result.status == CANCEL]
    if failed or (run.cancelled is not None and run.cancelled[0] == "timeout" and cancelled):
        result.status = FAILED
    elif cancelled:
        result.status = CANCEL
    else:
        result.status = SUCCESS
    if run.cancelled is not None and result.status != SUCCESS:
        result.reason = run.cancelled[1]
    elif failed or cancelled:
        first = (failed or cancelled)[0]
        assert first.result is not None
        result.reason = f"job `{first.job.id}`: {first.result.reason}"
    environment = judge.of_workflow(run)
    for name, code in run.workflow.outputs:
        try:
            result.outputs[name] = judge.value(code, environment)
        except Failure as failure:
            result.outputs[name] = None
            if result.status == SUCCESS:
                result.status = FAILED
                result.reason = f"output `{name}`: {failure.error.message}"


def _fails(state: JobState, judge: Judge) -> bool:
    """Whether a job makes its run fail."""
    if state.result is None or state.result.status != FAILED:
        return False
    try:
        tolerated = judge.boolean(
            state.job.continue_on_error, judge.of_job(state), "continue-on-error", False
        )
    except Failure:
        tolerated = False
    return not tolerated
