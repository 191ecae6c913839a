"""What a job waits for, against a plain walk over its needs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobc.sema.analyze import analyze
from jobc.sema.closure import Closure
from jobc.sema.needs import reaches
from jobc.source.file import SourceFile
from jobc.syntax.ast import Job


@st.composite
def needs(draw: st.DrawFn) -> list[list[int]]:
    count = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else [] for n in range(count)]


def walked(start: Job, jobs: dict[str, Job]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for need in todo.pop().needs:
            if need.id not in found:
                found.add(need.id)
                todo.append(jobs[need.id])
    return found


@given(needs())
def test_it_holds_what_a_walk_finds(graph: list[list[int]]) -> None:
    text = "jobs:\n" + "".join(
        f"  j{n}: {{needs: [{', '.join(f'j{each}' for each in found)}], stages: [{{echo: x}}]}}\n"
        for n, found in enumerate(graph)
    )
    (workflow,) = analyze(SourceFile("x.job.yml", text)).workflows
    closure = Closure(workflow.order)
    for job in workflow.order:
        before = walked(job, workflow.jobs)
        assert set(closure.among(job.id, workflow.jobs)) == before
        for other in workflow.order:
            assert closure.has(job.id, other.id) == (other.id in before)
            assert closure.meets(job.id, closure.bit(other.id)) == (other.id in before)
            assert reaches(job, other, workflow) == (job is other or other.id in before)


def test_jobs_that_do_not_follow_wait_for_nothing() -> None:
    text = "jobs:\n  a: {stages: [{echo: x}]}\n  b: {needs: a, trigger-rule: all_done, stages: [{echo: x}]}\n  c: {needs: b, stages: [{echo: x}]}\n"
    (workflow,) = analyze(SourceFile("x.job.yml", text)).workflows
    closure = Closure(workflow.order, lambda job: job.trigger_rule == "all_success")
    assert closure.among("c", workflow.jobs) == ["b"]
    assert not closure.has("b", "a")
