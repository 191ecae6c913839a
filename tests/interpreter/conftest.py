"""Programs built by hand, and a host that remembers what it was told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from jobc.interpreter.api import Cancellation, CombinationResult, Inputs, TriggerOutcome
from jobc.interpreter.run import run_combination
from jobc.ir import program as ir

FILE = "flow.job.yml"
#: The YAML line on which a built script's first line stands.
SCRIPT_LINE = 11


def name(path: str) -> list[Any]:
    """The code of `a.b.c`."""
    first, *rest = path.split(".")
    tree: list[Any] = ["name", first]
    for key in rest:
        tree = ["get", tree, key]
    return tree


class Builder:
    """Makes stages, and a program of one job with them."""

    def __init__(self) -> None:
        self.program = ir.Program()
        self.program.files = [FILE]
        self.program.spans = [(0, 10, 1, 10, 2)]

    def code(self, tree: Any) -> int:
        """A constant (a list or map too), or a code tree as it is where it starts with an operation."""
        self.program.codes.append(ir.Code(tree, 0))
        return len(self.program.codes) - 1

    def script(
        self, language: str, text: str, slots: Iterable[tuple[str, Any, str]] = (), line: int = SCRIPT_LINE
    ) -> ir.Script:
        made = [ir.Slot(slot, self.code(tree), use) for slot, tree, use in slots]
        return ir.Script(language, text, made, 0, [(1, line)])

    def common(self, stage: Any, options: dict[str, Any]) -> Any:
        stage.id = options.pop("id", None)
        for key in ("name", "condition", "timeout", "continue_on_error"):
            if key in options:
                setattr(stage, key, self.code(options.pop(key)))
        stage.env = self.named(options.pop("env", {}))
        if "retry" in options:
            stage.retry = self.retry(**options.pop("retry"))
        assert not options, options
        return stage

    def named(self, values: Mapping[str, Any]) -> list[tuple[str, int]]:
        return [(key, self.code(tree)) for key, tree in values.items()]

    def retry(
        self,
        attempts: Any = None,
        delay: Any = None,
        backoff: str = "fixed",
        on: Iterable[Any] = (),
        **more: Any,
    ) -> ir.Retry:
        retry = ir.Retry()
        retry.backoff = backoff
        retry.on = list(on)
        for key, value in {"attempts": attempts, "delay": delay, **more}.items():
            setattr(retry, key, None if value is None else self.code(value))
        return retry

    def bash(
        self, text: str, slots: Iterable[tuple[str, Any, str]] = (), shell: Any = None, **options: Any
    ) -> Any:
        stage = ir.BashStage(0, self.script("bash", text, slots))
        stage.shell = None if shell is None else self.code(shell)
        return self.common(stage, options)

    def python(
        self,
        text: str,
        slots: Iterable[tuple[str, Any, str]] = (),
        vars: Mapping[str, Any] | None = None,
        isolation: str = "process",
        deps: Iterable[Any] = (),
        **options: Any,
    ) -> Any:
        stage = ir.PyStage(0, self.script("python", text, slots))
        stage.vars = self.named(vars or {})
        stage.isolation = isolation
        stage.deps = [self.code(dep) for dep in deps]
        return self.common(stage, options)

    def empty(self, echo: Any = None, sleep: Any = None, **options: Any) -> Any:
        stage = ir.EmptyStage(0)
        stage.echo = None if echo is None else self.code(echo)
        stage.sleep = None if sleep is None else self.code(sleep)
        return self.common(stage, options)

    def call(self, function: str, with_: Mapping[str, Any] | None = None, **options: Any) -> Any:
        stage = ir.CallStage(0, self.code(function))
        stage.with_ = self.named(with_ or {})
        return self.common(stage, options)

    def raising(self, message: Any, **options: Any) -> Any:
        return self.common(ir.RaiseStage(0, self.code(message)), options)

    def trigger(self, params: Mapping[str, Any], **options: Any) -> Any:
        stage = ir.TriggerStage(0, 0)
        stage.params = self.named(params)
        return self.common(stage, options)

    def docker(self, image: str, **options: Any) -> Any:
        return self.common(ir.DockerStage(0, self.code(image)), options)

    def parallel(self, branches: Mapping[str, list[Any]], max_parallel: Any = None, **options: Any) -> Any:
        stage = ir.ParallelStage(0)
        stage.branches = list(branches.items())
        stage.max_parallel = None if max_parallel is None else self.code(max_parallel)
        return self.common(stage, options)

    def foreach(self, items: Any, stages: list[Any], max_parallel: Any = None, **options: Any) -> Any:
        stage = ir.ForEachStage(0, self.code(items))
        stage.stages = stages
        stage.max_parallel = None if max_parallel is None else self.code(max_parallel)
        return self.common(stage, options)

    def until(
        self, until: Any, stages: list[Any], item: Any = None, max_loop: Any = None, **options: Any
    ) -> Any:
        stage = ir.UntilStage(0, self.code(until))
        stage.stages = stages
        stage.item = None if item is None else self.code(item)
        stage.max_loop = None if max_loop is None else self.code(max_loop)
        return self.common(stage, options)

    def case(
        self, value: Any, arms: list[tuple[Any, list[Any]]], skip_not_match: Any = None, **options: Any
    ) -> Any:
        """`...` as an arm's value is the default."""
        stage = ir.CaseStage(0, self.code(value))
        stage.arms = [(None if test is ... else self.code(test), stages) for test, stages in arms]
        stage.skip_not_match = None if skip_not_match is None else self.code(skip_not_match)
        return self.common(stage, options)

    def job(self, *stages: Any, outputs: Mapping[str, Any] | None = None) -> ir.Program:
        workflow = ir.Workflow("flow", 0)
        job = ir.Job("build", 0)
        job.stages = list(stages)
        job.outputs = None if outputs is None else self.named(outputs)
        workflow.jobs = [job]
        self.program.workflows = [workflow]
        return self.program


class Recorder:
    """A host that keeps every event; `on_event` is called with each."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None
        self.triggered: list[tuple[int, dict[str, Any], str]] = []
        self.outcome = TriggerOutcome("success", {})
        self.container_runner: Any = None
        self._lock = threading.Lock()

    def emit(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            self.events.append(dict(event))
        self.on_event(dict(event))

    def now(self) -> datetime:
        return datetime(2024, 5, 1, 12, 0, tzinfo=UTC)

    def trigger(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> TriggerOutcome:
        self.triggered.append((workflow, dict(params), stage))
        return self.outcome

    def containers(self) -> Any:
        return self.container_runner

    def lines(self, stream: str | None = None, stage: str | None = None) -> list[str]:
        return [
            event["text"]
            for event in self.events
            if event["event"] == "log"
            and stream in (None, event["stream"])
            and stage in (None, event["stage"])
        ]


class Runner:
    """Runs a built job and keeps its host and cancellation."""

    def __init__(self, workdir: str) -> None:
        self.host = Recorder()
        self.cancellation = Cancellation()
        self.workdir = workdir

    def __call__(self, program: ir.Program, **inputs: Any) -> CombinationResult:
        given: dict[str, Any] = {
            "environ": {"PATH": os.environ["PATH"], "HOME": self.workdir},
            "workdir": self.workdir,
            "run": {"id": "run-1", "attempt": 1, "workflow": "flow"},
            "grace": 2.0,
        }
        params = inputs.pop("params", {})
        given.update(inputs)
        return run_combination(program, 0, 0, Inputs(params, **given), self.host, self.cancellation)


@pytest.fixture
def build() -> Builder:
    return Builder()


@pytest.fixture
def run(tmp_path: Any) -> Runner:
    return Runner(str(tmp_path))
