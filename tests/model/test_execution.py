"""Executions from Python: needs, conditions, ids, traces, cancelling, threads, event loops, live objects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from jobc import (
    CANCEL,
    FAILED,
    SKIP,
    SUCCESS,
    WAIT,
    EmptyStage,
    Job,
    JobcError,
    Param,
    ParamError,
    PyStage,
    RaiseStage,
    Result,
    Rule,
    Status,
    Strategy,
    UsageError,
    Workflow,
)


def says(**params: str) -> Job:
    return Job(id="says", stages=[EmptyStage(echo="${{ params.x }}")])


@pytest.mark.parametrize(
    ("rule", "given", "status"),
    [
        ("all_success", "SS", SUCCESS),
        ("all_success", "SF", SKIP),
        ("all_failed", "FF", SUCCESS),
        ("all_failed", "SF", SKIP),
        ("all_done", "SF", SUCCESS),
        ("all_done", "KC", SUCCESS),
        ("one_success", "FS", SUCCESS),
        ("one_success", "FF", SKIP),
        ("one_failed", "FS", SUCCESS),
        ("one_failed", "SS", SKIP),
        ("none_failed", "SK", SUCCESS),
        ("none_failed", "SF", SKIP),
        ("none_failed", "SC", SKIP),
        ("none_skipped", "SF", SUCCESS),
        ("none_skipped", "SK", SKIP),
        ("all_done", "SW", WAIT),
        ("one_success", "SW", WAIT),
        ("one_failed", "F-", WAIT),
        ("all_done", "--", WAIT),
    ],
)
def test_check_needs(rule: str, given: str, status: Status) -> None:
    job = Job(needs=["a", "b"], trigger_rule=Rule(rule))
    statuses = {"S": SUCCESS, "F": FAILED, "K": SKIP, "C": CANCEL, "W": WAIT}
    results = {name: statuses[letter] for name, letter in zip("ab", given, strict=True) if letter != "-"}
    assert job.check_needs({name: Result(status) for name, status in results.items()}) is status
    assert job.check_needs({name: {"status": status} for name, status in results.items()}) is status
    assert job.check_needs({name: {"status": status.name} for name, status in results.items()}) is status
    assert (
        job.check_needs({**{n: {"status": s.value} for n, s in results.items()}, "c": Result(FAILED)})
        is status
    )


def test_check_needs_of_no_needs_is_success() -> None:
    assert Job().check_needs({}) is SUCCESS


def test_check_needs_refuses_what_is_no_status() -> None:
    with pytest.raises(ValueError, match="soon"):
        Job(needs=["a"]).check_needs({"a": {"status": "soon"}})


@pytest.mark.parametrize(
    ("condition", "params", "skipped"),
    [
        (None, {}, False),
        (True, {}, False),
        (False, {}, True),
        ("params.n > 3", {"n": 4}, False),
        ("${{ params.n > 3 }}", {"n": 3}, True),
        ("$<< params.who == 'me' >>", {"params": {"who": "you"}}, True),
        ("'x' in params.list", {"list": ["x"]}, False),
    ],
)
def test_is_skipped(condition: str | bool | None, params: dict[str, Any], skipped: bool) -> None:
    job = Job(id="job", condition=condition, stages=[EmptyStage(echo="ran")])
    assert job.is_skipped(params) is skipped
    result = job.execute(params)
    assert result.status is (SKIP if skipped else SUCCESS)
    assert (result.context["reason"] is not None) is skipped


@pytest.mark.parametrize("condition", ["params.n", "params.n / (params.n - 1) == 1"])
def test_a_condition_that_cannot_be_decided_is_an_error(condition: str) -> None:
    job = Job(id="job", condition=condition)
    with pytest.raises(JobcError, match="condition of job 'job'"):
        job.is_skipped({"n": 1})
    assert job.execute({"n": 1}).status is FAILED


def test_a_result_has_what_the_reference_names() -> None:
    job = Job(
        id="job",
        strategy=Strategy(matrix={"n": [1, 2]}),
        stages=[
            PyStage(
                id="double", name="Double ${{ matrix.n }}", run="twice = 2 * ${{ matrix.n }}\nprint(twice)"
            ),
            RaiseStage(condition="matrix.n == 2", raise_="two is too much"),
        ],
    )
    result = job.execute({}, run_id="run-1", parent_run_id="run-0")
    assert result.status is FAILED
    assert (result.run_id, result.parent_run_id) == ("run-1", "run-0")
    assert result.trace == ["2", "4"]
    assert result.outputs == result.context["outputs"] == {"twice": [2, 4]}
    assert result.context["execution_time"] > 0
    first, second = result.context["combinations"]
    assert (first["matrix"], first["status"], first["outputs"]) == ({"n": 1}, SUCCESS, {"twice": 2})
    assert (second["matrix"], second["status"]) == ({"n": 2}, FAILED)
    assert first["stages"]["double"]["name"] == "Double 1"
    assert first["stages"]["double"]["outputs"] == {"twice": 2}
    (error,) = result.errors
    assert (error["type"], error["message"], error["path"]) == ("raise", "two is too much", "job.job.yml")
    assert result == Result(FAILED, result.context)
    assert "FAILED" in repr(result)


def test_run_ids_are_made_and_differ() -> None:
    ids = {says().execute({"x": "x"}).run_id for _ in range(20)}
    assert len(ids) == 20
    assert None not in ids


def test_a_run_id_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be a run id"):
        says().execute({"x": "x"}, run_id="a b")


def test_a_run_knows_its_id() -> None:
    job = Job(id="job", stages=[EmptyStage(echo="${{ run.id }}")])
    assert job.execute({}, run_id="mine").trace == ["mine"]


def test_the_run_knows_its_parent() -> None:
    job = Job(id="job", stages=[EmptyStage(echo="${{ run.parent_id }}")])
    assert job.execute({}, run_id="mine", parent_run_id="theirs").trace == ["theirs"]
    workflow = Workflow(name="w", jobs={"job": job})
    assert workflow.execute({}, parent_run_id="theirs").trace == ["theirs"]


def test_parameters_may_be_wrapped() -> None:
    assert says().execute({"params": {"x": "wrapped"}}).trace == ["wrapped"]
    assert says().execute({"x": "bare"}).trace == ["bare"]
    both = Job(id="job", stages=[EmptyStage(echo="${{ params.params.x }}")])
    assert both.execute({"params": {"x": 1}, "other": 2}).trace == ["1"]


def test_parameters_of_a_workflow_are_checked() -> None:
    workflow = Workflow(
        name="w",
        params={"n": Param(type="int", min=1, required=True), "who": "str"},
        jobs={"a": Job(stages=[EmptyStage(echo="${{ params.n + 1 }} ${{ params.who }}")])},
    )
    assert workflow.execute({"n": 2, "who": "me"}).trace == ["3 me"]
    for wrong in (
        {"n": 0, "who": "me"},
        {"n": "2.5", "who": "me"},
        {"who": "me"},
        {"n": 1, "who": "me", "m": 2},
    ):
        with pytest.raises(ParamError):
            workflow.execute(wrong)


def test_a_workflow_gives_its_jobs_and_outputs() -> None:
    workflow = Workflow(
        name="w",
        outputs={"y": "${{ needs.b.outputs.y }}"},
        jobs={
            "a": Job(stages=[PyStage(run="x = 1")]),
            "b": Job(needs=["a"], stages=[PyStage(run="y = ${{ needs.a.outputs.x }} + 1")]),
            "c": Job(needs=["b"], condition=False, stages=[EmptyStage(echo="never")]),
        },
    )
    context = workflow.execute().context
    assert context["outputs"] == {"y": 2}
    assert {id: job["status"] for id, job in context["jobs"].items()} == {
        "a": SUCCESS,
        "b": SUCCESS,
        "c": SKIP,
    }
    assert context["jobs"]["b"]["outputs"] == {"y": 2}


def test_needs_may_be_given_to_a_job_alone() -> None:
    job = Job(
        id="job",
        needs=["before"],
        stages=[PyStage(run="n = ${{ needs.before.outputs.n }}\nfirst = needs.before.combinations[0]")],
    )
    before = Job(id="before", strategy=Strategy(matrix={"k": [7]}), stages=[PyStage(run="n = 3")]).execute({})
    outputs = job.execute({"params": {}, "needs": {"before": before}}).outputs
    assert outputs == {"n": [3], "first": {"matrix": {"k": 7}, "result": "success", "outputs": {"n": 3}}}
    given = {
        "before": {
            "result": "failed",
            "outputs": {"n": 5},
            "combinations": [{"matrix": {}, "result": "failed"}],
        }
    }
    assert job.execute({"params": {}, "needs": given}).outputs["n"] == 5


def test_a_changed_model_is_compiled_anew() -> None:
    job = says()
    assert job.execute({"x": "before"}).trace == ["before"]
    job.stages = [EmptyStage(echo="after")]
    assert job.execute({"x": "before"}).trace == ["after"]


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "lib.yml").write_text("part:\n  stages:\n    - echo: one\n")
    main = tmp_path / "main.job.yml"
    main.write_text("name: main\njobs:\n  a:\n    uses: lib.yml#part\n")
    workflow = Workflow.from_yaml(main)
    assert workflow.execute().trace == ["one"]
    (tmp_path / "lib.yml").write_text("part:\n  stages:\n    - echo: two\n")
    assert workflow.execute().trace == ["two"]


def test_importing_the_package_imports_no_model() -> None:
    import subprocess

    code = "import sys, jobc; print([m for m in sys.modules if m.startswith(('jobc.', 'pydantic'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unset_strategy_is_one_empty_combination() -> None:
    assert Strategy().make() == [{}]
    assert Strategy().is_set() is False
    assert Strategy(matrix={"n": range(3)}).is_set() is True
    assert Strategy(matrix={"n": range(3)}).make() == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert Strategy(matrix="${{ params.matrix }}").is_set() is True
    assert Strategy(include=[{"n": 1}]).make() == [{"n": 1}]
    result = Job(id="job", stages=[EmptyStage(echo="once")]).execute({})
    assert result.context["combinations"][0]["matrix"] == {}


@pytest.mark.parametrize("needs", [[], ["before"]])
def test_an_error_is_on_the_line_of_the_job_as_yaml(needs: list[str]) -> None:
    job = Job(id="job", needs=needs, stages=[PyStage(run="x = 1\nraise KeyError('here')")])
    lines = Workflow(name="job", jobs={"job": job}).to_yaml().splitlines()
    (error,) = job.execute({}).errors
    assert "here" in lines[error["line"] - 1]


def test_the_rule_is_not_asked_of_a_job_executed_alone() -> None:
    job = Job(id="job", needs=["a"], trigger_rule=Rule.ALL_FAILED, stages=[EmptyStage(echo="ran")])
    assert job.execute({}).trace == ["ran"]
    assert job.execute({"params": {}, "needs": {"a": Result(FAILED)}}).trace == ["ran"]
    assert job.trigger_rule is Rule.ALL_FAILED
