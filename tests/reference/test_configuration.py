"""The reference's configuration: its schema in every key, its environments, its four variables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobc import (
    FAILED,
    SUCCESS,
    Result,
    UsageError,
    Workflow,
)
from jobc.model.compiling import compile_workflow

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "reference"
YAML = sorted(path.name for path in EXAMPLES.glob("*.job.yml"))
both = pytest.mark.parametrize("form", ["python", "yaml"])

Load = Callable[[str], dict[str, Any]]
Run = Callable[..., dict[str, Any]]


def values(job: dict[str, Any], key: str) -> list[Any]:
    return [each["matrix"][key] for each in job["combinations"]]


def job_timeout(form: str, load: Load) -> Result:
    if form == "python":
        result: Result = load("27-environment-variables")["slow_job"].execute({})
        return result
    return Workflow.from_yaml(EXAMPLES / "27-environment-variables.job.yml", "slow").execute({})


@pytest.mark.parametrize(
    ("example", "form"),
    [
        ("26-configuration-schema", "python"),
        ("26-configuration-schema", "yaml"),
        ("26-configuration-schema-snake", "yaml"),
    ],
)
def test_configuration_schema(example: str, form: str, run: Run) -> None:
    done = run(example, form)
    assert set(done) == {"job1", "job2", "unique-job-id", "trace"}
    job = done["unique-job-id"]
    assert job["status"] == SUCCESS
    made = [
        ("value1", "value4"),
        ("value2", "value3"),
        ("value2", "value4"),
        ("value5", "value6"),
    ]
    assert [tuple(each["matrix"].values()) for each in job["combinations"]] == made
    assert sorted(done["trace"][2:]) == [f"{a} {b}" for a, b in made]
    assert [each["stages"]["0"]["name"] for each in job["combinations"]] == ["Stage Name"] * 4


def test_configuration_schema_is_the_same_in_all_spellings(load: Load) -> None:
    kebab, snake = (
        Workflow.from_yaml(EXAMPLES / f"26-configuration-schema{suffix}.job.yml", None)
        for suffix in ("", "-snake")
    )
    assert kebab.jobs == snake.jobs
    assert kebab.jobs["unique-job-id"] == load("26-configuration-schema")["job"]


@pytest.mark.parametrize("variable", ["WORKFLOW_CORE_JOB_TIMEOUT", "JOBC_JOB_TIMEOUT"])
@both
def test_job_timeout_variable(form: str, variable: str, load: Load, world: pytest.MonkeyPatch) -> None:
    world.setenv("WORKFLOW_CORE_JOB_TIMEOUT", "50")
    world.setenv(variable, "0.3")
    result = job_timeout(form, load)
    assert result.status == FAILED
    assert [error["type"] for error in result.errors] == ["timeout"]
    assert "0.3 s" in result.errors[0]["message"]


@pytest.mark.parametrize("prefix", ["WORKFLOW_CORE_", "JOBC_"])
@both
def test_retry_variables(form: str, prefix: str, load: Load, world: pytest.MonkeyPatch) -> None:
    world.setenv("WORKFLOW_CORE_RETRY_ATTEMPTS", "7")
    world.setenv("WORKFLOW_CORE_RETRY_DELAY", "9")
    world.setenv(prefix + "RETRY_ATTEMPTS", "2")
    world.setenv(prefix + "RETRY_DELAY", "0.05")
    if form == "python":
        result = load("27-environment-variables")["failing_job"].execute({})
        attempts = result.context["stages"]["fail"]["attempts"]
    else:
        workflow = Workflow.from_yaml(EXAMPLES / "27-environment-variables.job.yml", "failing")
        result = workflow.execute({})
        attempts = result.context["jobs"]["failing"]["stages"]["fail"]["attempts"]
    assert result.status == FAILED
    assert attempts == 3
    assert sum("the next one is in 50 ms" in line or "0.05 s" in line for line in result.trace) == 2


@pytest.mark.parametrize(
    ("variables", "most"),
    [
        ({}, 2),
        ({"WORKFLOW_CORE_MAX_PARALLEL": "1"}, 1),
        ({"WORKFLOW_CORE_MAX_PARALLEL": "1", "JOBC_MAX_PARALLEL": "4"}, 4),
    ],
)
@both
def test_max_parallel_variable(
    form: str, variables: dict[str, str], most: int, load: Load, world: pytest.MonkeyPatch
) -> None:
    for name, value in {**variables, "MEET": str(most)}.items():
        world.setenv(name, value)
    if form == "python":
        workflow = load("27-environment-variables")["wide_workflow"]
    else:
        workflow = Workflow.from_yaml(EXAMPLES / "27-environment-variables.job.yml", "wide")
    jobs = workflow.execute({}).context["jobs"].values()
    assert max(job["outputs"]["at_once"] for job in jobs) == most


@pytest.mark.parametrize("name", ["JOB_TIMEOUT", "MAX_PARALLEL"])
def test_a_variable_that_makes_no_sense_is_refused(name: str, load: Load, world: pytest.MonkeyPatch) -> None:
    world.setenv("WORKFLOW_CORE_" + name, "soon")
    with pytest.raises(UsageError, match=f"WORKFLOW_CORE_{name}.*soon"):
        load("27-environment-variables")["wide_workflow"].execute({})


@both
def test_execution_environments_compile(form: str, load: Load) -> None:
    if form == "python":
        workflow = load("28-environments")["workflow"]
    else:
        workflow = Workflow.from_yaml(EXAMPLES / "28-environments.job.yml")
    jobs = compile_workflow(workflow).program.workflows[0].jobs
    assert [(job.id, job.runs_on.type) for job in jobs] == [
        (name, name) for name in ("local", "self-hosted", "docker", "az-batch", "aws-batch", "cloud-batch")
    ]
    assert [name for name, _ in jobs[1].runs_on.args] == ["host", "token"]
    assert len(jobs[3].runs_on.args) == 5


def test_execution_environments_are_the_same_in_both_forms(load: Load) -> None:
    python = load("28-environments")["workflow"]
    yaml = Workflow.from_yaml(EXAMPLES / "28-environments.job.yml")
    assert [job.runs_on for job in yaml.jobs.values()] == [job.runs_on for job in python.jobs.values()]
