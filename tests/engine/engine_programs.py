"""Programs built without a compiler, and a backend that runs nothing: what a test says happens."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

from jobc.backends.api import ENDED, RUNNING, Capabilities, JobHandle, JobStatus, Task, TaskLost
from jobc.engine.options import Options
from jobc.engine.result import RunResult
from jobc.engine.run import execute
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.program import Code, EmptyStage, Job, Program, Retry, Stage, Strategy, TriggerStage, Workflow


class Builder:
    """Builds a program; every code gets a line of its own, so that tests can tell places apart."""

    def __init__(self) -> None:
        self.program = Program()
        self.program.files = ["flow.yml"]
        self.program.workflows = [Workflow("flow", self.span())]

    def span(self) -> int:
        line = len(self.program.spans) + 1
        self.program.spans.append((0, line, 1, line, 9))
        return line - 1

    def code(self, tree: Any) -> int:
        self.program.codes.append(Code(tree, self.span()))
        return len(self.program.codes) - 1

    def constant(self, value: Any) -> int:
        return self.code(_tree(value))

    def workflow(self, name: str) -> int:
        self.program.workflows.append(Workflow(name, self.span()))
        return len(self.program.workflows) - 1

    def job(
        self,
        id: str,
        needs: Sequence[str] = (),
        rule: str = "all_success",
        *,
        condition: Any = None,
        matrix: Any = None,
        max_parallel: int | None = None,
        fail_fast: bool | None = None,
        workflow: int = 0,
    ) -> Job:
        """`condition` and a `matrix` that is a list are trees; a `matrix` map holds plain lists or trees (tuples)."""
        target = self.program.workflows[workflow]
        positions = {job.id: position for position, job in enumerate(target.jobs)}
        job = Job(id, self.span())
        job.needs = [positions[need] for need in needs]
        job.rule = rule
        job.stages = [EmptyStage(self.span())]
        if condition is not None:
            job.condition = self.code(condition)
        if matrix is not None:
            job.strategy = Strategy()
            if isinstance(matrix, dict):
                job.strategy.matrix = [
                    (key, self.code(list(values)) if isinstance(values, tuple) else self.constant(values))
                    for key, values in matrix.items()
                ]
            else:
                job.strategy.matrix = self.code(matrix)
            if max_parallel is not None:
                job.strategy.max_parallel = self.constant(max_parallel)
            if fail_fast is not None:
                job.strategy.fail_fast = self.constant(fail_fast)
        target.jobs.append(job)
        return job

    def retry(self, attempts: int, delay: float = 0.0, on: Sequence[str | int] = ()) -> Retry:
        retry = Retry()
        retry.attempts = self.constant(attempts)
        retry.delay = self.constant(delay)
        retry.on = list(on)
        return retry

    def trigger(self, workflow: int, params: dict[str, Any] | None = None) -> Stage:
        stage = TriggerStage(self.span(), workflow)
        stage.params = [(name, self.constant(value)) for name, value in (params or {}).items()]
        return stage


def _tree(value: Any) -> Any:
    if isinstance(value, list):
        return ["list", *map(_tree, value)]
    if isinstance(value, dict):
        return ["map", *(part for key, item in value.items() for part in (key, _tree(item)))]
    return value


def name(path: str) -> Any:
    """`needs.a.result` as a tree."""
    first, *rest = path.split(".")
    tree: Any = ["name", first]
    for key in rest:
        tree = ["get", tree, key]
    return tree


Outcome = Callable[[Task], CombinationResult | None]


def success(task: Task, **outputs: Any) -> CombinationResult:
    result = CombinationResult("success", task.inputs.matrix)
    result.outputs = outputs
    return result


def failure(task: Task, message: str = "boom", type: str = "exit", code: int | None = 1) -> CombinationResult:
    result = CombinationResult("failed", task.inputs.matrix)
    result.error = ErrorInfo(type, message, exit_code=code)
    return result


class Scripted:
    """A backend whose tasks end as `outcome` says; None leaves a task running until it is cancelled.

    Without a seed a task ends when it is submitted; with one, a thread ends those that run in a random order.
    """

    capabilities = Capabilities(notifies=True)

    def __init__(self, outcome: Outcome | None = None, seed: int | None = None) -> None:
        self.outcome = outcome or success
        self.running: dict[str, Task] = {}
        self.ended: dict[str, CombinationResult] = {}
        self.submitted: list[str] = []
        self.cancelled: list[tuple[str, str]] = []
        self.killed: list[str] = []
        self.log = ""
        self.most = 0
        self.on_submit: Callable[[Task], None] = lambda task: None
        self.on_cancel: Callable[[Task], CombinationResult | None] = cancelled
        self._random = None if seed is None else random.Random(seed)
        self._changed = threading.Condition()
        self._open = True

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        self.notify = notify
        if self._random is not None:
            threading.Thread(target=self._shuffle, daemon=True).start()

    def submit(self, task: Task) -> JobHandle:
        with self._changed:
            self.running[task.name] = task
            self.most = max(self.most, len(self.running))
            job = task.program.workflows[task.workflow].jobs[task.job].id
            index = f"[{task.inputs.strategy['index']}]" if task.inputs.matrix else ""
            self.submitted.append(job + index)
            self._changed.notify()
        if self._random is None:
            self._end(task.name)
        self.on_submit(task)
        return JobHandle("local", task.name)

    def _shuffle(self) -> None:
        while True:
            with self._changed:
                while self._open and not self.running:
                    self._changed.wait()
                if not self._open:
                    return
                self._end(self._random.choice(sorted(self.running)))

    def _end(self, name: str) -> None:
        result = self.outcome(self.running[name])
        if result is not None:
            self.end(name, result)

    def end(self, name: str, result: CombinationResult) -> None:
        del self.running[name]
        self.ended[name] = result
        self.notify(JobHandle("local", name))

    def attach(self, handle: JobHandle, task: Task) -> None:
        raise TaskLost("the process that ran it has ended")

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [JobStatus(RUNNING if each.id in self.running else ENDED) for each in handles]

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        self.cancelled.append((handle.id, reason))
        if handle.id in self.running:
            result = self.on_cancel(self.running[handle.id])
            if result is not None:
                self.end(handle.id, result)

    def kill(self, handle: JobHandle) -> None:
        self.killed.append(handle.id)
        if handle.id in self.running:
            self.end(handle.id, cancelled(self.running[handle.id]))

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        return self.log[offset:].encode()

    def collect(self, handle: JobHandle) -> CombinationResult:
        return self.ended.pop(handle.id)

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify()


def cancelled(task: Task) -> CombinationResult:
    result = CombinationResult("cancel", task.inputs.matrix)
    result.error = ErrorInfo("cancel", "cancelled")
    return result


def run(
    builder: Builder,
    outcome: Outcome | None = None,
    *,
    backend: Any = None,
    params: Any = None,
    listener: Any = None,
    **options: Any,
) -> RunResult:
    """Execute a program on a scripted backend."""
    chosen = backend or Scripted(outcome)
    options.setdefault("max_parallel", 4)
    return execute(builder.program, params or {}, Options(backend=lambda name: chosen, **options), listener)


def statuses(result: RunResult) -> dict[str, str]:
    return {id: job.status for id, job in result.jobs.items()}
