"""Hooks: commands and webhooks that are told what happens in a run.

A hook names the events that it wants, and may have a condition on their fields. The scheduler's thread does nothing but put
an event into a queue; each hook has a thread of its own that delivers one after the other, so a slow receiver holds up
neither the run nor other hooks. At most `MAX_WAITING` events wait; what comes beyond is counted as failed.

When the run has ended, `close` waits for deliveries that go on, then gives them up. Nothing that happens to a hook
changes the run: it is in the journal (table `hooks`), in `failures`, and in `jobc runs show`.

Events arrive masked (`engine.recorder`). What a hook itself holds, such as tokens in its headers, is masked in what is
told of its failures.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from queue import SimpleQueue
from typing import Any, Protocol

from jobc.engine.journal.journal import Journal
from jobc.engine.observers.hook_delivery import LONGEST_WAIT, DeliveryFailed
from jobc.engine.recorder import Event
from jobc.errors import StateError

#: Events that may wait for one hook.
MAX_WAITING = 1000
#: Lines of log that are told with a failed job.
TAIL = 10
#: Failed jobs that a payload lists.
MAX_FAILURES = 20
#: The longest that the end of a run waits for deliveries, in seconds.
CLOSE_SECONDS = 30.0

VERSION = 1

_INSERT = (
    "INSERT INTO hooks (run, hook, event, job, attempts, time, duration, problem)"
    " SELECT run, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE id = ?"
)


class Target(Protocol):
    def deliver(self, payload: bytes, key: str, facts: Mapping[str, str], timeout: float) -> None: ...
    def stop(self) -> None: ...


class Hook:
    """`when` answers whether an event is wanted, and raises ValueError where it cannot. `mask` hides what is secret.

    `timeout`, `backoff` in seconds; `retries` are further attempts. `triggered`: events of runs that the run triggers, too.
    """

    __slots__ = ("backoff", "body", "mask", "name", "on", "retries", "target", "timeout", "triggered", "when")

    def __init__(
        self,
        name: str,
        on: frozenset[str],
        target: Target,
        *,
        body: Callable[[dict[str, Any]], Any] = lambda payload: payload,
        when: Callable[[dict[str, Any]], bool] = lambda fields: True,
        mask: Callable[[str], str] = lambda text: text,
        timeout: float = 10.0,
        retries: int = 3,
        backoff: float = 1.0,
        triggered: bool = False,
    ) -> None:
        self.name = name
        self.on = on
        self.target = target
        self.body = body
        self.when = when
        self.mask = mask
        self.timeout = timeout
        self.retries = retries
        self.backoff = backoff
        self.triggered = triggered


class HookFailure:
    """A delivery that failed for good."""

    __slots__ = ("attempts", "event", "hook", "message")

    def __init__(self, hook: str, event: str, attempts: int, message: str) -> None:
        self.hook = hook
        self.event = event
        self.attempts = attempts
        self.message = message


#: Waits until something is so, at most so many seconds; that something may have changed is told by `wake`.
Wait = Callable[[Callable[[], bool], float], None]


class Hooks:
    """Takes the events of one run (`take`), until `close`. `wake` is called when a hook is through."""

    def __init__(self, hooks: list[Hook], journal: Journal | None, wake: Callable[[], None]) -> None:
        self._workers = [_Worker(hook, journal, wake) for hook in hooks]
        self._story = _Story()

    def take(self, event: Event) -> None:
        """Never blocks, never raises."""
        self._story.take(event)
        for worker in self._workers:
            hook = worker.hook
            if event["event"] not in hook.on or (self._story.is_nested(event) and not hook.triggered):
                continue
            try:
                if hook.when(self._story.fields(event)):
                    worker.put(event, self._story.payload(event, hook.name))
            except ValueError as problem:
                worker.fail(event, 0, 0.0, f"its condition cannot be judged: {problem}")

    def close(self, wait: Wait) -> None:
        """Wait for deliveries, then give up those that go on."""
        for worker in self._workers:
            worker.finish()
        try:
            wait(lambda: not any(self.waiting), CLOSE_SECONDS)
        finally:
            for worker in self._workers:
                worker.give_up()

    @property
    def waiting(self) -> Iterator[tuple[str, int]]:
        """The hooks that are not through, and how many deliveries each has before it."""
        return ((worker.hook.name, worker.open) for worker in self._workers if not worker.through)

    @property
    def failures(self) -> list[HookFailure]:
        return [failure for worker in self._workers for failure in worker.failures]


class _Worker:
    """The queue and the thread of one hook; the thread begins with the first event."""

    def __init__(self, hook: Hook, journal: Journal | None, wake: Callable[[], None]) -> None:
        self.hook = hook
        self._wake = wake
        self.failures: list[HookFailure] = []
        self._journal = journal
        self._queue: SimpleQueue[tuple[Event, dict[str, Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        #: Set when the thread is through.
        self._through = threading.Event()
        self._lock = threading.Lock()
        #: Events taken and neither delivered nor failed.
        self._open: deque[Event] = deque()

    def put(self, event: Event, payload: dict[str, Any]) -> None:
        if len(self._open) >= MAX_WAITING:
            self.fail(event, 0, 0.0, f"more than {MAX_WAITING} events waited for it")
            return
        self._open.append(event)
        self._queue.put((event, payload))
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=f"jobc-hook-{self.hook.name}", daemon=True
            )
            self._thread.start()

    def finish(self) -> None:
        """No further event comes."""
        self._queue.put(None)

    @property
    def through(self) -> bool:
        return self._thread is None or self._through.is_set()

    @property
    def open(self) -> int:
        return len(self._open)

    def give_up(self) -> None:
        """Fail what is still open."""
        if self.through:
            return
        self._stop.set()
        with self._lock:
            left, self._open = list(self._open), deque()
        self.hook.target.stop()
        for event in left:
            self.fail(event, 1, 0.0, "it was given up, as the run had ended")
        self._through.wait(1.0)

    def fail(self, event: Event, attempts: int, duration: float, message: str) -> None:
        message = self.hook.mask(message)
        self.failures.append(HookFailure(self.hook.name, event["event"], attempts, message))
        self._record(event, attempts, duration, message)

    def _work(self) -> None:
        try:
            self._serve()
        finally:
            self._through.set()
            self._wake()

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None and not self._stop.is_set():
            event, payload = item
            began = time.monotonic()
            attempts, problem = self._deliver(event, payload)
            with self._lock:
                if self._stop.is_set():
                    return  # it was failed from outside
                self._open.popleft()
            duration = time.monotonic() - began
            if problem is None:
                self._record(event, attempts, duration, None)
            else:
                self.fail(event, attempts, duration, problem)

    def _deliver(self, event: Event, payload: dict[str, Any]) -> tuple[int, str | None]:
        """The number of attempts, and why the last failed."""
        hook, key = self.hook, payload["key"]
        data = json.dumps(hook.body(payload), ensure_ascii=False).encode("utf-8", "backslashreplace")
        facts = {
            "JOBC_EVENT": event["event"],
            "JOBC_RUN_ID": event["run"],
            "JOBC_JOB": event["job"] or "",
            "JOBC_STATUS": str(event.get("status") or ""),
        }
        attempt = 1
        while True:
            try:
                hook.target.deliver(data, key, facts, hook.timeout)
                return attempt, None
            except DeliveryFailed as problem:
                if problem.final or attempt > hook.retries or self._stop.is_set():
                    return attempt, str(problem)
                wait = max(problem.wait, min(LONGEST_WAIT, hook.backoff * 2 ** (attempt - 1)))
            except Exception as error:  # noqa: BLE001 - a defect here must not stay unseen, nor end anything
                return attempt, f"{type(error).__name__}: {error}"
            if self._stop.wait(wait):
                return attempt, "it was given up, as the run had ended"
            attempt += 1

    def _record(self, event: Event, attempts: int, duration: float, problem: str | None) -> None:
        if self._journal is None:
            return
        values = (
            self.hook.name,
            event["event"],
            event["job"],
            attempts,
            time.time(),
            duration,
            problem,
            event["run"],
        )
        try:
            self._journal.record(_INSERT, values)
            self._journal.flush()
        except StateError:
            self._journal = None  # the engine's own writes say it


class _Story:
    """What was told of the run so far, as far as payloads need it."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Any]] = {}
        self._failures: dict[str, list[dict[str, Any]]] = {}
        #: How many lines there were: those that are read at once have one time.
        self._lines = 0
        #: The last lines of combinations that run.
        self._tails: dict[tuple[str, str, int], deque[str]] = {}
        #: Of a job that goes on: the first combination that failed, and its last lines.
        self._kept: dict[tuple[str, str], tuple[dict[str, Any], list[str]]] = {}

    def take(self, event: Event) -> None:
        kind, run, job = event["event"], event["run"], event["job"]
        if kind == "run-started":
            self._runs[run] = {
                "id": run,
                "workflow": event["workflow"],
                "file": event["file"],
                "parent": event["parent"],
                "params": event["params"],
                "status": "running",
            }
            self._failures[run] = []
        elif kind == "run-ended":
            self._runs[run]["status"] = event["status"]
        elif kind == "log":
            self._lines += 1
            place = (run, job, event["combination"])
            self._tails.setdefault(place, deque(maxlen=TAIL)).append(event["text"])
        elif kind == "combination-ended":
            tail = self._tails.pop((run, job, event["combination"]), ())
            if event["status"] == "failed" and event["retried_in_s"] is None:
                self._kept.setdefault((run, job), (event["matrix"], list(tail)))
        elif kind == "job-ended":
            matrix, lines = self._kept.pop((run, job), ({}, []))
            if event["status"] == "failed" and len(self._failures[run]) < MAX_FAILURES:
                failure = {"job": job, "matrix": matrix, "reason": event["reason"], "log": lines}
                self._failures[run].append(failure)

    def is_nested(self, event: Event) -> bool:
        """Whether a run that another one of these triggered tells it."""
        parent = self._runs[event["run"]]["parent"]
        return parent is not None and parent in self._runs

    def fields(self, event: Event) -> dict[str, Any]:
        """What a condition sees: the event's own fields over the run's."""
        run = self._runs[event["run"]]
        return {
            "workflow": run["workflow"],
            "file": run["file"],
            "params": run["params"],
            "failures": len(self._failures[event["run"]]),
            **event,
        }

    def payload(self, event: Event, hook: str) -> dict[str, Any]:
        run = event["run"]
        place = [event[name] for name in ("event", "time", "run", "job", "combination", "stage")]
        line = self._lines if event["event"] == "log" else None
        key = hashlib.sha256(json.dumps([hook, *place, event.get("attempt"), line]).encode()).hexdigest()[:32]
        return {
            "version": VERSION,
            "key": key,
            "hook": hook,
            "event": dict(event),
            "run": dict(self._runs[run]),
            "failures": list(self._failures[run]),
        }


def slack(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as a message of Slack (and of what takes its form: Mattermost, Rocket.Chat, Discord's `/slack`)."""
    event, run = payload["event"], payload["run"]
    status = str(event.get("status") or event["event"])
    mark = {"success": "✅", "failed": "❌", "cancel": "⚠️", "skip": "⏭️"}.get(status, "ℹ️")
    what = f"*{_plain(run['workflow'])}*" + (f" › {_plain(event['job'])}" if event["job"] else "")
    word = {"cancel": "cancelled", "skip": "skipped", "success": "succeeded"}.get(status, status)
    took = f" after {event['duration_s']:.1f} s" if isinstance(event.get("duration_s"), (int, float)) else ""
    lines = [f"{mark} {what} {word}{took} (run `{_plain(run['id'])}`)"]
    if event.get("reason") and not payload["failures"]:
        lines.append(_plain(str(event["reason"])))
    for failure in payload["failures"]:
        lines.append(f"• `{_plain(failure['job'])}`: {_plain(failure['reason'] or '')}")
    if payload["failures"] and payload["failures"][0]["log"]:
        fenced = _plain("\n".join(payload["failures"][0]["log"])).replace("```", "'''")
        lines.append(f"```{fenced}```")
    return {"text": "\n".join(lines)}


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
