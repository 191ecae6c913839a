"""Execute a program: check everything that can be checked beforehand, then let the scheduler run it.

Nothing starts before the parameters, the secrets, the chosen job and the environments of all jobs are known to
be good. The bound on combinations at once is the first set of: `Options.max_parallel`, `JOBC_MAX_PARALLEL`, the
workflow's `max-parallel`, `WORKFLOW_CORE_MAX_PARALLEL`, 2.
"""

from __future__ import annotations

import copy
import os
import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar

from jobc.backends.registry import is_known, known
from jobc.engine.journal.journal import Journal
from jobc.engine.judge import Failure, Judge
from jobc.engine.options import Options
from jobc.engine.recorder import Listener, Recorder
from jobc.engine.result import RunResult
from jobc.engine.scheduler import Scheduler
from jobc.engine.secrets import Veil, resolve, shown_params, without_secrets
from jobc.engine.sharing.lease import take
from jobc.engine.state import RunState, Ticket
from jobc.errors import ParamError, StateError, UsageError
from jobc.interpreter.api import ErrorInfo
from jobc.interpreter.durations import seconds
from jobc.interpreter.mark import MARK
from jobc.interpreter.nearest import nearest
from jobc.interpreter.params import ParamProblems, coerce
from jobc.interpreter.stages.retry import variable
from jobc.ir.program import Job, Program, Workflow

L = TypeVar("L", bound="Launch")

DEFAULT_PARALLEL = 2
DEFAULT_TIMEOUT = 3600.0


def check_params(
    workflow: Workflow, given: Mapping[str, Any], textual: Collection[str] = ()
) -> dict[str, Any]:
    """The parameters of a run of `workflow`; `textual` names those given as text. Raises ParamError with all problems."""
    try:
        return coerce(workflow.params, given, textual=textual)
    except ParamProblems as found:
        problems = found.problems
    if len(problems) == 1:
        raise ParamError(problems[0].message, help=problems[0].help)
    lines = [f"\n  {problem.message}\n    {problem.help}" for problem in problems]
    raise ParamError(f"{len(problems)} parameters are wrong:" + "".join(lines))


def execute(
    program: Program, params: Mapping[str, Any], options: Options, listener: Listener | None = None
) -> RunResult:
    """Run `program.workflows[program.entry]` to its end.

    `listener` gets every event (`engine.recorder`), from several threads but one at a time. A run that fails, is
    cancelled or times out is a result like any other. Raises ParamError and UsageError before anything
    runs, StateError where the journal cannot be used, and, when the run has ended, what the listener raised.
    """
    workflow = program.workflows[program.entry]
    values = check_params(workflow, params)
    selected = selection(workflow, options.job, options.given)
    options = prepared(program, options, selected)
    options.run_id = _run_id(options)
    mark = os.urandom(8).hex()
    with lease(options.journal, options.run_id, _taken):
        return conduct(program, options, mark, listener, lambda launch: launch.root(values, selected), Launch)


def prepared(program: Program, options: Options, selected: set[int] | None) -> Options:
    """A copy of the options, completed from the environment and checked. Raises UsageError."""
    _check_environments(program, selected)
    environ = options.environ
    options = copy.copy(options)
    options.secrets = resolve(program, options.secrets, environ)
    options.environ = without_secrets(environ)
    options.job_timeout = _seconds_setting(environ, "JOB_TIMEOUT", DEFAULT_TIMEOUT)
    options.max_interruptions = _whole(environ, "JOBC_MAX_INTERRUPTIONS") or options.max_interruptions
    _check_retry_settings(environ)
    return options


@contextmanager
def lease(journal: Journal | None, run_id: str, refusal: Callable[[str], UsageError]) -> Iterator[None]:
    """Hold the lease of a run; raises `refusal(run_id)` where another engine has it."""
    if journal is None:
        yield
        return
    give_back = take(journal.path, run_id)
    if give_back is None:
        raise refusal(run_id)
    try:
        yield
    finally:
        give_back()


def conduct(
    program: Program,
    options: Options,
    mark: str,
    listener: Listener | None,
    begin: Callable[[L], RunState],
    launcher: Callable[[Program, Options, str, Judge, Recorder, Veil], L],
) -> RunResult:
    """Run what `begin` makes to its end. `options` are prepared, the lease is held."""
    options.environ = {**options.environ, MARK: mark}
    fixed = options.now
    judge = Judge(
        program,
        (lambda: fixed) if fixed is not None else _now,
        options.environ,
        options.workdir,
        options.secrets,
    )
    inbox = options.control.inbox
    veil = Veil(options.secrets)
    recorder = Recorder(
        options.journal,
        listener,
        veil,
        on_failure=lambda error: inbox.put(("journal", error)),
        on_log=lambda: inbox.put(("log", None)),
        on_deaf=lambda: options.control.cancel("nothing takes the run's events any more"),
    )
    launch = launcher(program, options, mark, judge, recorder, veil)
    try:
        root = begin(launch)
        slots = _slots(root.workflow, options, judge, root)
    except Failure as failure:
        error = failure.error
        raise UsageError(f"{error.path}:{error.line}: {error.message}") from None
    launch.enter(root)
    Scheduler(program, options, judge, recorder, slots, launch.child).run(root)
    recorder.finish()
    if recorder.listener_error is not None:
        raise recorder.listener_error
    root.result.state_error = recorder.failure
    root.result.mask = veil.value
    return root.result


class Launch:
    """Makes the states of runs, and enters them in the journal."""

    def __init__(
        self,
        program: Program,
        options: Options,
        mark: str,
        judge: Judge,
        recorder: Recorder,
        veil: Veil,
    ) -> None:
        self._program = program
        self._options = options
        self._mark = mark
        self._judge = judge
        self._recorder = recorder
        self._veil = veil
        self._code = code_of(program) if options.journal is not None else None

    def root(self, params: dict[str, Any], selected: set[int] | None) -> RunState:
        assert self._options.run_id is not None
        run = self._state(self._options.run_id, self._program.entry, params, selected)
        run.take_as_ended(self._options.given)
        run.parent_id = self._options.parent_id
        if self._options.timeout is not None:
            run.timeout = self._options.timeout
        return run

    def child(self, workflow: int, params: dict[str, Any], ticket: Ticket) -> RunState:
        """The run that a `trigger` stage asked for. Raises Failure."""
        parent = ticket.combination.job.run
        parent.children += 1
        try:
            values = coerce(self._program.workflows[workflow].params, params)
        except ParamProblems as found:
            raise Failure(ErrorInfo("params", str(found))) from None
        run = self._state(f"{parent.id}.{parent.children}", workflow, values, None)
        self._bound(run, ticket)
        self.enter(run)
        return run

    def _state(self, id: str, index: int, params: dict[str, Any], selected: set[int] | None) -> RunState:
        workflow = self._program.workflows[index]
        run = RunState(id, index, workflow, params, self._judge.now().isoformat(timespec="milliseconds"))
        self._veil.add_params(workflow, params, id)
        run.enter(selected)
        if workflow.env:
            run.env = self._judge.texts(workflow.env, self._judge.of_workflow(run))
        environment = self._judge.of_workflow(run)
        run.timeout = self._judge.duration(workflow.timeout, environment, "timeout")
        run.group = self._judge.group(workflow.concurrency, environment)
        return run

    def _bound(self, run: RunState, ticket: Ticket) -> None:
        """Set what a triggered run has from the stage that asked for it, and its bound."""
        run.ticket = ticket
        run.depth = ticket.combination.job.run.depth + 1
        run.limit = self._judge.count(run.workflow.max_parallel, self._judge.of_workflow(run), "max-parallel")

    def _file(self, run: RunState) -> str:
        return self._options.file if run.ticket is None else self._program.place(run.workflow.span)[0]

    def _shown(self, run: RunState) -> dict[str, Any]:
        return shown_params(run.workflow, run.params)

    def _kept(self, run: RunState) -> dict[str, Any]:
        """What of a run a later engine needs beside its rows."""
        return {"params": run.params, "env": run.env, "started_at": run.result.started_at}

    def enter(self, run: RunState) -> None:
        try:
            self._enter(run)
        except StateError as error:
            if isinstance(error.__cause__, sqlite3.IntegrityError):  # another process was faster
                raise _taken(run.id) from None
            raise

    def _enter(self, run: RunState) -> None:
        options = self._options
        asker = run.triggered_by
        run.key = self._recorder.run_started(
            run.id,
            parent_id=None if asker is None else asker[0].run,
            file=self._file(run),
            workflow=run.workflow.name,
            workflow_index=run.workflow_index,
            program=self._code,
            params=self._shown(run),
            options={
                "job": options.job,
                "index": options.index,
                "max_parallel": options.max_parallel,
                "timeout": options.timeout,
                "now": None if options.now is None else options.now.isoformat(),
                "workdir": options.workdir,
                "runs_on": options.runs_on,
            },
            state=self._kept(run),
            mark=self._mark,
            jobs=[(state.position, state.job.id) for state in run.jobs],
            needs=run.needs,
            triggered_by=asker,
        )


def _now() -> datetime:
    return datetime.now(timezone.utc)


def code_of(program: Program) -> tuple[str, bytes]:
    from jobc.ir.codec import content_hash, dumps

    return content_hash(program), dumps(program)


def selection(workflow: Workflow, job: str | None, given: Collection[str] = ()) -> set[int] | None:
    """The positions of a job and of all that it needs; what the `given` jobs need is not asked for."""
    if job is None:
        return None
    positions = {each.id: position for position, each in enumerate(workflow.jobs)}
    if job not in positions:
        close = nearest(job, positions)
        raise UsageError(
            f"there is no job `{job}` in workflow `{workflow.name}`",
            help=f"did you mean `{close}`?" if close else "there are: " + ", ".join(positions),
        )
    selected: set[int] = set()
    open_positions = [positions[job]]
    while open_positions:
        position = open_positions.pop()
        if position not in selected:
            selected.add(position)
            if workflow.jobs[position].id not in given:
                open_positions.extend(workflow.jobs[position].needs)
    return selected


def _check_environments(program: Program, selected: set[int] | None) -> None:
    for index, workflow in enumerate(program.workflows):
        for position, job in enumerate(workflow.jobs):
            if index == program.entry and selected is not None and position not in selected:
                continue
            if job.runs_on.choice is None and not is_known(job.runs_on.type):
                raise _no_environment(program, job)


def _no_environment(program: Program, job: Job) -> UsageError:
    path, line = program.place(job.span)
    return UsageError(
        f"{path}:{line}: job `{job.id}` runs on `{job.runs_on.type}`, which this version of jobc cannot run on",
        help=f"set `runs-on` to one of: {', '.join(known())}; nothing was started",
    )


def _run_id(options: Options) -> str:
    """The given id, checked, or a new one: the time, for people and for sorting, and chance."""
    if options.run_id is None:
        return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", options.run_id):
        raise UsageError(
            f"`{options.run_id}` cannot be a run id",
            help="use letters, digits, `.`, `_` and `-`, at most 128 of them",
        )
    if options.journal is not None and options.journal.rows(
        "SELECT 1 FROM runs WHERE id = ?", (options.run_id,)
    ):
        raise _taken(options.run_id)
    return options.run_id


def _taken(run_id: str) -> UsageError:
    return UsageError(f"there is a run `{run_id}` already", help="choose another --run-id")


def _slots(workflow: Workflow, options: Options, judge: Judge, root: RunState) -> int:
    if options.max_parallel is not None:
        return options.max_parallel
    environ = options.environ
    found = _whole(environ, "JOBC_MAX_PARALLEL")
    if found is None:
        found = judge.count(workflow.max_parallel, judge.of_workflow(root), "max-parallel")
    if found is None:
        found = _whole(environ, "WORKFLOW_CORE_MAX_PARALLEL")
    return found if found is not None else DEFAULT_PARALLEL


def _whole(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{name} cannot be `{text}`", help="set it to a whole number from 1 up, or unset it")
    return int(text)


def _seconds_setting(environ: Mapping[str, str], name: str, default: float) -> float:
    found = variable(name, environ)
    if found is None:
        return default
    try:
        return seconds(environ[found])
    except ValueError as error:
        raise UsageError(f"{found}: {error}", help="mend it, or unset it") from None


def _check_retry_settings(environ: Mapping[str, str]) -> None:
    _seconds_setting(environ, "RETRY_DELAY", 0.0)
    found = variable("RETRY_ATTEMPTS", environ)
    if found is not None and not environ[found].strip().isdecimal():
        raise UsageError(
            f"{found} cannot be `{environ[found]}`", help="set it to a whole number from 0 up, or unset it"
        )
