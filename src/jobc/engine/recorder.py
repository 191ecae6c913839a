"""Where every transition of a run goes: into the journal, then to the listener, masked on the way.

`commit` is the barrier: the scheduler calls it before it acts on what it recorded, a worker after each stage that
ended. A journal that fails does not stop work half-way: it is reported once, to the scheduler, which lets the run
come to a graceful end; nothing is written after that. The same holds of a listener that fails: a closed pipe, say.

An event is a map: `event`, `time` (ISO, UTC), `run`, `job`, `combination` (its index), `stage` (its path), each
null where it does not apply, and what the kind adds. Kinds: `run-started run-waiting job-ready job-waiting job-started
combination-started cache stage-started log stage-ended combination-ended job-ended run-cancelling run-ended`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jobc.engine import owner
from jobc.engine.journal import Journal, dumps, plain
from jobc.engine.secrets import Veil
from jobc.errors import StateError
from jobc.interpreter.api import CombinationResult, ErrorInfo

Event = Mapping[str, Any]
Listener = Callable[[Event], None]

_EVENT = "INSERT INTO events (run, time, event, job, combination, stage, status) VALUES (?, ?, ?, ?, ?, ?, ?)"
_STAGE = (
    "INSERT INTO stages (run, job, combination, attempt, stage, id, name, status, reason, attempts, started, ended,"
    " duration, outputs, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET id = excluded.id, name = excluded.name, status = excluded.status,"
    " reason = excluded.reason, attempts = excluded.attempts, ended = excluded.ended,"
    " duration = excluded.duration, outputs = excluded.outputs, error = excluded.error"
)
_RUN = (
    "INSERT INTO runs (id, parent, parent_stage, file, workflow, workflow_index, program, params, options, started,"
    " pid, pid_started, boot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


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
        self.listener_error: Exception | None = None
        self.failure: StateError | None = None

    # The barrier

    def commit(self) -> bool:
        """Make durable what was recorded; False if that failed just now."""
        if self._journal is not None:
            try:
                self._journal.flush()
            except StateError as error:
                self._fail(error)
                return False
        return True

    def _fail(self, error: StateError) -> None:
        self._journal = None
        if self.failure is None:
            self.failure = error
            self._on_failure(error)

    def _record(self, statement: str, values: tuple[Any, ...]) -> None:
        if self._journal is not None:
            self._journal.record(statement, values)

    def _json(self, value: Any) -> str:
        return dumps(value if self._veil.empty else self._veil.value(plain(value)))

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
    ) -> None:
        if self._listener is None:
            return
        message: dict[str, Any] = {
            "event": event,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
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

    def _mark(
        self, key: int, event: str, job: int | None, combination: int | None, status: str | None
    ) -> None:
        self._record(_EVENT, (key, time.time(), event, job, combination, None, status))

    # Runs

    def run_started(
        self,
        id: str,
        *,
        parent: tuple[int, str] | None,
        parent_id: str | None,
        file: str,
        workflow: str,
        workflow_index: int,
        program: tuple[str, bytes] | None,
        params: Mapping[str, Any],
        options: Mapping[str, Any],
        jobs: list[tuple[int, str]],
        needs: Mapping[str, list[str]],
        triggered_by: Place | None,
    ) -> int:
        """Enter a run; its key. `parent`: the key and stage of the run that triggered it, from `triggered_by`."""
        key = 0
        if self._journal is not None:
            try:
                if program is not None and parent is None:
                    self._record("INSERT OR IGNORE INTO programs (hash, ir) VALUES (?, ?)", program)
                key = self._journal.insert(
                    _RUN,
                    (
                        id,
                        parent[0] if parent else None,
                        parent[1] if parent else None,
                        file,
                        workflow,
                        workflow_index,
                        program[0] if program else None,
                        self._json(dict(params)),
                        self._json(dict(options)),
                        time.time(),
                        *owner.this_process(),
                    ),
                )
                for position, job in jobs:
                    self._record(
                        "INSERT INTO jobs (run, position, id) VALUES (?, ?, ?)", (key, position, job)
                    )
                self._mark(key, "run-started", None, None, None)
            except StateError as error:
                if parent is None:
                    raise
                self._fail(error)
        more: dict[str, Any] = {
            "workflow": workflow,
            "file": file,
            "parent": parent_id,
            "params": dict(params),
        }
        more |= {"jobs": [job for _, job in jobs], "needs": needs, "triggered_by": None}
        if parent is not None and triggered_by is not None:
            more["triggered_by"] = {
                "job": triggered_by.job,
                "combination": triggered_by.combination,
                "attempt": triggered_by.attempt,
                "stage": parent[1],
            }
        self._tell("run-started", id, None, None, None, more)
        return key

    def run_cancelling(self, run: str, key: int, reason: str) -> None:
        """A run was asked to end; what runs ends first."""
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

    def job_started(self, run: str, key: int, position: int, job: str, total: int) -> None:
        self._record(
            "UPDATE jobs SET started = ?, combinations = ? WHERE run = ? AND position = ?",
            (time.time(), total, key, position),
        )
        self._mark(key, "job-started", position, None, None)
        self._tell("job-started", run, job, None, None, {"combinations": total})

    def job_ended(
        self,
        run: str,
        key: int,
        position: int,
        job: str,
        *,
        status: str,
        reason: str | None,
        error: ErrorInfo | None,
        duration: float,
        attempts: int,
        outputs: dict[str, Any],
    ) -> None:
        self._record(
            "UPDATE jobs SET status = ?, reason = ?, error = ?, ended = ?, duration = ?, attempts = ?, outputs = ?"
            " WHERE run = ? AND position = ?",
            (
                status,
                reason and self._veil.text(reason),
                self._error(error),
                time.time(),
                duration,
                attempts,
                self._json(outputs),
                key,
                position,
            ),
        )
        self._mark(key, "job-ended", position, None, status)
        more = {
            "status": status,
            "reason": reason,
            "error": error.to_json() if error else None,
            "duration_s": round(duration, 6),
            "attempts": attempts,
            "outputs": outputs,
        }
        self._tell("job-ended", run, job, None, None, more)

    # Combinations

    def combination_started(self, place: Place, matrix: dict[str, Any]) -> None:
        self._record(
            "INSERT OR REPLACE INTO combinations (run, job, combination, attempt, matrix, started)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (place.key, place.position, place.combination, place.attempt, self._json(matrix), time.time()),
        )
        self._mark(place.key, "combination-started", place.position, place.combination, None)
        more = {"matrix": matrix, "attempt": place.attempt}
        self._tell("combination-started", place.run, place.job, place.combination, None, more)

    def submitted(self, place: Place, handle: dict[str, Any]) -> None:
        self._record(
            "UPDATE combinations SET handle = ? WHERE run = ? AND job = ? AND combination = ? AND attempt = ?",
            (self._json(handle), place.key, place.position, place.combination, place.attempt),
        )

    def combination_ended(self, place: Place, result: CombinationResult, retried_in: float | None) -> None:
        """`retried_in`: seconds until the next attempt, None where this was the last."""
        self._record(
            "UPDATE combinations SET status = ?, ended = ?, duration = ?, outputs = ?, error = ?, cache = ?"
            " WHERE run = ? AND job = ? AND combination = ? AND attempt = ?",
            (
                result.status,
                time.time(),
                result.duration,
                self._json(result.outputs),
                self._error(result.error),
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
        from jobc.engine.files import INSERT, to_rows

        for row in to_rows(result.artifacts, place.key, place.position, self._json(result.matrix)):
            self._record(INSERT, row)

    # Stages: events of the interpreter

    def stage_event(self, place: Place, event: Event) -> None:
        """An event of a host: `stage-started`, `stage-ended` or `log` (see `interpreter.api.Host`)."""
        kind = event["event"]
        stage = str(event.get("stage", ""))
        if kind == "log":
            self._log(place, stage, event)
        elif kind == "stage-started":
            self._stage(place, stage, event, ended=False)
        elif kind == "stage-ended":
            self._stage(place, stage, event, ended=True)
            self.commit()
        more = {name: value for name, value in event.items() if name not in ("event", "stage")}
        self._tell(kind, place.run, place.job, place.combination, stage, more)

    def _stage(self, place: Place, stage: str, event: Event, *, ended: bool) -> None:
        now = time.time()
        error = event.get("error")
        reason = event.get("reason")
        self._record(
            _STAGE,
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
            ),
        )
        status = event.get("status") if ended else None
        values = (place.key, now, event["event"], place.position, place.combination, stage, status)
        self._record(_EVENT, values)

    def _log(self, place: Place, stage: str, event: Event) -> None:
        if self._journal is None:
            return
        text = self._veil.text(str(event.get("text", "")))
        stream = str(event.get("stream", "stdout"))
        key = (place.key, place.position, place.combination, place.attempt, stage, stream)
        if self._journal.log(key, text if text.endswith("\n") else text + "\n"):
            self.commit()
        else:
            self._on_log()
