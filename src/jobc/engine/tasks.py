"""The tasks that run now, and the backends that hold them.

A backend is opened when the first job needs it and kept until the run ends. Tasks of a hosted one run in this process, tell their
events themselves, and put their ends into the inbox; those of the others are `engine.elsewhere`'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from jobc.backends.api import Backend, BackendError, JobHandle, Task
from jobc.backends.registry import is_known, known
from jobc.engine.ends import failed, with_remedy
from jobc.engine.host import CombinationHost
from jobc.engine.judge import Failure, Judge, strategy_context
from jobc.engine.options import Options
from jobc.engine.recorder import Recorder
from jobc.engine.resources import VARIABLES, Needs, Room, needs, shown
from jobc.engine.state import CombinationState, Restored
from jobc.engine.timers import Timers
from jobc.errors import StateError, UsageError
from jobc.interpreter.api import CombinationResult, ErrorInfo, Inputs
from jobc.interpreter.evaluator import Environment
from jobc.interpreter.values import describe
from jobc.ir.environments import canonical
from jobc.ir.program import Job, Program

if TYPE_CHECKING:
    from jobc.engine.elsewhere import Elsewhere, End, Runs
    from jobc.engine.storage.files import RunFiles
    from jobc.engine.storage.task_cache import TaskRecall
    from jobc.interpreter.files import Files


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
        runs: Runs,
        end: End,
    ) -> None:
        """`runs(combination, limit, left)` is told when an attempt's time begins, `end` when one elsewhere has ended."""
        self._program = program
        self._options = options
        self._judge = judge
        self._recorder = recorder
        self._timers = timers
        self._room = room
        self._inbox = inbox
        self._runs = runs
        self._end = end
        self._backends: dict[str, Backend] = {}
        self._running: dict[tuple[str, str], CombinationState] = {}
        #: How many combinations of each backend have begun and not ended.
        self._begun: dict[str, int] = {}
        #: Those of environments elsewhere.
        self._far: dict[str, Elsewhere] = {}
        self._files: RunFiles | None = None

    def has_room(self, name: str) -> bool:
        """Whether an environment takes one more task."""
        try:
            most = self._backend(name).capabilities.max_tasks
        except BackendError:
            return True  # submitting it says so
        return most is None or self._begun.get(name, 0) < most

    def environment(self, combination: CombinationState) -> str:
        """Where a combination runs; "" where that cannot be told: submitting it says why."""
        if not combination.environment:
            with contextlib.suppress(Failure):
                combination.environment = self._chosen(combination)
        return combination.environment

    def _chosen(self, combination: CombinationState) -> str:
        """Raises Failure."""
        if combination.environment:
            return combination.environment
        choice = combination.job.job.runs_on.choice
        assert choice is not None
        is_begun = combination in combination.job.running
        attempt = combination.attempt + (not is_begun)
        value = self._judge.value(choice, self._judge.of_combination(combination, attempt))
        span = self._program.codes[choice].span
        if not isinstance(value, str):
            raise self._judge.failure(
                f"`runs-on` must be the name of an environment, but this is {describe(value)}", span
            )
        if not is_known(value):
            listed = ", ".join(known())
            raise self._judge.failure(
                f"`runs-on` is `{value}`, which is no environment here; there are: {listed}", span
            )
        return canonical(value)

    def begin(self, combination: CombinationState) -> None:
        """Count a combination in; `end` counts it out."""
        name = self.environment(combination)
        self._begun[name] = self._begun.get(name, 0) + 1

    def needs(self, combination: CombinationState) -> Needs:
        """What the next attempt of a combination takes of this machine; nothing where it runs elsewhere."""
        if combination.needs is None:
            combination.needs = {}
            state = combination.job
            try:
                if self._backend(self.environment(combination)).capabilities.shares_machine:
                    environment = self._judge.of_combination(combination, combination.attempt + 1)
                    combination.needs = needs(self._judge.named(state.job.resources, environment))
            except (Failure, BackendError, ValueError):
                pass  # submitting it says so
        return combination.needs

    def end(self, combination: CombinationState) -> None:
        name = combination.environment
        self._begun[name] -= 1
        if name in self._far:
            self._far[name].leave(combination)
        elif combination.handle is not None:
            self._running.pop((name, combination.handle.id), None)

    def submit(self, combination: CombinationState) -> None:
        """Start the attempt. Raises Failure and BackendError."""
        name = self._chosen(combination)
        task, limit = self._task(combination)
        backend = self._backend(name)
        capabilities = backend.capabilities
        if capabilities.shares_machine and task.resources:
            self._allow(combination, task.resources)
        if capabilities.files:
            task.inputs.files = self._given(combination)
        elif not capabilities.hosted:
            self._refuse_artifacts(combination)
        if not capabilities.hosted:
            self._far[name].submit(combination, task, limit, self._recall(combination, task))
            return
        task.host = self._host(combination)
        handle = combination.handle = backend.submit(task)
        self._running[(name, handle.id)] = combination
        self._runs(combination, limit, limit)

    def cancel(self, combination: CombinationState, reason: str, message: str) -> bool:
        """Ask an attempt to end; False where it was not submitted."""
        name = combination.environment
        if name in self._far:
            return self._far[name].cancel(combination, reason, message)
        if combination.handle is None:
            return False
        self._backends[name].cancel(combination.handle, reason, message)
        return True

    def kill(self, combination: CombinationState) -> bool:
        """End an attempt at once; False where it was not submitted."""
        name = combination.environment
        if name in self._far:
            return self._far[name].kill(combination)
        if combination.handle is None:
            return False
        self._backends[name].kill(combination.handle)
        return True

    def look(self, name: str, handle: JobHandle) -> None:
        """A task that runs elsewhere has written something, or ended."""
        self._far[name].look(handle)

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

    def _refuse_artifacts(self, combination: CombinationState) -> None:
        """Refuse a job whose artifacts would get lost. Raises Failure."""
        job = combination.job.job
        if job.artifacts or job.placed:
            said = (
                f"job `{job.id}` has artifacts, and the environment `{combination.environment}` carries none"
            )
            raise self._judge.failure(
                f"{said}; let it run elsewhere with `runs-on`, or pass values on as outputs",
                job.span,
                "files",
            )

    def reattaches(self, combination: CombinationState) -> bool:
        """Whether a task of the combination can be found again that another process submitted."""
        try:
            return self._backend(self.environment(combination)).capabilities.reattach
        except BackendError:
            return False  # submitting it says why

    def attach(self, combination: CombinationState, restored: Restored) -> None:
        """Wait for a task that another process submitted. Raises Failure and BackendError."""
        name = self._chosen(combination)
        task, limit = self._task(combination)
        if self._backend(name).capabilities.files:
            task.inputs.files = self._given(combination)
        self._far[name].attach(combination, task, limit, restored, self._recall(combination, task))

    def collect(self, name: str, handle: JobHandle) -> tuple[CombinationState, CombinationResult] | None:
        """What a task of this process that has ended belongs to, and its result; None if nobody waits for it any more."""
        combination = self._running.pop((name, handle.id), None)
        if combination is None:
            return None
        try:
            result = self._backends[name].collect(handle)
        except BackendError as problem:
            return combination, failed(combination, ErrorInfo("backend", str(problem)))
        return combination, self._taken(combination, result)

    def kill_here(self) -> None:
        """End what runs in this process: nobody will see its end any more."""
        for (name, _), combination in list(self._running.items()):
            if combination.handle is not None:
                with contextlib.suppress(BackendError):
                    self._backends[name].kill(combination.handle)

    def close(self) -> None:
        for name, backend in self._backends.items():
            if name in self._far:
                self._far[name].close()
            else:
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
        limit = self._limit(job, environment)
        task = Task(
            combination.name,
            self._program,
            run.workflow_index,
            state.position,
            inputs,
            arguments=self._judge.named(job.runs_on.args, environment),
            resources=self._judge.named(job.resources, environment),
            timeout=limit,
            now=options.now,
        )
        return task, limit

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

    def _recall(self, combination: CombinationState, task: Task) -> TaskRecall | None:
        """The cache for a task that runs elsewhere, where there is one."""
        if self._files is None or task.inputs.files is None:
            return None
        return self._files.recall(combination, task, self._host(combination))

    def _host(self, combination: CombinationState) -> CombinationHost:
        return CombinationHost(
            combination, self._recorder, self._inbox, self._judge.now, self._options.containers
        )

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
            word = "ended" if backend.capabilities.hosted else "look"
            backend.open(lambda handle: self._inbox.put((word, (name, handle))))
            self._backends[name] = backend
            if not backend.capabilities.hosted:
                from jobc.engine.elsewhere import Elsewhere

                self._far[name] = Elsewhere(
                    name, backend, self._recorder, self._timers, self._inbox, self._runs, self._ended
                )
        return self._backends[name]

    def _ended(self, combination: CombinationState, result: CombinationResult) -> None:
        self._end(combination, self._taken(combination, result))
