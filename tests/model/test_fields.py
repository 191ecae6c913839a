"""Keys in every spelling, unknown ones, wrong values: nothing is dropped or defaulted in silence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from jobc import (
    BashStage,
    CaseStage,
    CompileError,
    EmptyStage,
    Job,
    OnAzBatch,
    OnCloudBatch,
    OnDocker,
    OnSelfHosted,
    OnSlurm,
    Param,
    PyStage,
    Rule,
    Strategy,
    Workflow,
)
from jobc.model.base import kebab
from jobc.model.job import Concurrency
from jobc.model.runs_on import MODELS
from jobc.model.stages import KINDS, Arm, Retry
from jobc.syntax import keys


@pytest.mark.parametrize(
    ("make", "unknown", "nearest"),
    [
        (lambda: Job(stage=[]), "stage", "stages"),  # type: ignore[call-arg]
        (lambda: Job(**{"trigger-rules": "all_done"}), "trigger-rules", "trigger-rule"),
        (lambda: Strategy(max_paralel=3), "max_paralel", "max-parallel"),  # type: ignore[call-arg]
        (lambda: PyStage(run="", var={}), "var", "vars"),  # type: ignore[call-arg]
        (lambda: BashStage(bash="", scrpt=""), "scrpt", None),  # type: ignore[call-arg]
        (lambda: Workflow(job={}), "job", "jobs"),  # type: ignore[call-arg]
        (lambda: OnDocker(args={"imag": "x"}), "imag", "image"),  # type: ignore[arg-type]
        (lambda: Job(stages=[{"run": "", "retri": 3}]), "retri", "retry"),  # type: ignore[list-item]
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_name(
    make: Any, unknown: str, nearest: str | None
) -> None:
    with pytest.raises(ValidationError) as raised:
        make()
    message = str(raised.value)
    assert f"no field {unknown!r}" in message
    assert (f"did you mean {nearest!r}?" if nearest else "there are: bash, ") in message


def test_both_spellings_are_one_field() -> None:
    snake = Job(
        id="a",
        runs_on="docker" and OnDocker(args={"image": "x"}),  # type: ignore[arg-type]
        trigger_rule=Rule.ONE_FAILED,
        continue_on_error=True,
        strategy=Strategy(max_parallel=3, fail_fast=True),
        condition="true",
    )
    alias = Job.model_validate(
        {
            "id": "a",
            "runs-on": {"type": "docker", "image": "x"},
            "trigger-rule": "one_failed",
            "continue-on-error": True,
            "strategy": {"max-parallel": 3, "fail-fast": True},
            "if": "true",
        }
    )
    assert snake == alias
    assert snake.to_mapping() == alias.to_mapping()
    assert snake.strategy.max_parallel == 3


def test_a_field_given_twice_in_two_spellings_is_refused() -> None:
    with pytest.raises(ValidationError, match="given 'max_parallel' twice"):
        Strategy(**{"max-parallel": 2, "max_parallel": 3})


def test_assignment_is_checked_too() -> None:
    job = Job()
    with pytest.raises(ValidationError):
        job.needs = 3  # type: ignore[assignment]
    with pytest.raises(ValidationError):
        job.strategy.max_parallel = 0


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": Strategy(max_parallel="many")},
        {"strategy": Strategy(fail_fast="yes")},
        {"strategy": Strategy(matrix={"a": "not an expression"})},
        {"timeout": "soon"},
        {"timeout": -1},
        {"retry": -1},
        {"continue_on_error": "yes"},
        {"condition": "'text'"},
        {"condition": "${{ 1 }}"},
        {"needs": ["nobody"], "condition": "${{ needs.somebody.result == 'success' }}"},
        {"stages": [PyStage(run="def (")]},
        {"stages": [EmptyStage(echo="${{ nothing }}")]},
        {"stages": [{"run": "", "isolation": "inline"}, {"raise": "x", "retry": {"attempts": "many"}}]},
    ],
)
def test_a_text_that_makes_no_sense_is_an_error_with_its_place(fields: dict[str, Any]) -> None:
    with pytest.raises(CompileError) as raised:
        Job(id="job", **fields).execute({})
    assert "job.job.yml:" in str(raised.value)
    assert raised.value.diagnostics


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", True),
        ("retry", 2.5),
        ("condition", 1),
        ("continue_on_error", 1),
        ("id", 3),
        ("env", []),
        ("outputs", []),
        ("resources", 3),
        ("concurrency", 3),
    ],
)
def test_a_wrong_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Job(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [object(), len, b"bytes", 1j])
@pytest.mark.parametrize("field", ["env", "extras", "outputs"])
def test_what_no_file_can_hold_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match="a jobs file cannot hold"):
        Job(id="job", **{field: {"a": value}}).execute({})  # type: ignore[arg-type]


def test_a_decimal_keeps_its_digits() -> None:
    job = Job(id="job", env={"PRICE": Decimal("1.50")}, stages=[BashStage(bash="echo $PRICE")])
    assert job.execute({}).trace == ["1.50"]


def test_what_is_put_into_a_default_afterwards_counts() -> None:
    job = Job(id="job")
    job.stages.append(EmptyStage(echo="appended"))
    job.env["A"] = "1"
    stage = PyStage(run="print(f())")
    stage.vars["f"] = lambda: "live"
    job.stages.append(stage)
    assert job.execute({}).trace == ["appended", "live"]
    assert Job().stages == []


def test_a_job_goes_by_its_id_whatever_its_key() -> None:
    workflow = Workflow(jobs={"a": Job(id="b"), "c": Job()})
    assert list(workflow.jobs) == ["b", "c"]
    with pytest.raises(ValidationError, match="two jobs are called 'b'"):
        Workflow(jobs={"a": Job(id="b"), "b": Job()})


def test_a_job_without_id_may_stand_in_two_workflows() -> None:
    job = Job(stages=[EmptyStage(echo="x")])
    assert [list(Workflow(jobs={name: job}).jobs) for name in ("one", "two")] == [["one"], ["two"]]
    assert job.id is None


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ("az_batch", OnAzBatch),
        ("azure-batch", OnAzBatch),
        ("gcp_batch", OnCloudBatch),
        ("cloud-batch", OnCloudBatch),
        ("self_hosted", OnSelfHosted),
        ("slurm", OnSlurm),
    ],
)
def test_an_environment_goes_by_all_its_names(given: str, model: type) -> None:
    args = {
        "az-batch": dict.fromkeys(
            [
                "batch-account-name",
                "batch_account_key",
                "batch-account-url",
                "storage-account-name",
                "storage_account_key",
            ],
            "x",
        ),
        "cloud-batch": {"project-id": "p", "region": "r", "gcs_bucket": "b"},
        "self-hosted": {"host": "h", "token": "t"},
        "slurm": {"partition": "p"},
    }
    kind = next(kind for kind in args if MODELS[kind] is model)
    beside = Job.model_validate({"runs-on": {"type": given, **args[kind]}})
    below = Job.model_validate({"runs_on": {"type": given, "args": args[kind]}})
    assert type(beside.runs_on) is model
    assert beside == below


def test_an_explicit_local_is_written_since_defaults_may_say_otherwise() -> None:
    workflow = Workflow.from_yaml(
        "defaults:\n  runs-on: {type: docker, image: x}\njobs:\n  a:\n    runs-on: local\n    stages: []\n  b:\n    stages: []\n"
    )
    assert workflow.to_yaml().count("type: local") == 1


def test_a_default_of_null_is_a_default() -> None:
    declared = {"a": Param(type="str", default=None), "b": Param(type="str")}
    workflow = Workflow(name="w", params=declared, jobs={"j": Job(stages=[EmptyStage(echo="x")])})
    assert workflow.to_yaml().count("default") == 1
    assert Workflow.from_yaml(workflow.to_yaml()) == workflow


def test_a_secret_is_not_quoted_in_an_error() -> None:
    with pytest.raises(ValidationError) as raised:
        Job.model_validate({"runs_on": {"type": "self-hosted", "host": "h", "tokn": "swordfish"}})
    assert "swordfish" not in str(raised.value)


TABLES: list[tuple[keys.Table, Any]] = [
    (keys.JOB, Job),
    (keys.PARAM, Param),
    (keys.RETRY, Retry),
    (keys.STRATEGY, Strategy),
    (keys.CONCURRENCY, Concurrency),
    (keys.ARM, Arm),
    *(
        (table, MODELS[name].model_fields["args"].annotation)
        for name, table in keys.ENVIRONMENT_ARGS.items()
        if name != "local"
    ),
    *(
        (kind.table, model)
        for model in KINDS
        for kind in keys.KINDS.values()
        if kind.keys == model.kind_keys and kind.name != "use"
    ),
]


@pytest.mark.parametrize(("table", "model"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_model_has_the_keys_of_yaml(table: keys.Table, model: Any) -> None:
    assert {kebab(name) for name in model.model_fields} == {key.name for key in table.keys}


def test_a_workflow_has_the_keys_of_yaml() -> None:
    assert {kebab(name) for name in Workflow.model_fields} | {"type"} == {
        key.name for key in keys.WORKFLOW.keys
    }


def test_all_kinds_of_stages_have_models() -> None:
    assert len(TABLES) == 6 + 6 + len(KINDS)
    assert CaseStage in KINDS
