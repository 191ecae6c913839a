"""Executions of models: the same compiler, engine and interpreter as `jobc run`, in the caller's process.

Nothing is shared between executions but compiled programs, which never change; so jobs may be executed from any
number of threads. There is no journal: the result is what the caller gets back.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from jobc.engine.control import Control
from jobc.engine.options import Options
from jobc.engine.result import JobResult, RunResult
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir import program as ir
from jobc.model.compiling import Compiled, compile_workflow
from jobc.model.result import Result, Status

if TYPE_CHECKING:
    from jobc.model.job import Job
    from jobc.model.workflow import Workflow

#: How often a caller's event is looked at once the run has ended; `set` itself is noticed at once.
WATCH = 0.05


def execute_workflow(
    workflow: Workflow,
    params: Mapping[str, Any],
    *,
    run_id: str | None,
    parent_run_id: str | None,
    event: threading.Event | None,
) -> Result:
    """See `Workflow.execute`."""
    compiled = compile_workflow(workflow)
    trace: list[str] = []
    run = _run(compiled, _params(params)[0], Options(run_id=run_id, parent_id=parent_run_id), event, trace)
    results = {id: _of_job(job) for id, job in run.jobs.items()}
    context = {
        "outputs": run.outputs,
        "execution_time": run.duration,
        "jobs": {id: each.context | {"status": each.status} for id, each in results.items()},
        "errors": [error for each in results.values() for error in each.context["errors"]],
        "reason": run.reason,
    }
    return Result(run.status, context, run_id=run.run_id, parent_run_id=parent_run_id, trace=trace)


def execute_job(
    job: Job,
    params: Mapping[str, Any],
    *,
    run_id: str | None,
    parent_run_id: str | None,
    event: threading.Event | None,
) -> Result:
    """See `Job.execute`."""
    values, needs = _params(params)
    views = _views(job, needs)
    compiled = compile_workflow(_alone(job, views))
    trace: list[str] = []
    id = job.id or "job"
    options = Options(
        run_id=run_id,
        parent_id=parent_run_id,
        given=views,
        max_parallel=_at_once(job, compiled, values, views),
    )
    run = _run(compiled, values, options, event, trace)
    result = _of_job(run.jobs[id])
    result.run_id, result.parent_run_id, result.trace = run.run_id, parent_run_id, trace
    return result


def condition_holds(job: Job, params: Mapping[str, Any]) -> bool:
    """Whether the job's condition is true for these parameters; of no condition, True."""
    from jobc.errors import JobcError
    from jobc.interpreter.evaluator import EvaluationError

    values, needs = _params(params)
    views = _views(job, needs)
    compiled = compile_workflow(_alone(job, views))
    code = _lowered(job, compiled).condition
    if code is None:
        return True
    try:
        value = _evaluate(job, compiled, code, values, views)
    except EvaluationError as error:
        raise JobcError(f"the condition of job {job.id!r} cannot be decided: {error}") from None
    if not isinstance(value, bool):
        raise JobcError(f"the condition of job {job.id!r} must be true or false, but it is {value!r}")
    return value


def _lowered(job: Job, compiled: Compiled) -> ir.Job:
    program = compiled.program
    (found,) = [each for each in program.workflows[program.entry].jobs if each.id == (job.id or "job")]
    return found


def _evaluate(
    job: Job, compiled: Compiled, code: int, params: dict[str, Any], views: Mapping[str, Any]
) -> object:
    """The value of one of a job's expressions before it runs."""
    from jobc.engine.run import check_params
    from jobc.engine.state import RunState
    from jobc.interpreter.evaluator import Environment, evaluate

    program = compiled.program
    workflow = program.workflows[program.entry]
    run = RunState("", program.entry, workflow, check_params(workflow, params), "")
    contexts = {
        "params": run.params,
        "needs": views,
        "env": {},
        "run": run.run_context(),
        "job": {"id": job.id},
    }
    return evaluate(program.codes[code].tree, Environment(contexts, environ=os.environ))


def _at_once(job: Job, compiled: Compiled, params: dict[str, Any], views: Mapping[str, Any]) -> int | None:
    """A job alone is bounded by its own `max_parallel`, where the environment does not bound the run."""
    from jobc.interpreter.evaluator import EvaluationError

    strategy = _lowered(job, compiled).strategy
    if strategy is None or strategy.max_parallel is None or os.environ.get("JOBC_MAX_PARALLEL"):
        return None
    try:
        value = _evaluate(job, compiled, strategy.max_parallel, params, views)
    except EvaluationError:
        return None  # the run will say what is wrong with it
    return value if isinstance(value, int) and value > 0 else None


async def off_loop(
    execute: Callable[..., Result],
    params: Mapping[str, Any] | None,
    *,
    run_id: str | None,
    parent_run_id: str | None,
    event: threading.Event | None,
) -> Result:
    """Run `execute` in a thread of its own; if the task that waits is cancelled, cancel it and see it end."""
    own = threading.Event() if event is None else _OwnEvent(event)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Callable[[], Result]] = loop.create_future()

    def work() -> None:
        try:
            result = execute(params, run_id=run_id, parent_run_id=parent_run_id, event=own)
        except BaseException as error:  # noqa: BLE001 (raised again where the task waits)
            end: Callable[[], Result] = partial(_raise, error)
        else:
            end = partial(_give, result)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set_result, end)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="jobc-execute", daemon=True).start()
    try:
        end = await asyncio.shield(ended)
    except asyncio.CancelledError:
        own.set()
        while not ended.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(ended)
        raise
    return end()


def _give(result: Result) -> Result:
    return result


def _raise(error: BaseException) -> Result:
    raise error


class _OwnEvent(threading.Event):
    """An event that is set when the caller's is, and whose setting is not the caller's: tasks may share theirs."""

    def __init__(self, given: threading.Event) -> None:
        super().__init__()
        self._given = given

    def is_set(self) -> bool:
        return super().is_set() or self._given.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._given.is_set() or super().wait(timeout) or self._given.is_set()


def _params(params: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """(parameters, results of needs): `params` itself, or `{"params": …}`, `needs` beside it where there are any."""
    if "params" in params and set(params) <= {"params", "needs"} and isinstance(params["params"], Mapping):
        return dict(params["params"]), params.get("needs") or {}
    return dict(params), {}


def _views(job: Job, needs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `needs.<id>` is: as given (a Result or a mapping with `status` or `result`), else a success with no outputs."""
    views: dict[str, dict[str, Any]] = {}
    for id in dict.fromkeys([*job.needs, *needs]):
        given = needs.get(id)
        if isinstance(given, Result):
            given = {"status": given.status, **given.context}
        given = given or {}
        status = Status(str(given.get("status", given.get("result", "success"))).lower())
        views[id] = {
            "result": status.value,
            "outputs": dict(given.get("outputs") or {}),
            "combinations": [_combination_view(each) for each in given.get("combinations") or ()],
        }
    return views


def _combination_view(given: Mapping[str, Any]) -> dict[str, Any]:
    status = Status(str(given.get("status", given.get("result", "success"))).lower())
    return {
        "matrix": dict(given.get("matrix") or {}),
        "result": status.value,
        "outputs": dict(given.get("outputs") or {}),
    }


def _alone(job: Job, views: Mapping[str, Any]) -> Workflow:
    """A workflow of the job and of stand-ins for its needs, which are given and never run."""
    from jobc.model.job import Job
    from jobc.model.stages import CallStage
    from jobc.model.workflow import Workflow

    id = job.id or "job"
    own = job.model_copy(update={"id": id, "needs": list(views)})
    if own.check_needs({need: {"status": view["result"]} for need, view in views.items()}) != Status.SUCCESS:
        own.trigger_rule = type(own.trigger_rule).ALL_DONE
    # What a function gives that is not here may be anything, as what is given may.
    stand_in = CallStage(uses="elsewhere:given")
    jobs = {need: Job(id=need, stages=[stand_in]) for need in views}
    # The job comes first, so that findings and errors are on the lines of its own YAML.
    return Workflow.model_construct(name=id, jobs={id: own, **jobs}, _fields_set={"name", "jobs"})


def _run(
    compiled: Compiled,
    params: dict[str, Any],
    options: Options,
    event: threading.Event | None,
    trace: list[str],
) -> RunResult:
    from jobc.engine.run import execute

    options.live = compiled.live
    options.environ = dict(os.environ)
    options.workdir = compiled.folder
    watch = _Watch(event, options.control) if event is not None else None
    try:
        return execute(compiled.program, params, options, lambda happening: _note(happening, trace))
    finally:
        if watch is not None:
            watch.over = True


def _note(happening: Mapping[str, Any], trace: list[str]) -> None:
    if happening["event"] == "log":
        trace.append(happening["text"])


class _Watch:
    """Cancels a run when the caller's event is set. A thread, since an event can be waited for but not listened to."""

    def __init__(self, event: threading.Event, control: Control) -> None:
        self.over = False
        self._event = event
        self._control = control
        threading.Thread(target=self._wait, name="jobc-event", daemon=True).start()

    def _wait(self) -> None:
        while not self.over:
            if self._event.wait(WATCH):
                self._control.cancel("cancelled by the caller's event")
                return


def _of_job(job: JobResult) -> Result:
    combinations = job.combinations
    last = combinations[-1] if combinations else None
    errors = [error.to_json() for each in combinations for error in _errors(each)]
    if job.error is not None:
        errors.insert(0, job.error.to_json())
    context = {
        "outputs": job.outputs,
        "execution_time": job.duration,
        "stages": {} if last is None else _stages(last),
        "combinations": [
            {
                "matrix": each.matrix,
                "status": Status(each.status),
                "outputs": each.outputs,
                "stages": _stages(each),
            }
            for each in combinations
        ],
        "errors": errors,
        "reason": job.reason,
    }
    return Result(job.status, context)


def _stages(combination: CombinationResult) -> dict[str, Any]:
    return {
        stage.id: {
            "name": stage.name,
            "status": Status(stage.status),
            "outputs": stage.outputs,
            "attempts": stage.attempts,
            "execution_time": stage.duration,
            "error": None if stage.error is None else stage.error.to_json(),
        }
        for stage in combination.stages
    }


def _errors(combination: CombinationResult) -> list[ErrorInfo]:
    found = [s.error for s in combination.stages if s.error is not None and s.status == "failed"]
    if not found and combination.error is not None:
        found = [combination.error]
    return found
