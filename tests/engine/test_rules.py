"""Trigger rules, conditions and what skips and failures do to the jobs behind them."""

from __future__ import annotations

import itertools

import pytest
from engine_programs import Builder, Scripted, failure, name, run, statuses, success
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.errors import UsageError
from jobc.interpreter.api import CombinationResult
from jobc.ir.status import RULES

STATUSES = ("success", "failed", "skip", "cancel")


def ends(wanted):
    """An outcome by job id."""

    def outcome(task):
        id = task.program.workflows[task.workflow].jobs[task.job].id
        status = wanted.get(id, "success")
        if status == "failed":
            return failure(task)
        if status == "success":
            return success(task)
        return CombinationResult(status, task.inputs.matrix)

    return outcome


#: Of two needs; the expected verdict of every rule, written down by hand.
RUNS = {
    "all_success": lambda a, b: (a, b) == ("success", "success"),
    "all_failed": lambda a, b: (a, b) == ("failed", "failed"),
    "all_done": lambda a, b: True,
    "one_success": lambda a, b: "success" in (a, b),
    "one_failed": lambda a, b: "failed" in (a, b),
    "none_failed": lambda a, b: "failed" not in (a, b) and "cancel" not in (a, b),
    "none_skipped": lambda a, b: "skip" not in (a, b),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("first", "second"), list(itertools.product(STATUSES, STATUSES)))
def test_every_rule_under_every_pair_of_results(rule, first, second):
    builder = Builder()
    builder.job("a")
    builder.job("b")
    builder.job("c", ["a", "b"], rule)
    result = run(builder, ends({"a": first, "b": second}))
    job = result.jobs["c"]
    if RUNS[rule](first, second):
        assert job.status == "success"
        assert job.reason is None
    else:
        assert job.status == "skip"
        assert rule in job.reason
        assert f"a: {first}, b: {second}" in job.reason


def test_a_job_without_needs_runs_under_every_rule():
    builder = Builder()
    for rule in RULES:
        builder.job(rule, [], rule)
    assert set(statuses(run(builder)).values()) == {"success"}


def test_a_diamond_runs_each_job_once_and_the_last_one_last():
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"])
    builder.job("c", ["a"])
    builder.job("d", ["b", "c"])
    backend = Scripted()
    run(builder, backend=backend)
    assert backend.submitted == ["a", "b", "c", "d"]


def test_a_skip_goes_on_and_every_job_says_because_of_which_need():
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"], "all_failed")
    builder.job("c", ["b"])
    builder.job("d", ["c"])
    builder.job("e", ["d"], "all_done")
    result = run(builder)
    assert statuses(result) == {"a": "success", "b": "skip", "c": "skip", "d": "skip", "e": "success"}
    assert result.jobs["b"].reason == "rule all_failed does not hold: a: success"
    assert result.jobs["d"].reason == "rule all_success does not hold: c: skip"
    assert result.status == "success"


def test_a_long_chain_of_skips_needs_no_recursion():
    builder = Builder()
    builder.job("j0", condition=False)
    for number in range(1, 3000):
        builder.job(f"j{number}", [f"j{number - 1}"])
    result = run(builder)
    assert set(statuses(result).values()) == {"skip"}


def test_a_false_condition_says_which_part_of_it_and_with_which_values():
    builder = Builder()
    builder.job("a")
    condition = ["and", ["==", name("needs.a.result"), "success"], ["==", name("params.env"), "prod"]]
    builder.job("b", ["a"], condition=condition)
    result = run(builder, params={"env": "dev"})
    assert result.jobs["b"].status == "skip"
    assert "params.env" in result.jobs["b"].reason
    assert "'dev'" in result.jobs["b"].reason
    assert "needs.a.result is" not in result.jobs["b"].reason


def test_a_condition_that_is_no_boolean_fails_the_job_on_its_line():
    builder = Builder()
    job = builder.job("a", condition=name("params.n"))
    line = builder.program.spans[builder.program.codes[job.condition].span][1]
    result = run(builder, params={"n": 3})
    assert result.jobs["a"].status == "failed"
    error = result.jobs["a"].error
    assert (error.path, error.line) == ("flow.yml", line)
    assert "true or false" in error.message
    assert "3" in error.message


def test_needs_carry_results_and_outputs_into_conditions():
    builder = Builder()
    builder.job("a")
    builder.job("b", ["a"], condition=["==", name("needs.a.outputs.go"), "yes"])
    assert run(builder, lambda task: success(task, go="yes")).jobs["b"].status == "success"
    assert run(builder, lambda task: success(task, go="no")).jobs["b"].status == "skip"


def test_a_failed_job_fails_the_run_unless_it_is_marked_to_continue():
    builder = Builder()
    job = builder.job("check")
    builder.job("fallback", ["check"], "all_failed")
    assert run(builder, ends({"check": "failed"})).status == "failed"
    job.continue_on_error = builder.constant(True)
    result = run(builder, ends({"check": "failed"}))
    assert result.status == "success"
    assert statuses(result) == {"check": "failed", "fallback": "success"}


def test_only_a_chosen_job_and_what_it_needs_runs():
    builder = Builder()
    builder.job("a")
    builder.job("b")
    builder.job("c", ["a"])
    builder.job("d", ["c"])
    assert list(run(builder, job="c").jobs) == ["a", "c"]


def reference(jobs, outcomes):
    """What a run must come to, in the plainest way to say it."""
    found: dict[str, str] = {}
    for id, needs, rule in jobs:
        seen = [found[need] for need in needs]
        holds = (
            not seen
            or {
                "all_success": set(seen) == {"success"},
                "all_failed": set(seen) == {"failed"},
                "all_done": True,
                "one_success": "success" in seen,
                "one_failed": "failed" in seen,
                "none_failed": not {"failed", "cancel"} & set(seen),
                "none_skipped": "skip" not in seen,
            }[rule]
        )
        found[id] = outcomes[id] if holds else "skip"
    return found


@st.composite
def graphs(draw):
    jobs = []
    outcomes = {}
    for number in range(draw(st.integers(1, 9))):
        before = [job[0] for job in jobs]
        needs = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        jobs.append((f"j{number}", needs, draw(st.sampled_from(RULES))))
        outcomes[f"j{number}"] = draw(st.sampled_from(STATUSES))
    return jobs, outcomes


@settings(max_examples=120, deadline=None)
@given(graphs(), st.integers(0, 2**20), st.integers(1, 4))
def test_statuses_follow_from_results_alone_whatever_order_they_arrive_in(graph, seed, parallel):
    jobs, outcomes = graph
    builder = Builder()
    for id, needs, rule in jobs:
        builder.job(id, needs, rule)
    result = run(builder, backend=Scripted(ends(outcomes), seed), max_parallel=parallel)
    assert statuses(result) == reference(jobs, outcomes)
    assert list(result.jobs) == [id for id, _, _ in jobs]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKFLOW_CORE_RETRY_ATTEMPTS", "many"),
        ("JOBC_CORE_RETRY_ATTEMPTS", "-1"),
        ("WORKFLOW_CORE_RETRY_DELAY", "soon"),
        ("WORKFLOW_CORE_JOB_TIMEOUT", "never"),
    ],
)
def test_a_setting_of_the_environment_that_makes_no_sense_is_named_before_anything_runs(name, value):
    builder = Builder()
    builder.job("a")
    backend = Scripted(success)
    with pytest.raises(UsageError, match=name):
        run(builder, backend=backend, environ={name: value})
    assert backend.submitted == []
