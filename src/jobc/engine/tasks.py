"""The tasks that run now, and the backends that hold them.

A backend is opened when the first job needs it and kept until the run ends. A backend that notifies puts its
messages into the inbox itself; the others are polled while they hold tasks.
"""

from __future__ import annotations

from functools import partial
from queue import SimpleQueue
from typing import Any

from jobc.backends.api import ENDED, LOST, Backend, BackendError, JobHandle, Task
from jobc.backends.registry import canonical
from jobc.engine.host import CombinationHost
from jobc.engine.judge import Failure, Judge, strategy_context
from jobc.engine.options import Options
from jobc.engine.recorder import Recorder
from jobc.engine.state import CombinationState, JobState
from jobc.engine.timers import Timers
from jobc.errors import UsageError
from jobc.interpreter.api import CombinationResult, ErrorInfo, Inputs
from jobc.ir.program import Program
from jobc.ir.status import FAILED


class Tasks:
    """Submits combinations and finds them again by their handles."""

    def __init__(
        self,
        program: Program,
        options: Options,
        judge: Judge,
        recorder: Recorder,
        timers: Timers,
        inbox: SimpleQueue[tuple[str, Any]],
    ) -> None:
        self._program = program
        self._options = options
        self._judge = judge
        self._recorder = recorder
        self._timers = timers
        self._inbox = inbox
        self._backends: dict[str, Backend] = {}
        self._running: dict[tuple[str, str], CombinationState] = {}
        #: How many combinations of each backend have begun and not ended.
        self._begun: dict[str, int] = {}
        self._polled: set[str] = set()

    def has_room(self, state: JobState) -> bool:
        """Whether the job's backend takes one more task."""
        name = canonical(state.job.runs_on.type)
        try:
            most = self._backend(name).capabilities.max_tasks
        except BackendError:
            return True  # submitting it says so
        return most is None or self._begun.get(name, 0) < most

    def begin(self, combination: CombinationState) -> None:
        """Count a combination in; `end` counts it out."""
        name = canonical(combination.job.job.runs_on.type)
        self._begun[name] = self._begun.get(name, 0) + 1

    def end(self, combination: CombinationState) -> None:
        name = canonical(combination.job.job.runs_on.type)
        self._begun[name] -= 1
        if combination.handle is not None:
            self._running.pop((name, combination.handle.id), None)

    def submit(self, combination: CombinationState) -> float:
        """Start the attempt; the seconds that it has. Raises Failure and BackendError."""
        task, limit = self._task(combination)
        name = canonical(combination.job.job.runs_on.type)
        backend = combination.backend = self._backend(name)
        capabilities = backend.capabilities
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

    def collect(self, name: str, handle: JobHandle) -> tuple[CombinationState, CombinationResult] | None:
        """What a task that has ended belongs to, and its result; None if nobody waits for it any more."""
        combination = self._running.pop((name, handle.id), None)
        if combination is None:
            return None
        backend = self._backends[name]
        try:
            if backend.capabilities.hosted:
                return combination, backend.collect(handle)
            log, _ = backend.logs(handle, 0)
            result = backend.collect(handle)
        except BackendError as problem:
            return combination, failed(combination, ErrorInfo("backend", str(problem)))
        self._replay(combination, log, result)
        return combination, result

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
            trace=options.trace(),
        )
        limit = self._judge.duration(job.timeout, environment, "timeout")
        task = Task(
            combination.name,
            self._program,
            run.workflow_index,
            state.position,
            inputs,
            arguments=self._judge.named(job.runs_on.args, environment),
            resources=self._judge.named(job.resources, environment),
        )
        return task, options.job_timeout if limit is None else limit

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
        for handle, status in zip(handles, statuses, strict=True):
            if status.state == ENDED:
                self._inbox.put(("ended", (name, handle)))
            elif status.state == LOST:
                self._inbox.put(("lost", (self._running.pop((name, handle.id)), status.message)))


def failed(combination: CombinationState, error: ErrorInfo) -> CombinationResult:
    """The result of a combination that failed outside its stages."""
    result = CombinationResult(FAILED, combination.matrix)
    result.error = error
    return result


def submission_error(problem: Failure | BackendError) -> ErrorInfo:
    return problem.error if isinstance(problem, Failure) else ErrorInfo("backend", str(problem))
