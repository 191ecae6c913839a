"""The tasks that run now, and the backends that hold them.

A backend is opened when the first job needs it and kept until the run ends. A backend that notifies puts its
messages into the inbox itself; the others are polled while they hold tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from jobc.backends.api import ENDED, LOST, Backend, BackendError, JobHandle, Task
from jobc.engine.host import CombinationHost
from jobc.engine.judge import Failure, Judge, strategy_context
from jobc.engine.options import Options
from jobc.engine.recorder import Recorder
from jobc.engine.resources import VARIABLES, Needs, Room, needs, shown
from jobc.engine.retry import LOST as LOST_TASK
from jobc.engine.state import CombinationState, JobState
from jobc.engine.timers import Timers
from jobc.errors import StateError, UsageError
from jobc.interpreter.api import CombinationResult, ErrorInfo, Inputs
from jobc.interpreter.evaluator import Environment
from jobc.ir.program import Job, Program
from jobc.ir.status import CANCEL, FAILED

if TYPE_CHECKING:
    from jobc.engine.storage.files import RunFiles
    from jobc.interpreter.files import Files

#: Further tries at a result that cannot be had for the moment.
COLLECT_TRIES = 10


class Tasks:
    """Submits combinations and finds them again by their handles."""

    def __init__(
        self,
        program: Program,
        options: Options,
        judge: Judge,
        recorder: Recorder,
        timers: Timers,
        room: Room,
        inbox: SimpleQueue[tuple[str, Any]],
    ) -> None:
        self._program = program
        self._options = options
        self._judge = judge
        self._recorder = recorder
        self._timers = timers
        self._room = room
        self._inbox = inbox
        self._backends: dict[str, Backend] = {}
        self._running: dict[tuple[str, str], CombinationState] = {}
        #: How many combinations of each backend have begun and not ended.
        self._begun: dict[str, int] = {}
        self._polled: set[str] = set()
        #: How often the result of a task could not be had for the moment.
        self._collecting: dict[str, int] = {}
        self._files: RunFiles | None = None

    def has_room(self, name: str) -> bool:
        """Whether an environment takes one more task."""
        try:
            most = self._backend(name).capabilities.max_tasks
        except BackendError:
            return True  # submitting it says so
        return most is None or self._begun.get(name, 0) < most

    def begin(self, combination: CombinationState) -> None:
        """Count a combination in; `end` counts it out."""
        name = combination.job.environment
        self._begun[name] = self._begun.get(name, 0) + 1

    def needs(self, combination: CombinationState) -> Needs:
        """What the next attempt of a combination takes of this machine; nothing where it runs elsewhere."""
        if combination.needs is None:
            combination.needs = {}
            state = combination.job
            try:
                if self._backend(state.environment).capabilities.shares_machine:
                    environment = self._judge.of_combination(combination, combination.attempt + 1)
                    combination.needs = needs(self._judge.named(state.job.resources, environment))
            except (Failure, BackendError, ValueError):
                pass  # submitting it says so
        return combination.needs

    def end(self, combination: CombinationState) -> None:
        name = combination.job.environment
        self._begun[name] -= 1
        if combination.handle is not None:
            self._running.pop((name, combination.handle.id), None)

    def submit(self, combination: CombinationState) -> float:
        """Start the attempt; the seconds that it has. Raises Failure and BackendError."""
        task, limit = self._task(combination)
        name = combination.job.environment
        backend = combination.backend = self._backend(name)
        capabilities = backend.capabilities
        if capabilities.shares_machine and task.resources:
            self._allow(combination, task.resources)
        if capabilities.files:
            task.inputs.files = self._given(combination)
        if capabilities.hosted:
            task.host = CombinationHost(combination, self._recorder, self._inbox, self._judge.now)
        handle = combination.handle = backend.submit(task)
        self._running[(name, handle.id)] = combination
        if capabilities.reattach:
            self._recorder.submitted(combination.place, handle.to_json())
        if not capabilities.notifies and name not in self._polled:
            self._polled.add(name)
            self._timers.after(capabilities.poll_seconds, partial(self._poll, name))
        return limit

    def _allow(self, combination: CombinationState, resources: Mapping[str, Any]) -> None:
        """Refuse what this machine cannot have, warn of what it has too little of. Raises Failure."""
        state = combination.job
        place = state.job.span
        try:
            needed = needs(resources)
        except ValueError as error:
            raise self._judge.failure(f"resources: {error}", place) from None
        for kind in self._room.excess(needed):
            asked, there = shown(kind, needed[kind]), shown(kind, self._room.total(kind))
            said = f"job `{state.job.id}` asks for {asked}, this machine has {there}"
            if kind == "gpu":
                remedy = f"set {VARIABLES[kind]} if it has more, or let the job run elsewhere with `runs-on`"
                raise self._judge.failure(f"{said}; {remedy}", place, "backend")
            if kind not in state.warned:
                state.warned = (*state.warned, kind)
                text = f"warning: {said}: it gets all of it, and runs when no other job that asks for {kind} does"
                event = {"event": "log", "stage": "", "stream": "stderr", "text": text}
                self._recorder.stage_event(combination.place, event)

    def reattaches(self, state: JobState) -> bool:
        """Whether a task of the job can be found again that another process submitted."""
        try:
            return self._backend(state.environment).capabilities.reattach
        except BackendError:
            return False  # submitting it says why

    def attach(self, combination: CombinationState, handle: JobHandle) -> float:
        """Wait for a task that another process submitted: by polling, since it is not known to notify this one.

        Gives the seconds that the attempt has had from its beginning.
        """
        name = combination.job.environment
        combination.backend, combination.handle = self._backend(name), handle
        self._running[(name, handle.id)] = combination
        if name not in self._polled:
            self._polled.add(name)
            self._timers.after(0.0, partial(self._poll, name))
        try:
            return self._limit(combination.job.job, self._judge.of_combination(combination))
        except Failure:
            return self._options.job_timeout  # it had a value when the task was submitted

    def collect(self, name: str, handle: JobHandle) -> tuple[CombinationState, CombinationResult] | None:
        """What a task that has ended belongs to, and its result; None if nobody waits for it any more."""
        combination = self._running.pop((name, handle.id), None)
        if combination is None:
            return None
        backend = self._backends[name]
        log = ""
        try:
            if backend.capabilities.hosted:
                result = backend.collect(handle)
                return combination, self._taken(combination, result)
            log = backend.logs(handle, 0).decode(errors="replace")
            result = backend.collect(handle)
        except BackendError as problem:
            tries = self._collecting.pop(handle.id, 0) + 1
            if not problem.transient or tries > COLLECT_TRIES:
                return combination, failed(combination, ErrorInfo("backend", str(problem)))
            self._collecting[handle.id] = tries
            self._running[(name, handle.id)] = combination
            again = partial(self._inbox.put, ("ended", (name, handle)))
            self._timers.after(backend.capabilities.poll_seconds, again)
            return None
        self._collecting.pop(handle.id, None)
        self._replay(combination, log, result)
        return combination, self._taken(combination, result)

    def _replay(self, combination: CombinationState, log: str, result: CombinationResult) -> None:
        """Tell afterwards what a backend that is not hosted could not tell while it ran."""
        place = combination.place
        for line in log.splitlines():
            self._recorder.stage_event(place, {"event": "log", "stage": "", "stream": "stdout", "text": line})
        for stage in result.stages:
            self._recorder.stage_event(
                place, {"event": "stage-ended", "stage": stage.path, **stage.to_json()}
            )

    def close(self) -> None:
        for backend in self._backends.values():
            backend.close()
        if self._files is not None:
            self._files.close()

    def _task(self, combination: CombinationState) -> tuple[Task, float]:
        """The task of an attempt, and its time in seconds. Raises Failure."""
        state = combination.job
        run, job, options = state.run, state.job, self._options
        environment = self._judge.of_combination(combination)
        inputs = Inputs(
            run.params,
            matrix=combination.matrix,
            needs=environment.contexts["needs"],
            env=self._judge.texts(job.env, environment) if job.env else run.env,
            environ=options.environ,
            secrets={name: options.secrets[name] for name in run.workflow.secrets},
            run=environment.contexts["run"],
            strategy=strategy_context(combination),
            workdir=options.workdir,
            grace=options.grace,
            live=options.live,
            replay=combination.replay,
            trace=options.trace(),
        )
        task = Task(
            combination.name,
            self._program,
            run.workflow_index,
            state.position,
            inputs,
            arguments=self._judge.named(job.runs_on.args, environment),
            resources=self._judge.named(job.resources, environment),
        )
        return task, self._limit(job, environment)

    def _limit(self, job: Job, environment: Environment) -> float:
        limit = self._judge.duration(job.timeout, environment, "timeout")
        return self._options.job_timeout if limit is None else limit

    def _given(self, combination: CombinationState) -> Files | None:
        """What a combination of a job with artifacts or a cache is given. Raises Failure."""
        job = combination.job.job
        if not (job.artifacts or job.placed or job.cache):
            return None
        if self._files is None:
            from jobc.engine.storage.files import RunFiles

            self._files = RunFiles(self._options)
        try:
            return self._files.given(combination)
        except StateError as error:
            raise Failure(ErrorInfo("files", with_remedy(error))) from error

    def _taken(self, combination: CombinationState, result: CombinationResult) -> CombinationResult:
        """A result, its artifacts known to the jobs that come."""
        if self._files is not None:
            self._files.take(combination, result)
        return result

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            try:
                backend = self._options.backend(name)
            except UsageError as error:
                raise BackendError(str(error)) from error
            backend.open(lambda handle: self._inbox.put(("ended", (name, handle))))
            self._backends[name] = backend
        return self._backends[name]

    def _poll(self, name: str) -> None:
        backend = self._backends[name]
        handles = [
            combination.handle
            for (holder, _), combination in self._running.items()
            if holder == name and combination.handle is not None
        ]
        if not handles:
            self._polled.discard(name)
            return
        self._timers.after(backend.capabilities.poll_seconds, partial(self._poll, name))
        try:
            statuses = backend.poll(handles)
        except BackendError:
            return  # asked again with the next poll
        for handle, status in zip(handles, statuses):
            if status.state == ENDED:
                self._inbox.put(("ended", (name, handle)))
            elif status.state == LOST:
                self._inbox.put(("lost", (self._running.pop((name, handle.id)), status.message)))


def failed(combination: CombinationState, error: ErrorInfo) -> CombinationResult:
    """The result of a combination that failed outside its stages."""
    result = CombinationResult(FAILED, combination.matrix)
    result.error = error
    return result


def with_remedy(error: StateError) -> str:
    return f"{error}; {error.help}" if error.help else str(error)


def ended_early(combination: CombinationState) -> CombinationResult:
    """The result of a combination that was asked to end before it could."""
    reason, message = combination.cancelled or ("cancel", "cancelled")
    result = CombinationResult(FAILED if reason == "timeout" else CANCEL, combination.matrix)
    result.error = ErrorInfo(reason, message)
    return result


def interrupted(combination: CombinationState) -> ErrorInfo:
    times = combination.restarts + 1
    message = f"it was interrupted {times} times (its engine died each time); raise JOBC_MAX_INTERRUPTIONS to try again"
    return ErrorInfo("interrupted", message)


def submission_error(problem: Failure | BackendError) -> ErrorInfo:
    if isinstance(problem, Failure):
        return problem.error
    return ErrorInfo(LOST_TASK if problem.transient else "backend", str(problem))
