"""Combinations: expansion, bounds, fail-fast, retries, outputs as lists."""

from __future__ import annotations

import threading

import pytest
from engine_programs import Builder, Scripted, failure, name, run, statuses, success


def test_outputs_of_a_matrix_are_lists_in_combination_order():
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2], "y": ["p", "q"]})
    seen = {}
    builder.job("b", ["a"])

    def outcome(task):
        matrix = task.inputs.matrix
        if not matrix:
            seen.update(task.inputs.needs["a"])
            return success(task)
        return success(task, id=f"{matrix['x']}{matrix['y']}", **({"odd": 1} if matrix["x"] == 1 else {}))

    run(builder, backend=Scripted(outcome, seed=5))
    assert seen["outputs"] == {"id": ["1p", "1q", "2p", "2q"], "odd": [1, 1, None, None]}
    assert [each["matrix"] for each in seen["combinations"]][1] == {"x": 1, "y": "q"}


def test_a_job_without_a_strategy_gives_plain_outputs():
    builder = Builder()
    builder.job("a")
    result = run(builder, lambda task: success(task, x=1))
    assert result.jobs["a"].outputs == {"x": 1}


def test_a_matrix_key_may_come_from_another_job():
    builder = Builder()
    builder.job("gen")
    builder.job("use", ["gen"], matrix={"part": tuple(name("needs.gen.outputs.parts"))})
    result = run(builder, lambda task: success(task, parts=["a", "b", "c"]))
    assert [each.matrix["part"] for each in result.jobs["use"].combinations] == ["a", "b", "c"]


def test_a_whole_matrix_may_come_from_another_job():
    builder = Builder()
    builder.job("gen")
    builder.job("use", ["gen"], matrix=name("needs.gen.outputs.matrix"))
    result = run(builder, lambda task: success(task, matrix={"x": [1, 2], "y": [3]}))
    assert [each.matrix for each in result.jobs["use"].combinations] == [{"x": 1, "y": 3}, {"x": 2, "y": 3}]


@pytest.mark.parametrize("value", [3, "[1, 2]", ["a"], {"x": 1}, None])
def test_a_matrix_of_the_wrong_shape_fails_its_job_on_its_line(value):
    builder = Builder()
    builder.job("gen")
    job = builder.job("use", ["gen"], matrix=name("needs.gen.outputs.matrix"))
    line = builder.program.spans[builder.program.codes[job.strategy.matrix].span][1]
    result = run(builder, lambda task: success(task, matrix=value))
    assert result.jobs["use"].status == "failed"
    assert "map of lists" in result.jobs["use"].reason
    assert f"flow.yml:{line}" in result.jobs["use"].reason


def test_an_empty_matrix_skips_its_job_and_says_so():
    builder = Builder()
    builder.job("a", matrix={"x": []})
    job = run(builder).jobs["a"]
    assert (job.status, job.reason) == ("skip", "the matrix has no combinations")


def test_a_strategy_runs_one_at_a_time_unless_it_says_more():
    builder = Builder()
    builder.job("a", matrix={"x": [1, 2, 3, 4]})
    backend = Scripted(seed=1)
    run(builder, backend=backend)
    assert backend.most == 1


def most_at_once(expected, strategy, **options):
    """How many of six combinations ran at once: they are held until `expected` run and the engine rests."""
    builder = Builder()
    builder.job("a", matrix={"x": list(range(6))}, max_parallel=strategy)
    backend = Scripted(lambda task: None)

    def release():
        backend.outcome = success
        for key in list(backend.running):
            backend.end(key, success(backend.running[key]))

    def submitted(task):
        if len(backend.submitted) == expected:
            threading.Timer(0.05, release).start()

    backend.on_submit = submitted
    run(builder, backend=backend, **options)
    return backend.most


@pytest.mark.parametrize(("strategy", "whole", "most"), [(3, 8, 3), (8, 2, 2), (8, 8, 6)])
def test_the_smaller_bound_on_combinations_at_once_holds(strategy, whole, most):
    assert most_at_once(most, strategy, max_parallel=whole) == most


@pytest.mark.parametrize(
    ("environ", "option", "most"),
    [
        ({}, None, 2),
        ({"WORKFLOW_CORE_MAX_PARALLEL": "3"}, None, 3),
        ({"WORKFLOW_CORE_MAX_PARALLEL": "3", "JOBC_MAX_PARALLEL": "4"}, None, 4),
        ({"WORKFLOW_CORE_MAX_PARALLEL": "3", "JOBC_MAX_PARALLEL": "4"}, 1, 1),
    ],
)
def test_the_environment_bounds_combinations_and_the_option_wins(environ, option, most):
    assert most_at_once(most, 6, environ=environ, max_parallel=option) == most


def test_a_large_matrix_does_not_starve_a_small_job():
    builder = Builder()
    builder.job("big", matrix={"x": list(range(50))}, max_parallel=50)
    builder.job("small")
    backend = Scripted()
    run(builder, backend=backend, max_parallel=1)
    assert backend.submitted.index("small") <= 2


def test_fail_fast_cancels_what_runs_and_what_was_not_started():
    builder = Builder()
    builder.job("a", matrix={"x": [0, 1, 2, 3, 4]}, max_parallel=2, fail_fast=True)
    builder.job("after", ["a"], "all_done")
    backend = Scripted(lambda task: failure(task) if task.inputs.matrix.get("x") == 1 else None)
    backend.outcome = lambda task: (
        failure(task) if task.inputs.matrix.get("x") == 1 else None if task.inputs.matrix else success(task)
    )
    result = run(builder, backend=backend)
    job = result.jobs["a"]
    assert [each.status for each in job.combinations] == ["cancel", "failed", "cancel", "cancel", "cancel"]
    assert [each.matrix["x"] for each in job.combinations] == [0, 1, 2, 3, 4]
    assert job.status == "failed"
    assert "x=1" in job.reason
    assert statuses(result)["after"] == "success"
    assert backend.submitted == ["a[0]", "a[1]", "after"]


def test_without_fail_fast_all_combinations_run():
    builder = Builder()
    builder.job("a", matrix={"x": [0, 1, 2]})
    result = run(builder, lambda task: failure(task) if task.inputs.matrix["x"] == 0 else success(task))
    assert [each.status for each in result.jobs["a"].combinations] == ["failed", "success", "success"]
    assert result.jobs["a"].reason.startswith("1 of 3 combinations failed, first (x=0): boom")


def test_a_failed_combination_is_run_again_as_often_as_the_job_says():
    builder = Builder()
    job = builder.job("a", matrix={"x": [0, 1]})
    job.retry = builder.retry(2)
    attempts = []

    def outcome(task):
        attempt = task.inputs.run["attempt"]
        attempts.append((task.inputs.matrix["x"], attempt))
        return failure(task) if task.inputs.matrix["x"] == 0 and attempt < 3 else success(task)

    result = run(builder, outcome, max_parallel=1)
    assert [attempt for x, attempt in attempts if x == 0] == [1, 2, 3]
    assert [attempt for x, attempt in attempts if x == 1] == [1]
    assert result.jobs["a"].status == "success"
    assert result.jobs["a"].attempts == 3


def test_a_retry_that_names_exit_codes_ignores_others():
    builder = Builder()
    job = builder.job("a")
    job.retry = builder.retry(5, on=[75])
    result = run(builder, lambda task: failure(task, code=1))
    assert result.jobs["a"].attempts == 1
    result = run(builder, lambda task: failure(task, code=75))
    assert result.jobs["a"].attempts == 6


def test_jobs_of_one_concurrency_group_run_one_after_the_other():
    from jobc.ir.program import Concurrency

    builder = Builder()
    for id in "abc":
        builder.job(id).concurrency = Concurrency(builder.constant("deploy"))
    builder.job("free")
    backend = Scripted(lambda task: None)

    def submitted(task):
        if "free" in backend.submitted:
            for key in list(backend.running):
                backend.end(key, success(backend.running[key]))
            backend.outcome = success

    backend.on_submit = submitted
    result = run(builder, backend=backend)
    assert backend.most == 2
    assert backend.submitted == ["a", "free", "b", "c"]
    assert result.status == "success"


def test_a_group_that_cancels_in_progress_lets_the_newest_run():
    from jobc.ir.program import Concurrency

    builder = Builder()
    for id in "abc":
        concurrency = builder.job(id).concurrency = Concurrency(builder.constant("deploy"))
        concurrency.cancel_in_progress = builder.constant(True)
    backend = Scripted()
    result = run(builder, backend=backend)
    assert statuses(result) == {"a": "cancel", "b": "cancel", "c": "success"}
    assert "took over" in result.jobs["a"].reason
