"""Tasks that run elsewhere: one environment's, from their submission to their results, told while they run.

    recall           of a job with a cache, in a thread of `Calls`: on a hit the attempt has ended, and nothing is submitted
    submit, attach   in a thread of `Calls`; the task is *ready* when that has come back
    look             what is there of the output goes through `Stream` into journal and listener; what has ended is
                     collected, once all of its output was told. One look at a task at a time: what is asked for meanwhile follows
    cancel, kill     beside the others, so that nobody has to wait to stop something

A look follows a notification, or a poll where the environment cannot notify. A call that fails for the moment is made again: a
look after `poll_seconds`, for as long as the attempt has time; a result that cannot be had, `COLLECT_TRIES` times. An
attempt's time counts from when it was first seen to run, not while it stands in a queue.

All states are changed by the scheduler's thread. Other threads call the backend and post what came of it as a message `call`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from jobc.backends.api import (
    ENDED,
    LOST,
    QUEUED,
    Backend,
    BackendError,
    JobHandle,
    JobStatus,
    Task,
    TaskLost,
)
from jobc.engine.calls import Calls
from jobc.engine.ends import ended_early, failed, submission_error
from jobc.engine.recorder import Recorder
from jobc.engine.retry import LOST as LOST_TASK
from jobc.engine.state import CombinationState, Restored
from jobc.engine.stream import Stream
from jobc.engine.timers import Timer, Timers
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.status import FAILED

if TYPE_CHECKING:
    from jobc.engine.storage.task_cache import TaskRecall

#: Further tries at a result that cannot be had for the moment.
COLLECT_TRIES = 10
#: Further tries at a cancellation, a second apart.
CANCEL_TRIES = 10
#: Pieces of output that are read in one look; the next look goes on.
PIECES = 64
#: Seconds for what is still asked for when the run has ended, and for a task to end that was left behind.
PATIENCE = 5.0

#: What a job with a cache is told in an environment without files.
NOT_CACHED = "not cached: there is no cache where this job runs"

Runs = Callable[[CombinationState, float, float], None]
End = Callable[[CombinationState, CombinationResult], None]


class RemoteTask:
    """One attempt elsewhere. `limit` is its time in seconds, `elapsed` what of it has gone by already."""

    __slots__ = (
        "again",
        "cancelled",
        "collecting",
        "combination",
        "elapsed",
        "ended",
        "events",
        "gone",
        "handle",
        "killed",
        "limit",
        "looking",
        "place",
        "ready",
        "recall",
        "runs",
        "stream",
        "task",
        "timer",
        "tries",
        "warned",
    )

    def __init__(
        self, combination: CombinationState, task: Task, limit: float, recall: TaskRecall | None
    ) -> None:
        self.combination = combination
        self.recall = recall
        self.place = combination.place
        self.task = task
        self.limit = limit
        self.elapsed = 0.0
        self.handle: JobHandle | None = None
        self.events: list[Mapping[str, Any]] = []
        self.stream = Stream(task.name, self.events.append)
        #: A submission that waits for its turn.
        self.timer: Timer | None = None
        #: Whether the backend knows it in this process.
        self.ready = False
        #: Whether it was seen to run.
        self.runs = False
        self.looking = False
        #: Whether there is more to see than the present look was asked for.
        self.again = False
        #: Whether it has ended there, and how often its result could not be had.
        self.collecting = False
        self.tries = 0
        #: What it was asked before it was ready.
        self.cancelled: tuple[str, str] | None = None
        self.killed = False
        self.warned = False
        #: Whether the environment has let go of it.
        self.ended = False
        #: Whether nobody waits for it any more.
        self.gone = False


class Elsewhere:
    """`runs(combination, limit, left)` is told when an attempt's time begins, `end` when it has ended."""

    def __init__(
        self,
        name: str,
        backend: Backend,
        recorder: Recorder,
        timers: Timers,
        inbox: SimpleQueue[tuple[str, Any]],
        runs: Runs,
        end: End,
    ) -> None:
        self._name = name
        self._backend = backend
        self._capabilities = backend.capabilities
        self._recorder = recorder
        self._timers = timers
        self._inbox = inbox
        self._runs = runs
        self._end = end
        calls = self._capabilities.calls
        self._calls = Calls(f"jobc-{name}", calls)
        self._urgent = Calls(f"jobc-{name}-end", min(calls, 2))
        self._tasks: dict[CombinationState, RemoteTask] = {}
        self._known: dict[str, RemoteTask] = {}
        self._submitting: set[RemoteTask] = set()
        self._polling = False
        #: When the next submission may be made.
        self._next = 0.0

    # What the scheduler asks for

    def submit(
        self, combination: CombinationState, task: Task, limit: float, recall: TaskRecall | None
    ) -> None:
        """Start an attempt that the cache knows no result of, as soon as the environment takes one more."""
        remote = self._tasks[combination] = RemoteTask(combination, task, limit, recall)
        if recall is None:
            self._line_up(remote)
        else:
            self._calls.do(partial(self._look_up, remote, recall))

    def attach(
        self,
        combination: CombinationState,
        task: Task,
        limit: float,
        restored: Restored,
        recall: TaskRecall | None,
    ) -> None:
        """Take over an attempt that another process submitted, and go on with its output where that one stopped."""
        remote = self._tasks[combination] = RemoteTask(combination, task, limit, recall)
        handle = remote.handle = combination.handle = restored.handle
        assert handle is not None
        offset, stage = restored.told
        remote.stream = Stream(task.name, remote.events.append, offset=offset, stage=stage)
        remote.stream.ended |= restored.told_ends
        remote.elapsed = restored.elapsed
        self._known[handle.id] = remote
        if restored.elapsed or restored.told[0]:
            self._begin_time(remote)
        self._attach(remote)

    def cancel(self, combination: CombinationState, reason: str, message: str) -> bool:
        """Ask an attempt to end; False where it was not even submitted."""
        remote = self._tasks.get(combination)
        if remote is None or remote.timer is not None:
            return False
        remote.cancelled = reason, message
        if remote.ready:
            self._ask_to_end(remote, reason, message, CANCEL_TRIES)
        return True

    def kill(self, combination: CombinationState) -> bool:
        remote = self._tasks.get(combination)
        if remote is None or remote.timer is not None:
            return False
        remote.killed = True
        if remote.ready:
            self._urgent.do(partial(self._kill, remote))
        return True

    def leave(self, combination: CombinationState) -> None:
        """The attempt is over as far as the run is concerned."""
        remote = self._tasks.pop(combination, None)
        if remote is None:
            return
        remote.gone = True
        self._timers.cancel(remote.timer)
        if remote.handle is not None:
            self._known.pop(remote.handle.id, None)
            if not remote.ended:
                self._clear_away(remote)

    def look(self, handle: JobHandle) -> None:
        """There may be something to see of a task."""
        remote = self._known.get(handle.id)
        if remote is not None and remote.ready:
            self._look(remote, None)

    def close(self) -> None:
        self._calls.close(PATIENCE)
        for remote in self._submitting:
            if remote.handle is not None and remote.gone:
                self._clear_away(remote)
        self._urgent.close(PATIENCE)
        self._backend.close()

    # The cache

    def _look_up(self, remote: RemoteTask, recall: TaskRecall) -> None:
        try:
            found = recall.look_up()
        except Exception as error:  # noqa: BLE001 - the thread has to live on
            problem = ErrorInfo("internal", f"defect of jobc: {type(error).__name__}: {error}")
            found = failed(remote.combination, problem)
        self._post_now(self._looked_up, remote, found)

    def _looked_up(self, remote: RemoteTask, found: CombinationResult | None) -> None:
        if remote.gone:
            return
        if found is None and remote.cancelled is None and not remote.killed:
            self._line_up(remote)
            return
        remote.ended = True
        self._end(remote.combination, found or ended_early(remote.combination))

    # Submitting

    def _line_up(self, remote: RemoteTask) -> None:
        wait = self._pause()
        if wait > 0:
            remote.timer = self._timers.after(wait, partial(self._send, remote))
        else:
            self._send(remote)

    def _pause(self) -> float:
        """Seconds until the next submission may be made, which then counts as made."""
        rate = self._capabilities.submissions_per_second
        if rate is None:
            return 0.0
        now = self._timers.now()
        at = max(now, self._next)
        self._next = at + 1 / rate
        return at - now

    def _send(self, remote: RemoteTask) -> None:
        remote.timer = None
        self._submitting.add(remote)
        self._calls.do(partial(self._submit, remote))

    def _submit(self, remote: RemoteTask) -> None:
        try:
            remote.handle = self._backend.submit(remote.task)
        except Exception as error:  # noqa: BLE001 - of a third party's backend; the thread has to live on
            self._post_now(self._refused, remote, self._problem(error))
        else:
            self._post_now(self._submitted, remote)

    def _refused(self, remote: RemoteTask, problem: BackendError) -> None:
        self._submitting.discard(remote)
        if not remote.gone:
            remote.ended = True
            self._end(remote.combination, failed(remote.combination, submission_error(problem)))

    def _submitted(self, remote: RemoteTask) -> None:
        self._submitting.discard(remote)
        handle = remote.handle
        assert handle is not None
        if remote.gone:
            self._clear_away(remote)
            return
        remote.combination.handle = handle
        self._known[handle.id] = remote
        if self._capabilities.reattach:
            self._recorder.submitted(remote.place, handle.to_json())
        self._is_ready(remote, self._capabilities.poll_seconds)

    def _attach(self, remote: RemoteTask) -> None:
        if not remote.gone:
            self._calls.do(partial(self._take_over, remote))

    def _take_over(self, remote: RemoteTask) -> None:
        assert remote.handle is not None
        try:
            if remote.recall is not None and remote.recall.said is None:
                remote.recall.take_over()
            self._backend.attach(remote.handle, remote.task)
        except Exception as error:  # noqa: BLE001 - as above
            self._post(self._not_attached, remote, self._problem(error))
        else:
            self._post(self._attached, remote)

    def _attached(self, remote: RemoteTask) -> None:
        if not remote.gone:
            self._is_ready(remote, 0.0)

    def _not_attached(self, remote: RemoteTask, problem: BackendError) -> None:
        if remote.gone:
            return
        if isinstance(problem, TaskLost):
            self._lost(remote, str(problem))
        elif problem.transient:
            self._warn(remote, problem)
            self._begin_time(remote)  # it may run there, and nobody is to wait for ever
            self._timers.after(self._capabilities.poll_seconds, partial(self._attach, remote))
        else:
            self._fail(remote, problem)

    def _is_ready(self, remote: RemoteTask, poll_in: float) -> None:
        remote.ready = True
        if remote.cancelled is not None:
            self._ask_to_end(remote, *remote.cancelled, CANCEL_TRIES)
        if remote.killed:
            self._urgent.do(partial(self._kill, remote))
        if self._capabilities.notifies:
            self._look(remote, None)
        elif not self._polling:
            self._polling = True
            self._timers.after(poll_in, self._poll)

    # Looking

    def _look(self, remote: RemoteTask, status: JobStatus | None) -> None:
        """`status` is what a poll has just said; None has it asked for."""
        if remote.gone or remote.ended:
            return
        if remote.looking:
            remote.again = True
            return
        remote.looking = True
        remote.again = False
        self._calls.do(partial(self._see, remote, status))

    def _see(self, remote: RemoteTask, status: JobStatus | None) -> None:
        handle = remote.handle
        assert handle is not None
        try:
            if status is None:
                status = self._backend.poll([handle])[0]
            if status.state == LOST:
                with contextlib.suppress(BackendError):
                    self._read(remote)
                    self._tell_end(remote)
                self._post(self._lost, remote, status.message)
                return
            has_more = status.state != QUEUED and self._read(remote)
            if status.state == ENDED and not has_more:
                self._tell_end(remote)
                remote.collecting = True
                result = self._backend.collect(handle)
                if remote.recall is not None and not remote.gone:
                    remote.recall.keep(result)
                self._post(self._ended, remote, result)
                return
        except Exception as error:  # noqa: BLE001 - as above
            self._post(self._troubled, remote, self._problem(error))
        else:
            self._post(self._seen, remote, status.state, has_more)

    def _read(self, remote: RemoteTask) -> bool:
        """Tell what is there of the output; True where there may be more."""
        assert remote.handle is not None
        for _ in range(PIECES):
            if remote.gone:
                return False
            data = self._backend.logs(remote.handle, remote.stream.position)
            if not data:
                return False
            remote.stream.feed(data)
            self._tell(remote)
        return True

    def _tell_end(self, remote: RemoteTask) -> None:
        remote.stream.close()
        self._tell(remote)

    def _tell(self, remote: RemoteTask) -> None:
        if remote.events:
            self._recorder.output(remote.place, remote.events, remote.stream.told)
            remote.events.clear()

    def _seen(self, remote: RemoteTask, state: str, has_more: bool) -> None:
        remote.looking = False
        if remote.gone:
            return
        if state != QUEUED:
            self._begin_time(remote)
        if has_more or remote.again:
            self._look(remote, None)
        elif state == QUEUED and self._capabilities.notifies:
            # Nothing tells that it begins; its time has to.
            self._timers.after(self._capabilities.poll_seconds, partial(self._look, remote, None))

    def _begin_time(self, remote: RemoteTask) -> None:
        if not remote.runs:
            remote.runs = True
            self._runs(remote.combination, remote.limit, max(0.0, remote.limit - remote.elapsed))

    def _poll(self) -> None:
        asked = [remote for remote in self._known.values() if remote.ready and not remote.looking]
        if asked:
            self._calls.do(partial(self._ask, asked))
        else:
            self._poll_again()

    def _poll_again(self) -> None:
        self._polling = bool(self._known)
        if self._polling:
            self._timers.after(self._capabilities.poll_seconds, self._poll)

    def _ask(self, asked: Sequence[RemoteTask]) -> None:
        try:
            handles = [remote.handle for remote in asked if remote.handle is not None]
            self._post(self._polled, asked, self._backend.poll(handles))
        except Exception as error:  # noqa: BLE001 - as above
            self._post(self._not_polled, asked, self._problem(error))

    def _polled(self, asked: Sequence[RemoteTask], statuses: Sequence[JobStatus]) -> None:
        for remote, status in zip(asked, statuses):
            if status.state != QUEUED:
                self._look(remote, status)
        self._poll_again()

    def _not_polled(self, asked: Sequence[RemoteTask], problem: BackendError) -> None:
        for remote in asked:
            if not remote.gone:
                self._trouble(remote, problem)
        self._poll_again()

    def _troubled(self, remote: RemoteTask, problem: BackendError) -> None:
        remote.looking = False
        if remote.gone:
            return
        if isinstance(problem, TaskLost):
            self._lost(remote, str(problem))
            return
        remote.tries += remote.collecting
        if remote.tries > COLLECT_TRIES:
            self._fail(remote, problem)
            return
        self._trouble(remote, problem)
        if self._capabilities.notifies:
            self._timers.after(self._capabilities.poll_seconds, partial(self._look, remote, None))

    def _trouble(self, remote: RemoteTask, problem: BackendError) -> None:
        if problem.transient:
            self._warn(remote, problem)
        else:
            self._fail(remote, problem)

    def _warn(self, remote: RemoteTask, problem: BackendError) -> None:
        if not remote.warned:
            remote.warned = True
            text = f"warning: {problem}; asking again"
            event = {"event": "log", "stage": "", "stream": "stderr", "text": text}
            self._recorder.stage_event(remote.place, event)

    # Ends

    def _ended(self, remote: RemoteTask, result: CombinationResult) -> None:
        remote.ended = True
        if remote.gone:
            return
        if remote.recall is not None:
            result.cache = remote.recall.said
        elif remote.combination.job.job.cache is not None and not self._capabilities.files:
            result.cache = {"hit": False, "reason": NOT_CACHED, "from_run": None}
            self._recorder.stage_event(remote.place, {"event": "cache", "stage": "", **result.cache})
        for stage in result.stages:
            if stage.path not in remote.stream.ended:
                is_named = stage.path.rpartition(".")[2] == stage.id and not stage.id.isdigit()
                told = {**stage.to_json(), "id": stage.id if is_named else None}
                event = {"event": "stage-ended", "stage": stage.path, **told}
                self._recorder.stage_event(remote.place, event)
        if remote.killed and result.status == FAILED:
            result = ended_early(
                remote.combination
            )  # what it says of its end is what the kill looked like there
        self._end(remote.combination, result)

    def _lost(self, remote: RemoteTask, message: str) -> None:
        remote.ended = True
        if not remote.gone:
            self._end(remote.combination, failed(remote.combination, ErrorInfo(LOST_TASK, message)))

    def _fail(self, remote: RemoteTask, problem: BackendError) -> None:
        self._end(remote.combination, failed(remote.combination, ErrorInfo("backend", str(problem))))

    def _ask_to_end(self, remote: RemoteTask, reason: str, message: str, tries: int) -> None:
        if not remote.gone and not remote.ended:
            self._urgent.do(partial(self._cancel, remote, reason, message, tries))

    def _cancel(self, remote: RemoteTask, reason: str, message: str, tries: int) -> None:
        assert remote.handle is not None
        try:
            self._backend.cancel(remote.handle, reason, message)
        except Exception as error:  # noqa: BLE001 - what cannot be asked is killed in the end, or left behind
            if self._problem(error).transient and tries > 0:
                again = partial(self._ask_to_end, remote, reason, message, tries - 1)
                self._post(self._timers.after, 1.0, again)

    def _kill(self, remote: RemoteTask) -> None:
        assert remote.handle is not None
        with contextlib.suppress(Exception):
            self._backend.kill(remote.handle)

    def _clear_away(self, remote: RemoteTask) -> None:
        """Leave nothing of a task that nobody waits for."""
        if not self._calls.inline:
            self._urgent.do(partial(self._remove, remote))

    def _remove(self, remote: RemoteTask) -> None:
        handle = remote.handle
        assert handle is not None
        self._kill(remote)
        until = time.monotonic() + PATIENCE
        with contextlib.suppress(Exception):
            while time.monotonic() < until:
                state = self._backend.poll([handle])[0].state
                if state == ENDED:
                    self._backend.collect(handle)
                if state in (ENDED, LOST):
                    return
                time.sleep(0.1)

    # Messages

    def _post(self, then: Callable[..., Any], *what: Any) -> None:
        self._inbox.put(("call", partial(then, *what)))

    def _post_now(self, then: Callable[..., Any], *what: Any) -> None:
        """As `_post`; at once where this is the scheduler's thread."""
        if self._calls.inline:
            then(*what)
        else:
            self._post(then, *what)

    def _problem(self, error: Exception) -> BackendError:
        if isinstance(error, BackendError):
            return error
        return BackendError(f"defect of the environment `{self._name}`: {type(error).__name__}: {error}")
