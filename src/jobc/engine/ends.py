"""Results of combinations that end outside their stages: refused, interrupted, asked to end before they could."""

from __future__ import annotations

from jobc.backends.api import BackendError
from jobc.engine.judge import Failure
from jobc.engine.retry import LOST
from jobc.engine.state import CombinationState
from jobc.errors import StateError
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.status import CANCEL, FAILED


def failed(combination: CombinationState, error: ErrorInfo) -> CombinationResult:
    """The result of a combination that failed outside its stages."""
    result = CombinationResult(FAILED, combination.matrix)
    result.error = error
    return result


def with_remedy(error: StateError) -> str:
    return f"{error}; {error.help}" if error.help else str(error)


def ended_early(combination: CombinationState) -> CombinationResult:
    """The result of a combination that was asked to end before it could."""
    reason, message = combination.cancelled or ("cancel", "cancelled")
    result = CombinationResult(FAILED if reason == "timeout" else CANCEL, combination.matrix)
    result.error = ErrorInfo(reason, message)
    return result


def interrupted(combination: CombinationState) -> ErrorInfo:
    times = combination.restarts + 1
    message = f"it was interrupted {times} times (its engine died each time); raise JOBC_MAX_INTERRUPTIONS to try again"
    return ErrorInfo("interrupted", message)


def submission_error(problem: Failure | BackendError) -> ErrorInfo:
    if isinstance(problem, Failure):
        return problem.error
    return ErrorInfo(LOST if problem.transient else "backend", str(problem))
