"""The scheduler: one loop, fed by a queue.

Everything that happens to a run arrives in the inbox as a message: a task has ended, a `trigger` stage asks for a
run, somebody cancels. The loop takes what is there, changes states, settles jobs that became decidable, fills free
slots, and sleeps until the next message or the next deadline. No thread waits for a job, and nothing is polled
that can notify.

    settle   a job whose needs have all ended is judged: rule, condition, concurrency group, matrix. Ending
             one makes others decidable; they go through a work list, so a chain of skips costs no recursion.
    fill     jobs with combinations to start stand in a ring (`engine.ring`), and take turns. Matrices are expanded
             one combination at a time.
    commit   all that a turn decided is made durable by one commit; only then the tasks are submitted.

Nested runs (`engine.nested`) live in the same loop. A combination that waits for one lends it its slot and takes one
again before it goes on, so the bound on combinations at once holds over the whole tree and cannot deadlock.

A run whose workflow has a concurrency group begins when it is in it; its time is counted from then.

Statuses depend on results alone, never on the order in which they arrive: a rule is judged when every need is
terminal, and cancellation is the one thing that time decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from jobc.backends.api import BackendError, JobHandle
from jobc.engine.combine import end_of_job, end_of_run
from jobc.engine.ends import ended_early, failed, interrupted, submission_error, with_remedy
from jobc.engine.judge import Failure, Judge, expansion
from jobc.engine.machine import Machine
from jobc.engine.nested import NestedRuns, Start
from jobc.engine.options import Options
from jobc.engine.recorder import Recorder
from jobc.engine.result import JobResult
from jobc.engine.retry import LOST, next_attempt
from jobc.engine.ring import Ring
from jobc.engine.sharing.groups import Group, Groups, Moves
from jobc.engine.slots import Slots
from jobc.engine.state import (
    ENDED,
    OPEN,
    QUEUED,
    WAITING,
    CombinationState,
    JobState,
    Restored,
    RunState,
)
from jobc.engine.tasks import Tasks
from jobc.engine.timers import Timers
from jobc.errors import StateError
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.interpreter.stages.runner import CLEANUP
from jobc.ir.program import Program
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS

#: Seconds that a task has to end after it was killed; then it is left behind.
ABANDON = 5.0
#: Why a combination was cancelled.
FAIL_FAST = "another combination failed (fail-fast)"
#: How long log text may wait for its commit, in seconds.
LOG_DELAY = 0.5


class Scheduler:
    """Runs one run to its end, with all that it triggers. `start` makes the state of a triggered run."""

    def __init__(
        self, program: Program, options: Options, judge: Judge, recorder: Recorder, slots: int, start: Start
    ) -> None:
        self._options = options
        self._judge = judge
        self._recorder = recorder
        self._inbox = options.control.inbox
        self._clock = options.clock
        self._timers = Timers(self._clock)
        self._decidable: deque[JobState] = deque()
        self._admitted: deque[JobState] = deque()
        self._machine = Machine(options, self._inbox)
        self._room = self._machine.room
        self._slots = Slots(slots, self._room)
        self._tasks = Tasks(
            program,
            options,
            judge,
            recorder,
            self._timers,
            self._room,
            self._inbox,
            self._limit,
            self._finish,
        )
        self._ring = Ring(self._tasks, self._room)
        self._groups = Groups(options.groups, lambda: self._inbox.put(("groups", None)))
        self._nested = NestedRuns(
            recorder, self._slots, start, self._open_run, self._cancel_run, self._kill_run
        )
        self._log_waits = False
        self._finished = 0
        self._on: dict[str, Callable[[Any], None]] = {
            "ended": lambda ended: self._task_ended(*ended),
            "look": lambda seen: self._tasks.look(*seen),
            "call": lambda then: then(),
            "groups": lambda _: self._look_at_groups(),
            "room": lambda _: self._machine.look(),
            "trigger": self._nested.triggered,
            "trigger-cancel": self._nested.cancelled,
            "wake": lambda _: None,
            "cancel": lambda message: self._cancel_run(self._root, "cancel", message),
            "kill": lambda _: self._kill_run(self._root),
            "journal": self._journal_failed,
            "log": lambda _: self._log_arrived(),
        }

    def run(self, root: RunState) -> None:
        """Run to the end; the result is in `root.result`."""
        self._root = root
        try:
            self._open_run(root)
            self._take_what_is_there()
            while True:
                self._settle()
                if root.pending == 0:
                    break
                finished = self._finished
                self._fill()
                if self._finished != finished:
                    continue
                self._recorder.commit()
                self._take_messages()
                self._timers.fire()
        except BaseException:
            self._tasks.kill_here()
            raise
        finally:
            self._groups.close()
            self._machine.close()
            self._tasks.close()

    def _take_messages(self) -> None:
        message = self._clock.take(self._inbox, self._timers.due())
        if message is not None:
            self._on[message[0]](message[1])
            self._take_what_is_there()

    def _take_what_is_there(self) -> None:
        """Handle what has come; what comes too late for the run stays there (`Control.unread`)."""
        while self._root.pending and not self._inbox.empty():
            kind, payload = self._inbox.get()
            self._on[kind](payload)

    # Runs

    def _open_run(self, run: RunState) -> None:
        run.started = self._clock.now() - run.active
        if run.group is None:
            self._begin_run(run)
            return
        try:
            self._move(self._groups.enter(run, run.group))
        except StateError as error:
            self._cancel_run(run, "cancel", with_remedy(error))
            return
        if not run.begun and run.cancelled is None:
            self._recorder.waiting(run.id, run.key, None, None, self._groups.wait_words(run))

    def _begin_run(self, run: RunState) -> None:
        run.begun = True
        if run.timeout is not None:
            run.deadline = self._timers.after(run.timeout, partial(self._run_timed_out, run, run.timeout))
        for state in run.jobs:
            if state.phase == OPEN:
                self._go_on(state)
        for state in sorted(run.jobs, key=lambda each: each.queued):
            if state.waiting == 0 and state.phase == WAITING:
                self._decidable.append(state)
        if run.pending == 0 and not run.result.status:
            self._close_run(run)

    def _close_run(self, run: RunState) -> None:
        self._timers.cancel(run.deadline)
        run.result.duration = self._clock.now() - run.started
        end_of_run(run, self._judge)
        result = run.result
        self._recorder.run_ended(
            run.id, run.key, result.status, result.reason, result.duration, result.outputs
        )
        self._leave_group(run)
        self._nested.report(run)

    def _run_timed_out(self, run: RunState, limit: float) -> None:
        run.result.timed_out = True
        self._cancel_run(run, "timeout", f"the run's time of {limit:g} s was over")

    def _cancel_run(self, run: RunState, reason: str, message: str) -> None:
        """Start nothing more but clean-up jobs; end what runs, clean-up that has begun excepted."""
        if run.cancelled is not None:
            return
        run.cancelled = (reason, message)
        self._recorder.run_cancelling(run.id, run.key, message)
        for state in run.jobs:
            cleans_up = state.job.rule == "all_done" and (state.needs or state.phase != OPEN)
            if state.phase != ENDED and not (run.begun and cleans_up):
                self._stop_job(state, reason, message)

    def _kill_run(self, run: RunState) -> None:
        if run.killed:
            return
        run.cancelled = run.cancelled or ("cancel", "killed")
        run.killed = True
        for child in self._nested.of(run):
            self._kill_run(child)
        for state in run.jobs:
            if state.phase != ENDED:
                self._stop_job(state, "cancel", "killed")
                for combination in sorted(state.running, key=lambda each: each.index):
                    self._kill(combination)

    def _journal_failed(self, error: StateError) -> None:
        for run in [self._root, *self._nested.runs]:
            self._drain(run, str(error))

    def _drain(self, run: RunState, message: str) -> None:
        """Start nothing more but clean-up jobs; let what runs come to its own end."""
        if run.cancelled is not None:
            return
        run.cancelled = ("cancel", message)
        self._recorder.run_cancelling(run.id, run.key, message)
        for state in run.jobs:
            if state.phase == ENDED or state.job.rule == "all_done":
                continue
            self._close_job(state, "cancel", message)
            self._see_end(state)

    def _log_arrived(self) -> None:
        if not self._log_waits:
            self._log_waits = True
            self._timers.after(LOG_DELAY, self._log_due)

    def _log_due(self) -> None:
        self._log_waits = False
        self._recorder.commit()

    # Jobs

    def _settle(self) -> None:
        while self._decidable or self._admitted:
            while self._admitted:
                state = self._admitted.popleft()
                if state.phase == QUEUED and state.total:
                    self._take_up(state)
                elif state.phase == QUEUED:
                    self._open_job(state)
            if self._decidable:
                self._decide(self._decidable.popleft())

    def _decide(self, state: JobState) -> None:
        if state.phase != WAITING:
            return
        run = state.run
        state.started = self._clock.now()
        self._recorder.job_ready(run.id, run.key, state.position, state.job.id)
        try:
            was_decided = "group" in state.plan and run.cancelled is None
            status, reason = (SUCCESS, None) if was_decided else self._judge.verdict(state)
            if status != SUCCESS:
                self._end_job(state, status, reason)
                return
            if state.job.concurrency is None:
                self._open_job(state)
                return
            group = self._group(state)
        except Failure as failure:
            self._fail_job(state, failure)
            return
        state.plan["group"] = [group.name, group.limit, group.displaces]
        self._recorder.job_queued(run.key, state.position, state.plan)
        self._queue(state, group)

    def _group(self, state: JobState) -> Group:
        """The job's concurrency group, as it was decided when the job came to it first. Raises Failure."""
        if "group" in state.plan:
            return Group(*state.plan["group"])
        group = self._judge.group(state.job.concurrency, self._judge.of_job(state))
        assert group is not None
        return group

    def _queue(self, state: JobState, group: Group) -> None:
        """Let a job go on when it is in its concurrency group."""
        state.phase = QUEUED
        try:
            moves = self._groups.enter(state, group)
        except StateError as error:
            words = with_remedy(error)
            self._end_job(state, FAILED, words, ErrorInfo("backend", words))
            return
        self._move(moves)
        if state.phase == QUEUED and self._groups.waits(state):
            words = self._groups.wait_words(state)
            self._recorder.waiting(state.run.id, state.run.key, state.position, state.job.id, words)

    def _move(self, moves: Moves) -> None:
        """Act on what changed in the concurrency groups."""
        for holder, why in moves.displaced:
            if isinstance(holder, RunState):
                self._cancel_run(holder, "cancel", why)
            else:
                self._stop_job(holder, "cancel", why)
        for holder in moves.admitted:
            if isinstance(holder, RunState):
                if not holder.begun and holder.cancelled is None:
                    self._begin_run(holder)
            else:
                self._admitted.append(holder)

    def _leave_group(self, holder: JobState | RunState) -> None:
        try:
            self._move(self._groups.leave(holder))
        except StateError as error:
            self._journal_failed(error)

    def _look_at_groups(self) -> None:
        try:
            self._move(self._groups.look())
        except StateError as error:
            self._journal_failed(error)

    def _open_job(self, state: JobState) -> None:
        try:
            state.plan.update(self._judge.strategy(state))
            if (
                self._options.index is not None
                and state.run is self._root
                and state.job.id == self._options.job
            ):
                state.plan.update(self._judge.single(state, self._options.index))
        except Failure as failure:
            self._fail_job(state, failure)
            return
        state.matrices, state.total, state.max_parallel, state.fail_fast = expansion(state.plan)
        state.phase = OPEN
        run = state.run
        if state.total == 0:
            self._end_job(state, SKIP, "the matrix has no combinations")
            return
        self._recorder.job_started(run.id, run.key, state.position, state.job.id, state.total, state.plan)
        self._ring.add(state)

    def _go_on(self, state: JobState) -> None:
        """Take up a job that an earlier engine began, once it is in its concurrency group again."""
        if "group" in state.plan:
            self._queue(state, Group(*state.plan["group"]))
        else:
            self._take_up(state)

    def _take_up(self, state: JobState) -> None:
        state.phase = OPEN
        restored, state.restored = state.restored, []
        for each in restored:
            combination = each.combination
            if each.wait is not None:
                again = partial(self._retry, combination)
                state.retrying[combination] = self._timers.after(each.wait, again)
            elif each.submitted and self._tasks.reattaches(combination):
                self._attach(combination, each)
            elif each.submitted and combination.restarts >= self._options.max_interruptions:
                self._give_up(combination)
            else:
                combination.restarts += each.submitted
                state.retries.append(combination)
        if state.fail_fast and any(result.status == FAILED for result in state.results.ended()):
            self._stop_job(state, "cancel", FAIL_FAST)
        else:
            self._see_end(state)

    def _attach(self, combination: CombinationState, restored: Restored) -> None:
        """Take up an attempt where it runs; one whose submission was not recorded is submitted, which is idempotent."""
        if restored.handle is None:
            combination.job.retries.append(combination)
            return
        self._start(combination)
        try:
            self._tasks.attach(combination, restored)
        except (Failure, BackendError) as problem:
            self._finish(combination, failed(combination, submission_error(problem)))

    def _limit(self, combination: CombinationState, limit: float, left: float) -> None:
        over = partial(self._cancel, combination, "timeout", f"the job's time of {limit:g} s was over")
        combination.deadline = self._timers.after(left, over)

    def _give_up(self, combination: CombinationState) -> None:
        result = failed(combination, interrupted(combination))
        combination.attempt += 1
        self._recorder.combination_ended(combination.place, result, None)
        combination.ended = True
        combination.job.results.put(combination.index, result)

    def _stop_job(self, state: JobState, reason: str, message: str) -> None:
        """Start no further combination, and ask those that run to end; the rest is CANCEL."""
        self._close_job(state, reason, message)
        for combination in sorted(state.running, key=lambda each: each.index):
            self._cancel(combination, reason, message)
        self._see_end(state)

    def _close_job(self, state: JobState, reason: str, message: str) -> None:
        """Start no further combination."""
        if state.phase in (WAITING, QUEUED):
            self._end_job(state, CANCEL, message)
            return
        if state.stopped is None:
            state.stopped = message
        for combination in [*state.retries, *state.retrying]:
            self._timers.cancel(state.retrying.pop(combination, None))
            combination.cancelled = (reason, message)
            combination.ended = True
            state.results.put(combination.index, ended_early(combination))
        state.retries.clear()

    def _see_end(self, state: JobState) -> None:
        if state.phase == OPEN:
            if state.exhausted:
                self._end_job(state, None, None)
            else:
                self._ring.add(state)

    def _fail_job(self, state: JobState, failure: Failure) -> None:
        error = failure.error
        place = f"{error.path}:{error.line}: " if error.path else ""
        self._end_job(state, FAILED, place + error.message, error)

    def _end_job(
        self, state: JobState, status: str | None, reason: str | None, error: ErrorInfo | None = None
    ) -> None:
        """End a job; its combinations say how where `status` is None."""
        run = state.run
        result = JobResult(status or "")
        result.reason = reason
        result.error = error
        result.duration = self._clock.now() - state.started if state.started else 0.0
        end_of_job(state, result)
        state.phase = ENDED
        self._recorder.job_ended(run.id, run.key, state.position, state.job.id, result)
        self._room.forget(state)
        if state.job.concurrency is not None:
            self._leave_group(state)
        for need in state.needs:
            need.open_dependents -= 1
            if need.open_dependents == 0:
                need.forget_view()
        for dependent in state.dependents:
            dependent.waiting -= 1
            if dependent.waiting == 0 and dependent.phase == WAITING:
                self._decidable.append(dependent)
        run.pending -= 1
        if run.pending == 0:
            self._close_run(run)

    # Combinations

    def _fill(self) -> None:
        """Give free slots away, then commit, then act."""
        granted = self._nested.granted()
        begun: list[CombinationState] = []
        if self._slots.free > 0:
            self._ring.turn()
        while self._slots.free > 0 and (state := self._ring.next()) is not None:
            begun.append(self._begin(state))
            self._ring.add(state)
        for state, words in self._machine.waiting():
            self._recorder.waiting(state.run.id, state.run.key, state.position, state.job.id, words)
        if not granted and not begun:
            return
        self._recorder.commit()
        broken = self._recorder.failure
        if broken is not None:
            self._journal_failed(broken)
        for ticket in granted:
            ticket.done.set()
        for combination in begun:
            if combination.ended or combination.cancelled is not None:
                continue
            if broken is not None and combination.job.job.rule != "all_done":
                self._cancel(combination, "cancel", str(broken))
            else:
                self._submit(combination)

    def _begin(self, state: JobState) -> CombinationState:
        combination = state.start_next()
        self._start(combination)
        self._recorder.combination_started(
            combination.place, combination.matrix, combination.base, combination.restarts
        )
        return combination

    def _start(self, combination: CombinationState) -> None:
        """Count the next attempt in; `_leave` counts it out."""
        state = combination.job
        combination.attempt += 1
        combination.started = self._clock.now()
        state.attempts = max(state.attempts, combination.attempt)
        state.running.add(combination)
        state.run.running += 1
        self._tasks.begin(combination)
        self._slots.take(combination)

    def _leave(self, combination: CombinationState) -> None:
        state = combination.job
        self._timers.cancel(combination.deadline)
        self._timers.cancel(combination.abandon)
        state.running.discard(combination)
        state.run.running -= 1
        self._tasks.end(combination)
        if not combination.lent:
            self._slots.give(combination)

    def _submit(self, combination: CombinationState) -> None:
        try:
            self._tasks.submit(combination)
        except (Failure, BackendError) as problem:
            self._finish(combination, failed(combination, submission_error(problem)))

    def _task_ended(self, name: str, handle: JobHandle) -> None:
        found = self._tasks.collect(name, handle)
        if found is not None:
            self._finish(*found)

    def _cancel(self, combination: CombinationState, reason: str, message: str) -> None:
        if combination.cancelled is not None or combination.ended:
            return
        combination.cancelled = (reason, message)
        if not self._tasks.cancel(combination, reason, message):
            # It was begun in this very turn, and is not submitted any more.
            self._finish(combination, ended_early(combination))
            return
        wait = self._options.grace + CLEANUP
        combination.abandon = self._timers.after(wait, partial(self._kill, combination))

    def _kill(self, combination: CombinationState) -> None:
        if self._tasks.kill(combination):
            self._timers.cancel(combination.abandon)
            combination.abandon = self._timers.after(ABANDON, partial(self._leave_behind, combination))

    def _leave_behind(self, combination: CombinationState) -> None:
        if combination.lent:
            self._kill(combination)
            return
        result = ended_early(combination)
        if result.error is not None:
            result.error.message += "; it did not stop and was left behind"
        self._finish(combination, result)

    def _finish(self, combination: CombinationState, result: CombinationResult) -> None:
        state = combination.job
        if combination not in state.running:
            return  # left behind, and late
        self._finished += 1
        self._leave(combination)
        result.duration = self._clock.now() - combination.started
        result.matrix = combination.matrix
        cancelled = combination.cancelled
        if cancelled is not None and (
            (cancelled[0] == "timeout" and result.status == CANCEL)
            or (result.error is not None and result.error.type == LOST)
        ):
            early = ended_early(combination)
            result.status, result.error = early.status, early.error
        wait = None
        if result.status == FAILED and state.stopped is None:
            try:
                wait = next_attempt(combination, result, self._judge)
            except Failure as failure:
                result.error = failure.error
        self._recorder.combination_ended(combination.place, result, wait)
        if wait is not None:
            combination.handle = combination.cancelled = combination.needs = None
            combination.environment = state.environment or ""
            combination.restarts, combination.replay = 0, None
            state.retrying[combination] = self._timers.after(wait, partial(self._retry, combination))
            self._ring.add(state)
            return
        combination.ended = True
        state.results.put(combination.index, result)
        if result.status == FAILED and state.fail_fast and state.stopped is None:
            self._stop_job(state, "cancel", FAIL_FAST)
        else:
            self._see_end(state)

    def _retry(self, combination: CombinationState) -> None:
        state = combination.job
        del state.retrying[combination]
        state.retries.append(combination)
        self._ring.add(state)
