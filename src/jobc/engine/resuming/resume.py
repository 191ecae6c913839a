"""Go on with a run whose engine died, or do again what failed in one that has ended.

    found     the run, by its id; one that is part of another is not resumed alone
    lease     taken before anything else is looked at: an engine that still works keeps it (`engine.lease`)
    compared  the program and the parameters with those of the run (`engine.changes`); what differs is refused unless
              the caller accepts it
    cleared   what the dead engine left is ended before anything starts (`engine.leftovers`)
    reopened  what is to be done again, in one transaction (`engine.reopen`)
    restored  and then the scheduler goes on as if nothing had been (`engine.restore`)
    swept     when the run has ended: what the dead engine left in environments elsewhere (`engine.sweeping`)

A cancellation that was under way when the engine died is taken back: who resumes wants the run to go on. The time of
the run, and of a job that is begun again, counts anew; that of a job taken up where it runs does not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from jobc.engine.journal.history import History
from jobc.engine.journal.journal import Journal, dumps, plain
from jobc.engine.journal.sealing import Unsealed, seal, unseal
from jobc.engine.judge import Failure
from jobc.engine.options import Options
from jobc.engine.placing import place
from jobc.engine.recorder import Listener
from jobc.engine.result import RunResult
from jobc.engine.resuming.changes import Changes, compare
from jobc.engine.resuming.reopen import Reopening
from jobc.engine.resuming.restore import Restorer, Row
from jobc.engine.run import Launch, check_params, code_of, conduct, lease, prepared, selection
from jobc.engine.secrets import MASK, Veil, resolve, shown_params
from jobc.engine.sharing.leftovers import end_leftovers
from jobc.engine.sharing.sweeping import handles, sweep
from jobc.engine.state import ENDED, OPEN, RunState, Ticket
from jobc.errors import ParamError, StateError, UsageError
from jobc.interpreter.api import ErrorInfo
from jobc.interpreter.params import ParamProblems, coerce
from jobc.ir.program import Program, Workflow

#: What may be done where the program or parameters are not those that the run began with.
REFUSE = "refuse"
#: Run again what changed and what comes after it.
ACCEPT = "accept"
#: Go on with the program as it was.
IGNORE = "ignore"


class _Masked(Veil):
    """Has no secret's value, and needs none."""

    def secret(self, name: str) -> str | None:
        return MASK


class ChangedError(UsageError):
    """The run began with another program, or other parameters; `changes` says what differs."""

    def __init__(self, message: str, changes: Changes, *, help: str) -> None:
        super().__init__(message, help=help)
        self.changes = changes


class PastRun:
    """A run of the journal as it can be resumed: its options, its program."""

    def __init__(self, journal: Journal, name: str) -> None:
        """Raises UsageError where there is no such run, or it cannot be resumed; StateError."""
        self.journal = journal
        run = History(journal).find(name)
        if run["parent"] is not None:
            (root,) = journal.rows("SELECT id FROM runs WHERE run = ?", (run["parent"],))
            raise UsageError(
                f"run `{run['id']}` was triggered by another run", help=f"resume that one: {root['id']}"
            )
        self.id: str = run["id"]
        self.key: int = run["run"]
        self.row: Row = self._read()
        if self.row["state"] is None or self.row["program"] is None:
            raise UsageError(
                f"run `{self.id}` cannot be resumed: it was made by an older jobc, or with live objects",
                help="run it anew",
            )
        self.options: Mapping[str, Any] = run["options"]
        self.program = self._program()

    def _read(self) -> Row:
        (row,) = self.journal.rows("SELECT * FROM runs WHERE run = ?", (self.key,))
        return row

    def look_again(self) -> None:
        """Read what another engine may have changed before the lease was had."""
        self.row = self._read()

    @property
    def status(self) -> str | None:
        """How it ended; None where it did not."""
        status: str | None = self.row["status"]
        return status

    @property
    def workflow(self) -> Workflow:
        return self.program.workflows[self.program.entry]

    def result(self) -> RunResult:
        """The result of a run that has ended; secrets are masked in it."""
        veil = _Masked({})
        started_at = unseal(self.row["state"], veil)["started_at"]
        run = RunState(self.id, self.program.entry, self.workflow, {}, started_at)
        run.key = self.key
        run.enter(selection(self.workflow, self.options["job"]))
        Restorer(self.journal, lambda text: unseal(text, veil)).jobs(run)
        _end(run, self.row)
        return run.result

    def _program(self) -> Program:
        from jobc.ir.codec import IRError, loads

        rows = self.journal.rows("SELECT ir FROM programs WHERE hash = ?", (self.row["program"],))
        try:
            program = loads(rows[0]["ir"])
        except (IRError, IndexError) as error:
            raise StateError(
                f"the program of run `{self.id}` cannot be read from the journal: {error}",
                help="run the file anew",
            ) from None
        program.entry = self.row["workflow_index"]
        return program


def resume(
    journal: Journal,
    run_id: str,
    options: Options | None = None,
    *,
    program: Program | None = None,
    params: Mapping[str, Any] | None = None,
    textual: Collection[str] = (),
    failed_only: bool = False,
    changes: str = REFUSE,
    listener: Listener | None = None,
) -> RunResult:
    """Go on with a run to its end; the result is the whole run's, what earlier engines did included.

    `program` is what it is to go on with (None: what it began with); `params` holds parameters that get other
    values, and those of type secret, which are not kept (`textual` as for `check_params`). `failed_only` lets
    what failed or was cancelled run again. A run that has ended comes back as it is without it. `options` holds
    secrets, the environment and what else concerns this engine alone; the rest is the run's.

    Raises UsageError where there is no such run or another engine has it, ChangedError where the program or the
    parameters differ and `changes` does not say what to do then, and what `execute` raises.
    """
    past = PastRun(journal, run_id)
    with lease(journal, past.id, _busy):
        past.look_again()
        if past.status is not None and not failed_only:
            return past.result()
        options = _options(past, options or Options())
        if program is not None and options.runs_on is not None:
            place(program, options.runs_on)
        resumption = _Resumption(past, options, program or past.program, changes)
        values = resumption.params(params or {}, textual)
        resumption.check()
        selected = selection(resumption.workflow, options.job)
        options = prepared(resumption.program, options, selected)
        end_leftovers(past.row["mark"])
        resumption.reopen(failed_only)
        past.look_again()
        mark, known = handles(History(journal), past.row)
        result = conduct(
            resumption.program,
            options,
            past.row["mark"],
            listener,
            lambda launch: launch.first(past.row, values, selected),
            _Revival,
        )
        if result.state_error is None:
            sweep(mark, known, options.backend)  # what cannot be asked now is asked when the run is removed
        return result


def _busy(run_id: str) -> UsageError:
    return UsageError(
        f"run `{run_id}` is still running, in another process",
        help=f"see it with `jobc runs show {run_id}`; it can be resumed once that process has ended",
    )


def _options(past: PastRun, given: Options) -> Options:
    """This engine's options, with what belongs to the run."""
    options = copy.copy(given)
    options.journal = past.journal
    options.run_id = past.id
    kept = past.options
    options.job = kept["job"]
    options.index = kept.get("index")
    options.now = None if kept["now"] is None else datetime.fromisoformat(kept["now"])
    options.workdir = kept["workdir"]
    options.runs_on = kept.get("runs_on")
    options.file = past.row["file"]
    options.max_parallel = given.max_parallel if given.max_parallel is not None else kept["max_parallel"]
    options.timeout = given.timeout if given.timeout is not None else kept["timeout"]
    return options


class _Resumption:
    """What a run is to go on with, against what it began with."""

    def __init__(self, past: PastRun, options: Options, program: Program, accepted: str) -> None:
        self._past = past
        self._options = options
        self._accepted = accepted
        self._changes: Changes | None = None
        self.program = past.program if accepted == IGNORE or _is_same(program, past) else program
        #: The parameters with other values than the run began with.
        self._other: set[str] = set()
        self._values: dict[str, Any] = {}
        self._veil = Veil({})

    @property
    def workflow(self) -> Workflow:
        return self.program.workflows[self.program.entry]

    def params(self, given: Mapping[str, Any], textual: Collection[str]) -> dict[str, Any]:
        """The parameters that the run goes on with. Raises ParamError, UsageError."""
        past = self._past
        veil = Veil(resolve(past.program, self._options.secrets, self._options.environ))
        hidden = {param.name for param in past.workflow.params or () if param.type == "secret"}
        kept: dict[str, Any] = {}
        veil.add_params(past.workflow, {name: given[name] for name in hidden & set(given)}, past.id)
        try:
            kept = unseal(past.row["state"], veil)["params"]
        except Unsealed as error:
            name = error.name.rpartition(" ")[2]
            raise ParamError(
                f"the parameter `{name}` is a secret, so run `{past.id}` does not keep it",
                help=f"give it again, with -p {name}=…",
            ) from None
        if self.workflow.params is not None:
            declared = {param.name for param in self.workflow.params}
            kept = {name: value for name, value in kept.items() if name in declared}
        values = check_params(self.workflow, {**kept, **given}, textual)
        veil.add_params(self.workflow, values, past.id)
        self._veil, self._values = veil, values
        for name in {*values, *kept} - hidden:
            if not _same(values.get(name), kept.get(name)):
                self._other.add(name)
        return values

    def check(self) -> None:
        """Refuse what differs, unless it was accepted. Raises ChangedError."""
        past = self._past
        ids = self._ids(past.workflow) | self._ids(self.workflow)
        programs = (past.program, past.workflow), (self.program, self.workflow)
        changes = compare(*programs, self._other, ids)
        if not changes.found:
            return
        self._changes = changes
        if self._accepted != ACCEPT:
            what = "the jobs file" if compare(*programs, (), ids).found else "parameters"
            raise ChangedError(
                f"{what} changed since run `{past.id}` began",
                changes,
                help="run what changed and what comes after it again with --accept-changes"
                + ("" if what == "parameters" else ", or go on as it began with --ignore-changes"),
            )

    def reopen(self, failed_only: bool) -> None:
        """Bring the journal to where this engine begins. Raises StateError."""
        past, workflow = self._past, self.workflow
        reopening = Reopening(past.journal)
        if failed_only:
            reopening.failures(past.key, past.workflow)
        elif past.row["cancelling"]:
            reopening.cancellation(past.key, past.program)
        if self.program is not past.program:
            reopening.rearrange(past.key, past.program, self.program, self._ids(workflow))
            reopening.program(past.key, code_of(self.program))
        if self._changes is not None:
            reopening.anew(past.key, workflow, self._changes.invalid)
            started_at = unseal(past.row["state"], self._veil)["started_at"]
            state = seal({"params": self._values, "env": None, "started_at": started_at}, self._veil)
            reopening.params(
                past.key, dumps(self._veil.value(plain(shown_params(workflow, self._values)))), state
            )
        reopening.write()

    def _ids(self, workflow: Workflow) -> set[str]:
        """The jobs that the run has."""
        selected = selection(workflow, self._options.job)
        jobs = enumerate(workflow.jobs)
        return {job.id for position, job in jobs if selected is None or position in selected}


def _is_same(program: Program, past: PastRun) -> bool:
    """Whether not even a line was moved."""
    from jobc.ir.codec import content_hash

    return program is past.program or content_hash(program) == past.row["program"]


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


class _Revival(Launch):
    """Brings back the states of runs that the journal knows, and makes those that it does not."""

    def first(self, row: Row, params: dict[str, Any], selected: set[int] | None) -> RunState:
        """The run that is resumed."""
        run = self._revive(row, params, selected)
        if self._options.timeout is not None:
            run.timeout = self._options.timeout
        return run

    def child(self, workflow: int, params: dict[str, Any], ticket: Ticket) -> RunState:
        combination = ticket.combination
        parent = combination.job.run
        row = None
        if combination.replay is not None and parent.key:
            row = self._restorer.child(parent, combination.job.position, combination, ticket.stage)
        if row is None:
            return super().child(workflow, params, ticket)
        try:
            values = coerce(self._program.workflows[workflow].params, params)
        except ParamProblems as found:
            raise Failure(ErrorInfo("params", str(found))) from None
        run = self._revive(row, values, None, ticket)
        if not run.result.status:
            self.enter(run)
        return run

    def enter(self, run: RunState) -> None:
        if not run.key:
            super().enter(run)
            return
        if run.result.status:
            return
        recorder, ticket = self._recorder, run.ticket
        ended = [state for state in run.jobs if state.phase == ENDED]
        recorder.run_resumed(
            run.id,
            run.key,
            workflow=run.workflow.name,
            file=self._file(run),
            parent_id=None if ticket is None else ticket.combination.job.run.id,
            params=self._shown(run),
            state=self._kept(run),
            jobs=[(state.position, state.job.id) for state in run.jobs],
            needs=run.needs,
            triggered_by=run.triggered_by,
            kept=len(ended),
        )
        for state in run.jobs:
            if state.phase in (ENDED, OPEN):
                recorder.job_kept(run.id, state.job.id, state.result, state.total, len(state.results))

    @property
    def _restorer(self) -> Restorer:
        assert self._options.journal is not None
        return Restorer(self._options.journal, lambda text: unseal(text, self._veil))

    def _revive(
        self,
        row: Row,
        params: dict[str, Any],
        selected: set[int] | None,
        ticket: Ticket | None = None,
    ) -> RunState:
        """`params` are those of the run where it is the first; of a nested one only its secrets are taken."""
        restorer = self._restorer
        index = row["workflow_index"] if ticket is not None else self._program.entry
        workflow = self._program.workflows[index]
        self._veil.add_params(workflow, params, row["id"])
        kept = unseal(row["state"], self._veil)
        values = params if ticket is None else kept["params"]
        run = RunState(row["id"], index, workflow, values, kept["started_at"])
        run.key = row["run"]
        run.active = restorer.active(row)
        run.enter(selected)
        run.env = kept["env"]
        if run.env is None:  # its program or parameters were changed
            run.env = {}
            run.env = self._judge.texts(workflow.env, self._judge.of_workflow(run))
        run.children = restorer.children(run)
        run.timeout = self._judge.duration(workflow.timeout, self._judge.of_workflow(run), "timeout")
        if ticket is not None:
            self._bound(run, ticket)
        run.parent_id = self._options.parent_id
        restorer.jobs(run)
        if row["status"] is not None:
            _end(run, row)
        return run


def _end(run: RunState, row: Row) -> None:
    run.result.status = row["status"]
    run.result.reason = row["reason"]
    run.result.duration = row["duration"] or 0.0
    run.result.outputs = json.loads(row["outputs"])
