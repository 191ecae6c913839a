"""Where every transition of a run goes: into the journal, then to the listener, masked on the way.

`commit` is the barrier: the scheduler calls it before it acts on what it recorded, a worker after each stage that
ended. A journal that fails does not stop work half-way: it is reported once, to the scheduler, which starts nothing
more and lets end what runs. What happens meanwhile is kept in memory, log text excepted, and written by one last try
when all has ended (`finish`): the disk may have room again. A listener that fails, a closed pipe say, is not told any more.

An event is a map: `event`, `time` (ISO, UTC), `run`, `job`, `combination` (its index), `stage` (its path), each
null where it does not apply, and what the kind adds. Kinds: `run-started run-waiting job-ready job-waiting job-started
combination-started cache stage-started log stage-retrying stage-ended combination-ended job-ended run-cancelling run-ended`.
A run that is resumed begins with `run-started`, `resumed` true; `job-started` and `job-ended` of what an earlier engine saw have `kept`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from jobc.engine.journal import statements
from jobc.engine.journal.journal import Journal, dumps, plain
from jobc.engine.journal.sealing import seal
from jobc.engine.secrets import Veil
from jobc.engine.sharing import owner
from jobc.errors import StateError
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.lines import instant

if TYPE_CHECKING:
    from jobc.engine.result import JobResult

Event = Mapping[str, Any]
Listener = Callable[[Event], None]

#: What a stage did is committed before anything else is done.
_BARRIERS = frozenset(["stage-ended", "stage-retrying"])
#: What is written in place of changes to parameters that are no plain data: the stage cannot be passed over.
LIVE = "live"
#: What of a stage's event is told in another form, or not at all.
_ELSEWHERE = frozenset(["event", "stage", "journal", "time"])


class Place:
    """Which combination of which job an event belongs to. `key` is the run's in the journal."""

    __slots__ = ("attempt", "combination", "job", "key", "position", "run")

    def __init__(self, run: str, key: int, job: str, position: int, combination: int, attempt: int) -> None:
        self.run = run
        self.key = key
        self.job = job
        self.position = position
        self.combination = combination
        self.attempt = attempt


class Recorder:
    """Methods may be called from any thread; the listener is called by one at a time."""

    def __init__(
        self,
        journal: Journal | None,
        listener: Listener | None,
        veil: Veil,
        on_failure: Callable[[StateError], None],
        on_log: Callable[[], None],
        on_deaf: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._listener = listener
        self._veil = veil
        self._on_failure = on_failure
        self._on_log = on_log
        self._on_deaf = on_deaf
        self._listening = threading.Lock()
        self._failing = threading.Lock()
        #: A run's key → the positions and ids of its jobs.
        self._jobs: dict[int, list[tuple[int, str]]] = {}
        self._instant = 0.0, ""
        self.listener_error: Exception | None = None
        self.failure: StateError | None = None

    # The barrier

    def commit(self) -> bool:
        """Make durable what was recorded; False if that failed just now."""
        if self._journal is not None and self.failure is None:
            try:
                self._journal.flush()
            except StateError as error:
                self._fail(error)
                return False
        return True

    def _fail(self, error: StateError) -> None:
        with self._failing:
            if self.failure is not None:
                return
            self.failure = error
        self._on_failure(error)

    def finish(self) -> None:
        """The last commit of a run; where the journal had failed, `failure` says what is not in it."""
        self.commit()
        if self._journal is None or self.failure is None:
            return
        try:
            self._journal.flush()
            self.failure = None
        except StateError as error:
            lost = ", ".join(f"`{job}`" for job in self._unrecorded(self._journal))
            tail = f"; not recorded is what became of {lost}" if lost else ""
            self.failure = StateError(f"{error}{tail}", help=error.help)

    def _unrecorded(self, journal: Journal) -> list[str]:
        """The jobs whose ends, or those of stages of theirs, are not in the journal."""
        found: dict[str, None] = {}
        names = {(key, at): job for key, jobs in self._jobs.items() for at, job in jobs}
        for statement, values in journal.unwritten():
            place = None
            if statement is statements.JOB_ENDED:
                place = (values[-2], values[-1])
            elif statement is statements.COMBINATION_ENDED:
                place = (values[-4], values[-3])
            elif statement is statements.STAGE:
                place = (values[0], values[1])
            if place is not None:
                found[names.get(place, str(place[1]))] = None
        return list(found)

    def _record(self, statement: str, values: tuple[Any, ...]) -> None:
        if self._journal is not None:
            self._journal.record(statement, values)

    def _json(self, value: Any) -> str:
        return dumps(value if self._veil.empty else self._veil.value(plain(value)))

    def seal(self, value: Any) -> str | None:
        """A value with its exact types, for a column that only a resumed run reads; None for live objects."""
        return seal(value, self._veil)

    def _error(self, error: ErrorInfo | None) -> str | None:
        return None if error is None else self._json({**error.to_json(), "exit_code": error.exit_code})

    def _tell(
        self,
        event: str,
        run: str,
        job: str | None,
        combination: int | None,
        stage: str | None,
        more: dict[str, Any],
        at: float | None = None,
    ) -> None:
        """Tell the listener of what happened, now or at an instant of seconds since the epoch."""
        if self._listener is None:
            return
        message: dict[str, Any] = {
            "event": event,
            "time": self._time(at),
            "run": run,
            "job": job,
            "combination": combination,
            "stage": stage,
            **plain(more),
        }
        if not self._veil.empty:
            message = self._veil.value(message)
        with self._listening:
            if self._listener is None:
                return
            try:
                self._listener(message)
            except Exception as error:  # noqa: BLE001 - not the worker's fault; `execute` raises it at the end
                self._listener = None
                self.listener_error = error
                self._on_deaf()

    def _time(self, at: float | None) -> str:
        """An instant as events bear it; None is now. Lines that were read at once share one."""
        if at is None:
            return _iso(datetime.now(timezone.utc))
        known = self._instant
        if known[0] != at:
            known = self._instant = at, _iso(datetime.fromtimestamp(at, timezone.utc))
        return known[1]

    def _mark(
        self, key: int, event: str, job: int | None, combination: int | None, status: str | None
    ) -> None:
        self._record(statements.EVENT, (key, time.time(), event, job, combination, None, status))

    # Runs

    def run_started(
        self,
        id: str,
        *,
        parent_id: str | None,
        file: str,
        workflow: str,
        workflow_index: int,
        program: tuple[str, bytes] | None,
        params: Mapping[str, Any],
        options: Mapping[str, Any],
        state: Mapping[str, Any],
        mark: str,
        jobs: list[tuple[int, str]],
        needs: Mapping[str, list[str]],
        triggered_by: tuple[Place, str] | None,
    ) -> int:
        """Enter a run; its key. `triggered_by`: the attempt of another run that asked for it, and the stage.

        `state` is what the run's jobs see of it, in exact types. Raises StateError.
        """
        key = 0
        if self._journal is not None:
            try:
                key = self._journal.insert(
                    statements.RUN,
                    (
                        id,
                        *_origin(triggered_by),
                        file,
                        workflow,
                        workflow_index,
                        program[0] if program else None,
                        self._json(dict(params)),
                        self._json(dict(options)),
                        self.seal(dict(state)),
                        mark,
                        time.time(),
                        *owner.this_process(),
                    ),
                    lambda key: _first_rows(key, program if triggered_by is None else None, jobs),
                )
            except StateError as error:
                if triggered_by is not None:
                    self._fail(error)
                raise
        self._jobs[key] = jobs
        more: dict[str, Any] = {
            "workflow": workflow,
            "file": file,
            "parent": parent_id,
            "params": dict(params),
        }
        more |= {"jobs": [job for _, job in jobs], "needs": needs, "triggered_by": _asker(triggered_by)}
        self._tell("run-started", id, None, None, None, more)
        return key

    def run_resumed(
        self,
        id: str,
        key: int,
        *,
        workflow: str,
        file: str,
        parent_id: str | None,
        params: Mapping[str, Any],
        state: Mapping[str, Any],
        jobs: list[tuple[int, str]],
        needs: Mapping[str, list[str]],
        triggered_by: tuple[Place, str] | None,
        kept: int,
    ) -> None:
        """This process goes on with a run; `kept` of its jobs have ended."""
        self._record(
            "UPDATE runs SET state = ?, resumes = resumes + 1, resumed = ?, cancelling = 0, pid = ?, pid_started = ?,"
            " boot = ?, active = active + max(0, coalesce((SELECT max(time) FROM events WHERE run = runs.run), 0)"
            " - coalesce(resumed, started)) WHERE run = ?",
            (self.seal(dict(state)), time.time(), *owner.this_process(), key),
        )
        self._mark(key, "run-resumed", None, None, None)
        self._jobs[key] = jobs
        more: dict[str, Any] = {"workflow": workflow, "file": file, "parent": parent_id}
        more.update(params=dict(params), jobs=[job for _, job in jobs], needs=needs, resumed=True, kept=kept)
        more["triggered_by"] = _asker(triggered_by)
        self._tell("run-started", id, None, None, None, more)

    def job_kept(self, run: str, job: str, result: JobResult | None, total: int, ended: int) -> None:
        """Tell of a job that an earlier engine saw the end of, or the beginning (`result` None)."""
        if result is None:
            more = {"combinations": total, "ended": ended, "kept": True}
            self._tell("job-started", run, job, None, None, more)
            return
        self._tell("job-ended", run, job, None, None, {**_told(result), "kept": True})

    def run_cancelling(self, run: str, key: int, reason: str) -> None:
        """A run was asked to end; what runs ends first."""
        self._record("UPDATE runs SET cancelling = 1 WHERE run = ?", (key,))
        self._mark(key, "run-cancelling", None, None, None)
        self._tell("run-cancelling", run, None, None, None, {"reason": reason})

    def run_ended(
        self, run: str, key: int, status: str, reason: str | None, duration: float, outputs: dict[str, Any]
    ) -> None:
        self._record(
            "UPDATE runs SET status = ?, reason = ?, ended = ?, duration = ?, outputs = ? WHERE run = ?",
            (status, reason and self._veil.text(reason), time.time(), duration, self._json(outputs), key),
        )
        self._mark(key, "run-ended", None, None, status)
        self.commit()
        more = {"status": status, "reason": reason, "duration_s": round(duration, 6), "outputs": outputs}
        self._tell("run-ended", run, None, None, None, more)

    # Jobs

    def job_ready(self, run: str, key: int, position: int, job: str) -> None:
        self._mark(key, "job-ready", position, None, None)
        self._tell("job-ready", run, job, None, None, {})

    def waiting(self, run: str, key: int, position: int | None, job: str | None, reason: str) -> None:
        """A job, or a run where `job` is None, waits for others before it may begin."""
        event = "run-waiting" if job is None else "job-waiting"
        self._mark(key, event, position, None, None)
        self._tell(event, run, job, None, None, {"reason": reason})

    def job_queued(self, key: int, position: int, plan: dict[str, Any]) -> None:
        self._record(
            "UPDATE jobs SET queued = ?, plan = ? WHERE run = ? AND position = ?",
            (time.time(), self.seal(plan), key, position),
        )

    def job_started(
        self, run: str, key: int, position: int, job: str, total: int, plan: dict[str, Any]
    ) -> None:
        """`plan` is what was decided about the job; empty where it has one combination and no bounds."""
        self._record(
            "UPDATE jobs SET started = ?, combinations = ?, plan = ? WHERE run = ? AND position = ?",
            (time.time(), total, self.seal(plan) if plan else None, key, position),
        )
        self._mark(key, "job-started", position, None, None)
        self._tell("job-started", run, job, None, None, {"combinations": total})

    def job_ended(self, run: str, key: int, position: int, job: str, result: JobResult) -> None:
        self._record(
            statements.JOB_ENDED,
            (
                result.status,
                result.reason and self._veil.text(result.reason),
                self._error(result.error),
                time.time(),
                result.duration,
                result.attempts,
                self._json(result.outputs),
                key,
                position,
            ),
        )
        self._mark(key, "job-ended", position, None, result.status)
        self._tell("job-ended", run, job, None, None, _told(result))

    # Combinations

    def combination_started(self, place: Place, matrix: dict[str, Any], base: int, restarts: int) -> None:
        """`base`: the attempt after which the retry budget counts; `restarts`: how often this one was begun in vain."""
        self._record(
            "INSERT INTO combinations (run, job, combination, attempt, matrix, started, base, restarts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET restarts = excluded.restarts, handle = NULL, told = 0, told_stage = ''",
            (
                place.key,
                place.position,
                place.combination,
                place.attempt,
                self._json(matrix),
                time.time(),
                base,
                restarts,
            ),
        )
        self._mark(place.key, "combination-started", place.position, place.combination, None)
        more = {"matrix": matrix, "attempt": place.attempt}
        self._tell("combination-started", place.run, place.job, place.combination, None, more)

    def submitted(self, place: Place, handle: dict[str, Any]) -> None:
        self._record(
            "UPDATE combinations SET handle = ?" + statements.AT,
            (self._json(handle), place.key, place.position, place.combination, place.attempt),
        )

    def combination_ended(self, place: Place, result: CombinationResult, retried_in: float | None) -> None:
        """`retried_in`: seconds until the next attempt, None where this was the last."""
        self._record(
            statements.COMBINATION_ENDED,
            (
                result.status,
                time.time(),
                result.duration,
                self._json(result.outputs),
                self._error(result.error),
                result.reason and self._veil.text(result.reason),
                None if retried_in is None else time.time() + retried_in,
                None if result.cache is None else self._json(result.cache),
                place.key,
                place.position,
                place.combination,
                place.attempt,
            ),
        )
        if retried_in is None and result.artifacts:
            self._artifacts(place, result)
        self._mark(place.key, "combination-ended", place.position, place.combination, result.status)
        more = {
            "status": result.status,
            "matrix": result.matrix,
            "attempt": place.attempt,
            "duration_s": round(result.duration, 6),
            "error": result.error.to_json() if result.error else None,
            "retried_in_s": retried_in,
        }
        if result.cache is not None:
            more["cache"] = result.cache
        self._tell("combination-ended", place.run, place.job, place.combination, None, more)

    def _artifacts(self, place: Place, result: CombinationResult) -> None:
        from jobc.engine.storage.files import INSERT, to_rows

        for row in to_rows(result.artifacts, place.key, place.position, self._json(result.matrix)):
            self._record(INSERT, row)

    # Stages: events of the interpreter

    def stage_event(self, place: Place, event: Event) -> None:
        """An event of a host: `stage-started`, `stage-ended` or `log` (see `interpreter.api.Host`)."""
        if self._note(place, event):
            self.commit()
        self._tell_stage(place, event)

    def output(self, place: Place, events: Sequence[Event], told: tuple[int, str]) -> None:
        """Events of an attempt that runs elsewhere; with them, or not at all, it is kept how far its output was `told`."""
        if self._journal is None:
            for event in events:
                self._tell_stage(place, event)
            return
        with self._journal.together():
            is_due = False
            for event in events:
                is_due |= self._note(place, event)
            self._record(
                statements.TOLD, (*told, place.key, place.position, place.combination, place.attempt)
            )
        if is_due:
            self.commit()
        for event in events:
            self._tell_stage(place, event)

    def _note(self, place: Place, event: Event) -> bool:
        """Have an event of a stage written; True if it is time for a commit."""
        kind = event["event"]
        stage = str(event.get("stage", ""))
        if kind == "log":
            return self._log(place, stage, event)
        if kind == "stage-started":
            self._stage(place, stage, event, ended=False)
        elif kind == "stage-ended":
            self._stage(place, stage, event, ended=True)
        elif kind == "stage-decided":
            at = (place.key, place.position, place.combination, place.attempt, stage)
            self._record(statements.DECIDED, (self.seal(event["journal"]), *at))
        elif kind == "stage-retrying":
            self._retrying(place, stage, event)
        return kind in _BARRIERS

    def _tell_stage(self, place: Place, event: Event) -> None:
        kind = event["event"]
        if kind != "stage-decided":
            stage = str(event.get("stage", ""))
            more = {name: value for name, value in event.items() if name not in _ELSEWHERE}
            self._tell(kind, place.run, place.job, place.combination, stage, more, event.get("time"))

    def _stage(self, place: Place, stage: str, event: Event, *, ended: bool) -> None:
        now = time.time()
        error = event.get("error")
        reason = event.get("reason")
        self._record(
            statements.STAGE,
            (
                place.key,
                place.position,
                place.combination,
                place.attempt,
                stage,
                event.get("id"),
                self._veil.text(event.get("name") or ""),
                event.get("status") if ended else None,
                reason and self._veil.text(reason),
                event.get("attempts") or event.get("attempt") or 0,
                now,
                now if ended else None,
                event.get("duration_s"),
                self._json(event.get("outputs") or {}) if ended else None,
                self._json(error) if error else None,
                self._memory(event) if ended else None,
            ),
        )
        status = event.get("status") if ended else None
        values = (place.key, now, event["event"], place.position, place.combination, stage, status)
        self._record(statements.EVENT, values)

    def _memory(self, event: Event) -> str | None:
        memory = event.get("journal")
        return None if memory is None else self.seal(memory) or json.dumps(LIVE)

    def _retrying(self, place: Place, stage: str, event: Event) -> None:
        """An attempt at a stage has failed and another one follows; what was inside the stage is of the past."""
        at = (place.key, place.position, place.combination, place.attempt)
        until = time.time() + event["wait_s"]
        memory = self._memory(event) if event.get("journal", {}).get("changes") else None
        self._record(
            statements.RETRYING,
            (event["attempt"], until, event["wait_s"], self._json(event["error"]), memory, *at, stage),
        )
        self._record(statements.STALE_STAGES, (*at, *(stage,) * 4))
        self._record(statements.STALE_RUNS, (*at, *(stage,) * 5))

    def _log(self, place: Place, stage: str, event: Event) -> bool:
        if self._journal is None or self.failure is not None:
            return False
        text = self._veil.text(str(event.get("text", "")))
        stream = str(event.get("stream", "stdout"))
        key = (place.key, place.position, place.combination, place.attempt, stage, stream)
        read = event.get("time") or instant()
        if self._journal.log(key, text if text.endswith("\n") else text + "\n", read):
            return True
        self._on_log()
        return False


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _origin(asked: tuple[Place, str] | None) -> tuple[Any, ...]:
    """The columns `parent` to `parent_attempt` of a run."""
    if asked is None:
        return (None,) * 5
    place, stage = asked
    return place.key, stage, place.position, place.combination, place.attempt


def _asker(asked: tuple[Place, str] | None) -> dict[str, Any] | None:
    """The attempt, and the stage of it, that asked for a run."""
    if asked is None:
        return None
    place, stage = asked
    return {"job": place.job, "combination": place.combination, "attempt": place.attempt, "stage": stage}


def _first_rows(
    key: int, program: tuple[str, bytes] | None, jobs: list[tuple[int, str]]
) -> list[tuple[str, Sequence[Any]]]:
    """What enters the journal together with a run, so that there is never a run without its jobs."""
    rows: list[tuple[str, Sequence[Any]]] = [
        ("INSERT INTO jobs (run, position, id) VALUES (?, ?, ?)", (key, position, job))
        for position, job in jobs
    ]
    rows.append((statements.EVENT, (key, time.time(), "run-started", None, None, None, None)))
    if program is not None:
        rows.append(("INSERT OR IGNORE INTO programs (hash, ir) VALUES (?, ?)", program))
    return rows


def _told(result: JobResult) -> dict[str, Any]:
    return {
        "status": result.status,
        "reason": result.reason,
        "error": result.error.to_json() if result.error else None,
        "duration_s": round(result.duration, 6),
        "attempts": result.attempts,
        "outputs": result.outputs,
    }
