"""How long a workflow can take at most, and along which jobs.

A combination takes at most its job's time limit for each attempt, and the waits between them; a job as many rounds of that
as its combinations make at `max-parallel`. The critical path is the longest chain of needs under these weights among
the jobs that can run. Waiting for free slots, for a concurrency group or for an environment is not in it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from jobc.interpreter.durations import seconds
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.interpreter.stages.retry import ATTEMPTS, DELAY, setting
from jobc.ir import matrix
from jobc.ir.program import CodeIndex, Job, Program, Retry, Workflow

DEFAULT_TIMEOUT = 3600.0
#: More attempts than that are not added up one by one.
ATTEMPTS_SUMMED = 10_000

#: Combinations that are looked at for where they run.
SHOWN = 1000


class Unknown(Exception):
    """A value that only a run knows."""


class Constants:
    """Values of a program's codes, as far as the given parameters decide them."""

    def __init__(self, program: Program, params: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._program = program
        self._params = params
        self._environ = environ

    def value(self, code: CodeIndex | None, default: Any = None) -> Any:
        """Raises Unknown."""
        if code is None:
            return default
        tree = self._program.codes[code].tree
        if not _decided(tree, self._params):
            raise Unknown
        try:
            return evaluate(tree, Environment({"params": self._params}))
        except EvaluationError:
            raise Unknown from None

    def combinations(self, job: Job) -> int | None:
        """How many combinations a job has; None where only a run knows."""
        strategy = job.strategy
        if strategy is None or (strategy.matrix is None and strategy.include is None):
            return 1
        try:
            if isinstance(strategy.matrix, list):
                values: Any = {key: self.value(code) for key, code in strategy.matrix}
            else:
                values = self.value(strategy.matrix, {})
            include, exclude = self.value(strategy.include, []), self.value(strategy.exclude, [])
            return matrix.count(values, include, exclude)
        except (Unknown, TypeError, AttributeError):
            return None

    def environment(self, job: Job) -> str:
        """Where a job runs; where its combinations have environments of their own, those that are known, or the expression."""
        choice = job.runs_on.choice
        if choice is None:
            return job.runs_on.type
        tree = self._program.codes[choice].tree
        try:
            found = dict.fromkeys(str(self._of_combination(tree, each)) for each in self._matrices(job))
        except (Unknown, TypeError, AttributeError, EvaluationError):
            return "by expression"
        return ", ".join(name.replace("_", "-") for name in found) or "by expression"

    def _matrices(self, job: Job) -> list[dict[str, Any]]:
        strategy = job.strategy
        if strategy is None or (strategy.matrix is None and strategy.include is None):
            return [{}]
        if isinstance(strategy.matrix, list):
            values: Any = {key: self.value(code) for key, code in strategy.matrix}
        else:
            values = self.value(strategy.matrix, {})
        include, exclude = self.value(strategy.include, []), self.value(strategy.exclude, [])
        return list(islice(matrix.expand(values, include, exclude), SHOWN))

    def _of_combination(self, tree: Any, combination: dict[str, Any]) -> Any:
        if not _decided(_without_matrix(tree), self._params):
            raise Unknown
        return evaluate(tree, Environment({"params": self._params, "matrix": combination}))

    def longest(self, job: Job) -> float | None:
        """The seconds that a job can take at most once it has begun; None where nothing bounds it."""
        combinations = self.combinations(job)
        if combinations is None:
            return None
        try:
            limit = self.value(job.timeout, setting(self._environ, "JOB_TIMEOUT") or DEFAULT_TIMEOUT)
            one = seconds(limit)
            at_once = 1 if job.strategy is None else self.value(job.strategy.max_parallel, 1)
            rounds = math.ceil(combinations / at_once)
            further, waits = self._retry(job.retry)
        except (Unknown, ValueError, TypeError, ZeroDivisionError):
            return None
        return rounds * (one * (further + 1) + waits)

    def _retry(self, retry: Retry | None) -> tuple[int, float]:
        """(further attempts, the seconds between all of them at most)."""
        if retry is None:
            return 0, 0.0
        further = int(self.value(retry.attempts, setting(self._environ, "RETRY_ATTEMPTS") or ATTEMPTS))
        delay = seconds(self.value(retry.delay, setting(self._environ, "RETRY_DELAY") or DELAY))
        longest = None if retry.max_delay is None else seconds(self.value(retry.max_delay))
        jitter = self.value(retry.jitter, 0)
        total = 0.0
        for number in range(1, min(further, ATTEMPTS_SUMMED) + 1):
            factor = {"linear": float(number), "exponential": 2.0 ** min(number - 1, 60)}.get(
                retry.backoff, 1.0
            )
            wait = delay * factor if longest is None else min(delay * factor, longest)
            if isinstance(jitter, bool):
                wait *= 1.5 if jitter else 1.0
            elif isinstance(jitter, int | float) and jitter <= 1:
                wait *= 1 + jitter
            else:
                wait += seconds(jitter)
            total += wait
        return further, total if further <= ATTEMPTS_SUMMED else total * further / ATTEMPTS_SUMMED


def critical_path(
    workflow: Workflow, longest: Mapping[str, float | None], able: Collection[str]
) -> tuple[list[str], float | None]:
    """(the jobs of the longest chain, its seconds, None where it is not bounded); `able` are the jobs that can run."""
    best: list[float] = []
    before: list[int | None] = []
    for job in workflow.jobs:
        own = 0.0
        if job.id in able:
            bound = longest[job.id]
            own = math.inf if bound is None else bound
        need = max(job.needs, key=lambda index: best[index], default=None)
        before.append(need)
        best.append(own + (0.0 if need is None else best[need]))
    path: list[str] = []
    at = max(range(len(best)), key=lambda index: best[index], default=None)
    total = 0.0 if at is None else best[at]
    while at is not None:
        if workflow.jobs[at].id in able:
            path.append(workflow.jobs[at].id)
        at = before[at]
    return path[::-1], None if math.isinf(total) else total


def _without_matrix(tree: Any) -> Any:
    """A code with what it reads of the matrix taken as known."""
    if not isinstance(tree, list):
        return tree
    if tree[:2] == ["get", ["name", "matrix"]]:
        return None
    return [_without_matrix(part) for part in tree]


def _decided(tree: Any, params: Mapping[str, Any]) -> bool:
    """Whether a code reads nothing but given parameters."""
    if not isinstance(tree, list) or not tree:
        return True
    if tree[0] == "name":
        return False
    if tree[0] == "get" and tree[1] == ["name", "params"]:
        return tree[2] in params
    return all(_decided(part, params) for part in tree[1:])
