"""The four snippets of the reference for finding out what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobc import (
    SKIP,
    SUCCESS,
)

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "reference"
YAML = sorted(path.name for path in EXAMPLES.glob("*.job.yml"))
both = pytest.mark.parametrize("form", ["python", "yaml"])

Load = Callable[[str], dict[str, Any]]
Run = Callable[..., dict[str, Any]]


def values(job: dict[str, Any], key: str) -> list[Any]:
    return [each["matrix"][key] for each in job["combinations"]]


def test_troubleshooting_dependencies_not_met_in_python(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    load("22-dependencies-not-met")
    assert capsys.readouterr().out.splitlines() == [
        "Job after-a dependency status: SUCCESS",
        "Job after-both dependency status: SKIP",
        "Job after-failure dependency status: SUCCESS",
        "Job after-a-job-that-never-ran dependency status: WAIT",
    ]


def test_troubleshooting_dependencies_not_met_in_yaml(run: Run) -> None:
    done = run("22-dependencies-not-met", "yaml")
    ended = ("after-a", "after-both", "after-failure", "after-a-job-that-never-ran")
    assert [done[id]["status"] for id in ended] == [SUCCESS, SKIP, SUCCESS, SUCCESS]
    assert done["after-both"]["reason"] == "rule all_success does not hold: job-a: success, job-b: failed"


def test_troubleshooting_matrix_issues_in_python(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    load("23-matrix-issues")
    assert capsys.readouterr().out.splitlines() == [
        "Generated 3 combinations:",
        "  {'env': 'dev', 'region': 'us-east'}",
        "  {'env': 'prod', 'region': 'us-east'}",
        "  {'env': 'prod', 'region': 'eu-west'}",
    ]


def test_troubleshooting_matrix_issues_in_yaml(run: Run) -> None:
    job = run("23-matrix-issues", "yaml")["inspect"]
    assert [tuple(each["matrix"].values()) for each in job["combinations"]] == [
        ("dev", "us-east"),
        ("prod", "us-east"),
        ("prod", "eu-west"),
    ]


def test_troubleshooting_resource_exhaustion_in_python(load: Load) -> None:
    example = load("24-resource-exhaustion")
    job = example["job"]
    assert 1 <= job.strategy.max_parallel <= 10
    assert job.strategy.max_parallel == example["max_parallel"]
    result = job.execute({})
    assert result.status == SUCCESS
    assert values(result.context, "task_id") == list(range(100))


def test_troubleshooting_resource_exhaustion_in_yaml(run: Run) -> None:
    done = run("24-resource-exhaustion", "yaml")
    assert done["measure"]["outputs"]["available_memory"] > 0
    assert values(done["resource-aware"], "task_id") == list(range(100))


def test_troubleshooting_condition_issues_in_python(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("25-condition-issues")
    assert capsys.readouterr().out.splitlines() == [
        "Job would be skipped: False",
        "Environment parameter: production",
    ]
    assert example["job"].is_skipped({"environment": "dev"}) is True


@pytest.mark.parametrize(("environment", "status"), [("production", SUCCESS), ("dev", SKIP)])
def test_troubleshooting_condition_issues_in_yaml(environment: str, status: str, run: Run) -> None:
    job = run("25-condition-issues", "yaml", {"environment": environment})["conditional-job"]
    assert job["status"] == status
    if status == SKIP:
        assert "'dev'" in job["reason"]
