"""A job's retry: whether a failed combination is run again, and after how long. The rules are those of stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jobc.engine.judge import Failure, Judge
from jobc.interpreter.api import CombinationResult
from jobc.interpreter.contexts import Scope
from jobc.interpreter.evaluator import Environment
from jobc.interpreter.stages.retry import Policy
from jobc.ir.program import CodeIndex, Retry


def delay(
    retry: Retry, result: CombinationResult, attempt: int, judge: Judge, environment: Environment
) -> float | None:
    """Seconds until the next attempt after `attempt` (from 1) failed, None if it was the last. Raises Failure."""
    policy = Policy(retry, cast(Scope, _JobScope(judge, environment)))
    if attempt > policy.further:
        return None
    errors = [stage.error for stage in result.stages if stage.error is not None]
    if result.error is not None:
        errors.append(result.error)
    if not any(policy.covers(error, []) for error in errors):
        return None
    return policy.wait(attempt)


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
