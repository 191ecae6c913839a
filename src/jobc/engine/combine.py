"""What combinations make of their job, and jobs of their run (LANGUAGE §2, CLI: a run's status)."""

from __future__ import annotations

from typing import Any

from jobc.engine.combinations import Combinations
from jobc.engine.judge import Failure, Judge
from jobc.engine.result import JobResult
from jobc.engine.state import JobState, RunState
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS, combine


def end_of_job(state: JobState, result: JobResult) -> None:
    """Complete a job's result from its combinations.

    Combinations that were never started are CANCEL; they are listed where the job had begun.
    """
    combinations = state.results
    if not result.status:
        for index in range(state.next_index):
            if combinations.get(index) is None:
                combinations.put(index, not_run({}, state.stopped))
        if state.next_index < state.total:
            for index, matrix in enumerate(state.not_started(), start=state.next_index):
                combinations.put(index, not_run(matrix, state.stopped))
        survey = _Survey(combinations)
        result.status = combine(survey.statuses)
        result.reason = _reason(state, survey, result.status)
        result.outputs = _outputs(state, survey)
        result.combinations = combinations
    elif state.is_matrix:
        result.outputs = {name: [] for name, _ in state.job.outputs or []}
    result.attempts = state.attempts
    state.matrices = iter(())
    state.peeked = None
    state.results = Combinations()
    conclude(state, result)


def conclude(state: JobState, result: JobResult) -> None:
    """Make a complete result what others see of a job."""
    state.result = result
    state.run.result.jobs[state.job.id] = result


class _Survey:
    """What is asked of all combinations, from one reading of them; the first of each status, and how many failed."""

    def __init__(self, combinations: Combinations) -> None:
        self.count = len(combinations)
        self.failed = 0
        self.first: dict[str, CombinationResult] = {}
        self.skip_reason: str | None = None
        self.cancel_reason: str | None = None
        self.outputs: dict[str, list[Any]] = {}
        self._hits = 0
        self._sources: set[str] = set()
        for index, each in enumerate(combinations):
            self.first.setdefault(each.status, each)
            if each.status == FAILED:
                self.failed += 1
            elif each.status == CANCEL and self.cancel_reason is None and each.error is not None:
                self.cancel_reason = _why(each)
            if each.reason and self.skip_reason is None:
                self.skip_reason = each.reason
            if each.cache is not None and each.cache["hit"]:
                self._hits += 1
                self._sources.add(each.cache["from_run"])
            for name, value in each.outputs.items():
                values = self.outputs.get(name)
                if values is None:
                    values = self.outputs[name] = [None] * self.count
                values[index] = value

    @property
    def statuses(self) -> list[str]:
        return list(self.first)

    @property
    def recalled(self) -> str | None:
        """How much of a success came from the cache."""
        if not self._hits:
            return None
        source = f" from run {next(iter(self._sources))}" if len(self._sources) == 1 else ""
        part = "" if self._hits == self.count else f"{self._hits} of {self.count} combinations "
        return f"{part}cached{source}"


def not_run(matrix: dict[str, Any], why: str | None) -> CombinationResult:
    result = CombinationResult(CANCEL, matrix)
    result.error = ErrorInfo("cancel", why or "not started")
    return result


def _outputs(state: JobState, survey: _Survey) -> dict[str, Any]:
    if not state.is_matrix:
        return {name: values[0] for name, values in survey.outputs.items()}
    if state.job.outputs is None:
        return dict(survey.outputs)
    return {name: survey.outputs.get(name) or [None] * survey.count for name, _ in state.job.outputs}


def _reason(state: JobState, survey: _Survey, status: str) -> str | None:
    if status == CANCEL:
        return state.stopped or survey.cancel_reason or "cancelled"
    if status == SKIP:
        return survey.skip_reason or "nothing ran"
    if status != FAILED:
        return survey.recalled
    first = survey.first[FAILED]
    words = _why(first)
    if state.is_matrix:
        matrix = ", ".join(f"{key}={value}" for key, value in first.matrix.items())
        words = f"{survey.failed} of {survey.count} combinations failed, first ({matrix}): {words}"
    return words


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
    if not run.workflow.outputs:
        return
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
    if state.job.continue_on_error is None:
        return True
    try:
        tolerated = judge.boolean(
            state.job.continue_on_error, judge.of_job(state), "continue-on-error", False
        )
    except Failure:
        tolerated = False
    return not tolerated
