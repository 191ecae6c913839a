"""Whether a combination that failed is run again, and after how long (LANGUAGE §3).

There are two budgets. A *failure* is the work's own: it costs one of `retry.attempts`, if `on` covers it, and waits as
`retry` says, by the rules of stages. An *interruption* is the environment's: a machine that was preempted, a node that
died, a submission refused for the moment. It costs one of `retry.preemptions` (3, also for a job without `retry`), is
covered whatever `on` says, and waits one second, then twice as long each time, at most a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jobc.engine.judge import Failure, Judge
from jobc.engine.state import CombinationState
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.contexts import Scope
from jobc.interpreter.evaluator import Environment
from jobc.interpreter.stages.retry import Policy
from jobc.ir.program import CodeIndex, Retry

#: The type of an error that is an interruption.
LOST = "lost"
PREEMPTIONS = 3
LONGEST_WAIT = 60.0


def next_attempt(combination: CombinationState, result: CombinationResult, judge: Judge) -> float | None:
    """Seconds until the next attempt of a failed combination, None if this was the last. Raises Failure.

    Counts an interruption; says in the result's error that the budget is spent.
    """
    retry = combination.job.job.retry
    if result.error is not None and result.error.type == LOST:
        combination.interruptions += 1
        return _after_interruption(retry, combination, result.error, judge)
    if retry is None:
        return None
    scope = _JobScope(judge, judge.of_combination(combination))
    job = combination.job
    policy = Policy(retry, cast(Scope, scope), f"{job.run.id}/{job.job.id}/{combination.index}")
    failures = combination.attempt - combination.base - combination.interruptions
    if failures > policy.further or not any(policy.covers(error) for error in _errors(result)):
        return None
    return policy.wait(failures)


def _after_interruption(
    retry: Retry | None, combination: CombinationState, error: ErrorInfo, judge: Judge
) -> float | None:
    most = PREEMPTIONS
    if retry is not None and retry.preemptions is not None:
        environment = judge.of_combination(combination)
        most = judge.count(retry.preemptions, environment, "`retry` preemptions", 0) or 0
    count = combination.interruptions
    if count > most:
        times = "once" if count == 1 else f"{count} times"
        error.message += (
            f"; it was interrupted {times}, and `preemptions` of its `retry` allows {most} further attempts"
        )
        return None
    return min(LONGEST_WAIT, 2.0 ** min(count - 1, 10))


def _errors(result: CombinationResult) -> list[ErrorInfo]:
    """What made it fail: an error that `continue-on-error` let pass did not."""
    if result.error is not None:
        return [result.error]
    return [stage.error for stage in result.stages if stage.error is not None]


class _JobScope:
    """What a retry policy asks of a scope, answered for a job."""

    env: Mapping[str, str] = {}

    def __init__(self, judge: Judge, environment: Environment) -> None:
        self._judge = judge
        self._environment = environment

    @property
    def state(self) -> _JobScope:
        return self

    @property
    def inputs(self) -> Environment:
        return self._environment

    def whole(self, code: CodeIndex, what: str, least: int) -> int:
        value = self._judge.count(code, self._environment, what, least)
        assert value is not None
        return value

    def evaluate(self, code: CodeIndex) -> Any:
        return self._judge.value(code, self._environment)

    def fault(self, code: CodeIndex, message: str) -> Failure:
        return self._judge.failure(message, self._judge.program.codes[code].span)
