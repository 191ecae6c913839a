"""The analysis against the truth: random workflows, all outcomes, the real engine and interpreter.

For every workflow each reachable combination of parameters, outputs and failures is run, and the analysis must agree on
the set of status vectors of all jobs, both ways: what happens is possible, and what is possible happens. The same for
whether a job runs. `JOBC_TRUTH_SEED` repeats a run, `JOBC_TRUTH_GRAPHS` says how many workflows it looks at.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jobc.backends.api import ENDED, Capabilities, JobHandle, JobStatus, Task
from jobc.check.runner import check
from jobc.engine.options import Options
from jobc.engine.run import execute
from jobc.interpreter.api import Cancellation, CombinationResult
from jobc.interpreter.run import run_combination
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.sema.diagram import FALSE, TRUE
from jobc.sema.model import SemanticModel
from jobc.sema.reachability import Reachability
from jobc.source.file import SourceFile

GRAPHS = int(os.environ.get("JOBC_TRUTH_GRAPHS", "2000"))
SHARDS = 4


def _generator() -> ModuleType:
    path = Path(__file__).with_name("random_workflows.py")
    spec = importlib.util.spec_from_file_location("random_workflows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["random_workflows"] = module
    spec.loader.exec_module(module)
    return module


random_workflows = _generator()


class Inline:
    """The local backend without its threads: a task is run by the interpreter where it is submitted."""

    capabilities = Capabilities(notifies=True, hosted=True)

    def __init__(self) -> None:
        self.ran: dict[str, None] = {}
        self._ended: dict[str, CombinationResult] = {}

    def open(self, notify: Any) -> None:
        self._notify = notify

    def submit(self, task: Task) -> JobHandle:
        self.ran[task.program.workflows[task.workflow].jobs[task.job].id] = None
        handle = JobHandle("local", task.name)
        self._ended[task.name] = run_combination(
            task.program, task.workflow, task.job, task.inputs, task.host, Cancellation()
        )
        self._notify(handle)
        return handle

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        return [JobStatus(ENDED) for _ in handles]

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None: ...

    def kill(self, handle: JobHandle) -> None: ...

    def logs(self, handle: JobHandle, offset: int) -> tuple[str, int]:
        return "", offset

    def collect(self, handle: JobHandle) -> CombinationResult:
        return self._ended.pop(handle.id)

    def close(self) -> None: ...


Vector = tuple[str, ...]


class Truth:
    """Every status vector that a workflow can end in, with the jobs that ran."""

    def __init__(self, program: Program, graph: Any) -> None:
        self.ids = [job.id for job in program.workflows[0].jobs]
        self.vectors: dict[tuple[Vector, frozenset[str]], dict[str, Any]] = {}
        self.runs = 0
        names = list(graph.open)
        for values in itertools.product(*graph.open.values()):
            self._enumerate(program, graph, dict(zip(names, values, strict=True)))

    def _enumerate(self, program: Program, graph: Any, params: dict[str, Any]) -> None:
        """Every way that the jobs which run may fail: a job that does not run is not decided on."""
        todo: list[dict[str, bool]] = [{}]
        while todo:
            failing = todo.pop()
            given = {**params, **{graph.fails[id]: failing.get(id, False) for id in self.ids}}
            backend = Inline()
            result = execute(program, given, Options(backend=lambda type, one=backend: one, max_parallel=99))
            self.runs += 1
            vector = tuple(result.jobs[id].status for id in self.ids)
            self.vectors.setdefault((vector, frozenset(backend.ran)), given)
            decided = dict(failing)
            for id in backend.ran:
                if id not in decided:
                    todo.append({**decided, id: True})
                    decided[id] = False


def possible(reach: Reachability, ids: list[str]) -> set[tuple[Vector, frozenset[str]]]:
    """Every vector of statuses, with the jobs that run, that the analysis calls possible."""
    both = reach.diagram.both
    found = set()

    def search(at: int, guard: int, vector: Vector, ran: frozenset[str]) -> None:
        if at == len(ids):
            found.add((vector, ran))
            return
        job = reach.jobs[ids[at]]
        for status, own in job.statuses.items():
            for runs in (job.runs, job.runs ^ 1):
                narrowed = both(both(guard, own), runs)
                if narrowed != FALSE:
                    more = ran | {ids[at]} if runs is job.runs else ran
                    search(at + 1, narrowed, (*vector, status), more)

    search(0, TRUE, (), frozenset())
    return found


def model_of(text: str) -> SemanticModel | None:
    """The model; None where the text has errors."""
    model = analyze(SourceFile("random.job.yml", text))
    return None if model.diagnostics else model


def graphs(seed: int, count: int) -> Iterator[tuple[Any, SemanticModel, Program]]:
    """Workflows without errors, and the programs that show their outcomes."""
    number = seed * 1_000_000
    while count:
        number += 1
        graph = random_workflows.Graph(number)
        size = 1
        for values in graph.open.values():
            size *= len(values)
        if size > 48:
            continue
        model = model_of(graph.analysed)
        if model is None:
            continue
        text = graph.run.replace(
            "jobs:", "".join(f"  {name}: bool\n" for name in graph.fails.values()) + "jobs:", 1
        )
        other = model_of(text)
        assert other is not None, text
        count -= 1
        yield graph, model, lower(other)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_analysis_and_all_runs_agree_on_every_status(shard: int) -> None:
    seed = int(os.environ.get("JOBC_TRUTH_SEED", str(int(time.time()) % 1_000_000)))
    runs = 0
    for graph, model, program in graphs(seed * SHARDS + shard, GRAPHS // SHARDS):
        truth = Truth(program, graph)
        runs += truth.runs
        reach = Reachability(model.workflows[0])
        assert not reach.inexact
        claimed = possible(reach, truth.ids)
        seen = set(truth.vectors)
        if claimed != seen:
            ids = ", ".join(truth.ids)
            words = [f"JOBC_TRUTH_SEED={seed} (graph {graph.seed}); statuses of {ids}", graph.analysed]
            words += [
                f"happens, but is called impossible: {v} with {truth.vectors[v]}" for v in seen - claimed
            ]
            words += [f"called possible, but never happens: {v}" for v in claimed - seen]
            pytest.fail("\n".join(words[:12]))
    print(f"seed {seed}, shard {shard}: {GRAPHS // SHARDS} workflows, {runs} runs")


def test_the_workflows_of_the_truth_test_have_no_error_that_hides_them() -> None:
    for _, model, _ in graphs(7, 20):
        assert not [finding for finding in check(model) if finding.severity == "error"]
