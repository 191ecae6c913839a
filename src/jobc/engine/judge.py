"""What is decided about a job from what is known: whether it runs, over which combinations, with which bounds.

Nothing here changes a state. A decision that cannot be made (an expression that fails, a value of the wrong kind)
is a `Failure`: it ends the job as FAILED and names the place in the jobs file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from jobc.engine.sharing.groups import Group
from jobc.engine.state import CombinationState, JobState, RunState
from jobc.interpreter.api import ErrorInfo
from jobc.interpreter.durations import seconds
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.interpreter.reasons import why_false
from jobc.interpreter.values import SecretText, describe, to_text
from jobc.ir.program import CodeIndex, Concurrency, NamedCodes, Program, SpanIndex
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS, check_needs


class Failure(Exception):
    """Why a job cannot run."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.message)
        self.error = error


class Judge:
    """Evaluates the codes of a program for runs of it."""

    def __init__(
        self,
        program: Program,
        now: Callable[[], datetime],
        environ: Mapping[str, str],
        workdir: str,
        secrets: Mapping[str, str],
    ) -> None:
        self.program = program
        self.now = now
        self.environ = environ
        self.workdir = workdir
        self.secrets = {name: SecretText(value) for name, value in secrets.items()}

    def failure(self, message: str, span: SpanIndex, type: str = "expression") -> Failure:
        path, line = self.program.place(span)
        return Failure(ErrorInfo(type, message, path, line))

    def value(self, code: CodeIndex, environment: Environment) -> Any:
        """The value of a code. Raises Failure."""
        found = self.program.codes[code]
        try:
            return evaluate(found.tree, environment)
        except EvaluationError as error:
            raise self.failure(str(error), found.span) from None

    def _wrong(self, code: CodeIndex, what: str, value: Any) -> Failure:
        return self.failure(f"{what}, but this is {describe(value)}", self.program.codes[code].span)

    def boolean(self, code: CodeIndex | None, environment: Environment, what: str, default: bool) -> bool:
        if code is None:
            return default
        value = self.value(code, environment)
        if not isinstance(value, bool):
            raise self._wrong(code, f"{what} must be true or false", value)
        return value

    def count(
        self, code: CodeIndex | None, environment: Environment, what: str, least: int = 1
    ) -> int | None:
        if code is None:
            return None
        value = self.value(code, environment)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._wrong(code, f"{what} must be a whole number from {least} up", value)
        return value

    def duration(self, code: CodeIndex | None, environment: Environment, what: str) -> float | None:
        """Seconds."""
        if code is None:
            return None
        value = self.value(code, environment)
        try:
            return seconds(value)
        except ValueError as error:
            raise self.failure(f"{what}: {error}", self.program.codes[code].span) from None

    def named(self, codes: NamedCodes, environment: Environment) -> dict[str, Any]:
        return {name: self.value(code, environment) for name, code in codes}

    def texts(self, codes: NamedCodes, environment: Environment) -> dict[str, str]:
        """`env` in force with more variables on top; a later one may read an earlier one."""
        found: dict[str, str] = dict(environment.contexts["env"])
        inside = Environment(
            {**environment.contexts, "env": found},
            environment.now,
            environment.status,
            environment.environ,
            environment.workdir,
        )
        for name, code in codes:
            try:
                found[name] = to_text(self.value(code, inside))
            except EvaluationError as error:
                raise self.failure(f"env.{name}: {error}", self.program.codes[code].span) from None
        return found

    # Environments

    def environment(
        self, run: RunState, contexts: Mapping[str, Any], status: Mapping[str, bool]
    ) -> Environment:
        base = {"params": run.params, "env": run.env, "secrets": self.secrets, "run": run.run_context()}
        return Environment({**base, **contexts}, self.now, status, {**self.environ, **run.env}, self.workdir)

    def of_workflow(self, run: RunState) -> Environment:
        """Where a workflow's own `env` and `outputs` stand: `needs` holds all jobs that have ended."""
        ended = [state for state in run.jobs if state.result is not None]
        needs = {state.job.id: state.view for state in ended}
        return self.environment(run, {"needs": needs, "jobs": needs}, _status(_statuses(ended), run))

    def of_job(self, state: JobState) -> Environment:
        needs = {need.job.id: need.view for need in state.needs}
        contexts = {"needs": needs, "job": {"id": state.job.id, "status": SUCCESS}}
        return self.environment(state.run, contexts, _status(_statuses(state.needs), state.run))

    def of_combination(self, combination: CombinationState, attempt: int | None = None) -> Environment:
        """As its present attempt sees it, or another."""
        environment = self.of_job(combination.job)
        strategy = strategy_context(combination)
        contexts = {
            **environment.contexts,
            "matrix": combination.matrix,
            "strategy": strategy,
            "run": combination.job.run.run_context(combination.attempt if attempt is None else attempt),
        }
        return Environment(contexts, self.now, environment.status, environment.environ, self.workdir)

    # Decisions

    def verdict(self, state: JobState) -> tuple[str, str | None]:
        """(SUCCESS, None) if the job runs; (SKIP | CANCEL, why) if not. Its needs have all ended. Raises Failure."""
        run, job = state.run, state.job
        if run.cancelled is not None and (run.killed or job.rule != "all_done"):
            return CANCEL, run.cancelled[1]
        statuses = {need.job.id: need.result.status for need in state.needs if need.result is not None}
        status, reason = check_needs(job.rule, [need.job.id for need in state.needs], statuses)
        if status != SUCCESS:
            return status, reason
        if job.condition is None:
            return SUCCESS, None
        environment = self.of_job(state)
        if self.boolean(job.condition, environment, "a condition", True):
            return SUCCESS, None
        return SKIP, why_false(self.program.codes[job.condition].tree, environment)

    def strategy(self, state: JobState) -> dict[str, Any]:
        """What a job's strategy comes to, as plain data that `expansion` reads; empty without one. Raises Failure."""
        strategy = state.job.strategy
        if strategy is None:
            return {}
        environment = self.of_job(state)
        decided: dict[str, Any] = {
            "at_once": self.count(strategy.max_parallel, environment, "max-parallel") or 1,
            "fail_fast": self.boolean(strategy.fail_fast, environment, "fail-fast", False),
        }
        if state.is_matrix:
            decided["matrix"] = self._matrix(strategy.matrix, environment)
            decided["include"] = self._entries(strategy.include, environment, "include")
            decided["exclude"] = self._entries(strategy.exclude, environment, "exclude")
        return decided

    def single(self, state: JobState, index: int) -> dict[str, Any]:
        """What makes a decided strategy that of one combination, which keeps its place in the whole. Raises Failure."""
        combinations, total, _, _ = expansion(state.plan)
        chosen = next(islice(combinations, index, None), None) if index < total else None
        if chosen is None:
            there = f"it has {total}, from 0 to {total - 1}" if total else "its matrix is empty"
            raise self.failure(f"job `{state.job.id}` has no combination {index}: {there}", state.job.span)
        only = {"matrix": {}, "include": [chosen], "exclude": []} if state.is_matrix else {}
        return {**only, "index": index, "total": total}

    def _matrix(
        self, matrix: CodeIndex | NamedCodes | None, environment: Environment
    ) -> dict[str, list[Any]]:
        if matrix is None:
            return {}
        if isinstance(matrix, list):
            found = {}
            for key, code in matrix:
                values = self.value(code, environment)
                if not isinstance(values, (list, tuple)):
                    raise self._wrong(code, f"matrix.{key} must be a list{_hint(values)}", values)
                found[key] = list(values)
            return found
        whole = self.value(matrix, environment)
        if not isinstance(whole, Mapping):
            raise self._wrong(matrix, f"the matrix must be a map of lists{_hint(whole)}", whole)
        for key, values in whole.items():
            if not isinstance(values, (list, tuple)):
                raise self._wrong(
                    matrix, f"the matrix must be a map of lists: `{key}` must be a list", values
                )
        return {str(key): list(values) for key, values in whole.items()}

    def _entries(self, code: CodeIndex | None, environment: Environment, what: str) -> list[dict[str, Any]]:
        if code is None:
            return []
        entries = self.value(code, environment)
        if not isinstance(entries, (list, tuple)):
            raise self._wrong(code, f"{what} must be a list of maps{_hint(entries)}", entries)
        for entry in entries:
            if not isinstance(entry, Mapping):
                raise self._wrong(code, f"{what} must be a list of maps", entry)
        return [dict(entry) for entry in entries]

    def group(self, concurrency: Concurrency | None, environment: Environment) -> Group | None:
        """The concurrency group that a job or a workflow names. Raises Failure."""
        if concurrency is None:
            return None
        try:
            name = to_text(self.value(concurrency.group, environment))
        except EvaluationError as error:
            raise self.failure(f"concurrency: {error}", self.program.codes[concurrency.group].span) from None
        limit = self.count(concurrency.limit, environment, "limit") or 1
        cancels = self.boolean(concurrency.cancel_in_progress, environment, "cancel-in-progress", False)
        return Group(name, limit, cancels)


def expansion(plan: Mapping[str, Any]) -> tuple[Iterator[dict[str, Any]], int, int, bool]:
    """(combinations, how many, how many at once, whether the first failure ends the rest) of a decided strategy."""
    at_once, fail_fast = plan.get("at_once", 1), plan.get("fail_fast", False)
    if "matrix" not in plan:
        return iter(({},)), 1, at_once, fail_fast
    from jobc.ir.matrix import count, expand

    axes = plan["matrix"], plan["include"], plan["exclude"]
    return expand(*axes), count(*axes), at_once, fail_fast


def strategy_context(combination: CombinationState) -> dict[str, Any]:
    job = combination.job
    return {
        "index": job.plan.get("index", combination.index),
        "total": job.plan.get("total", job.total),
        "max-parallel": job.max_parallel,
        "fail-fast": job.fail_fast,
    }


def _statuses(states: Sequence[JobState]) -> set[str]:
    return {state.result.status for state in states if state.result is not None}


def _status(results: set[str], run: RunState) -> dict[str, bool]:
    return {
        "always": True,
        "success": results <= {SUCCESS},
        "failure": FAILED in results,
        "cancelled": run.cancelled is not None or CANCEL in results,
    }


def _hint(value: Any) -> str:
    return " (a JSON text is read with fromJson)" if isinstance(value, str) else ""
