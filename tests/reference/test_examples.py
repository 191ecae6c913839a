"""Each example of the reference, in both forms, does what the reference says of it."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobc import (
    FAILED,
    SKIP,
    SUCCESS,
    WAIT,
    DockerArgs,
    EmptyStage,
    Job,
    OnDocker,
    PyStage,
    Result,
    Workflow,
)
from jobc.model.compiling import compile_workflow

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "reference"
YAML = sorted(path.name for path in EXAMPLES.glob("*.job.yml"))
both = pytest.mark.parametrize("form", ["python", "yaml"])

Load = Callable[[str], dict[str, Any]]
Run = Callable[..., dict[str, Any]]


def jobc(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobc", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def values(job: dict[str, Any], key: str) -> list[Any]:
    return [each["matrix"][key] for each in job["combinations"]]


def test_every_example_is_there_in_both_forms() -> None:
    stems = {path.name.split(".")[0] for path in EXAMPLES.glob("[0-9]*.py")}
    assert stems <= {name.split(".")[0] for name in YAML}
    assert len(stems) == 28


@pytest.mark.parametrize("name", YAML)
def test_lint_has_nothing_to_say_of_the_yaml_form(name: str, world: object) -> None:
    done = jobc(EXAMPLES, "lint", "--no-cache", "--format", "json", name)
    found = json.loads(done.stdout)["diagnostics"]
    assert [each for each in found if each["severity"] != "info"] == []
    assert done.returncode == 0


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("[0-9]*.py")), ids=lambda path: path.stem)
def test_the_python_form_is_a_script(path: Path, world: pytest.MonkeyPatch) -> None:
    world.setattr(time, "sleep", lambda seconds: None)
    world.setenv("PREDECESSOR_EXIT", "0")
    world.setenv("DOCKER_HOST", "unix:///no/such.sock")
    runpy.run_path(str(path), run_name="__main__")


@both
def test_basic_job(form: str, run: Run) -> None:
    done = run("01-basic-job", form, name="job")
    job = done["data-processing"]
    assert job["status"] == SUCCESS
    assert job["outputs"] == {"result": "processed /data/input.csv"}
    assert [stage["name"] for stage in job["stages"].values()] == ["Start", "Process", "Complete"]
    assert done["trace"] == ["Processing started", "process_data('/data/input.csv')", "Processing finished"]


@both
def test_matrix_strategy_deploys_to_five_of_six(form: str, run: Run) -> None:
    done = run("02-matrix-strategy", form, name="job")
    job = done["multi-env-deploy"]
    assert job["status"] == SUCCESS
    deployed = [
        ("dev", "us-east"),
        ("staging", "us-east"),
        ("staging", "eu-west"),
        ("prod", "us-east"),
        ("prod", "eu-west"),
    ]
    assert [tuple(each["matrix"].values()) for each in job["combinations"]] == deployed
    assert sorted(done["trace"]) == sorted(f"kubectl apply -f deploy.yaml in {e}-{r}" for e, r in deployed)
    names = [stage["name"] for each in job["combinations"] for stage in each["stages"].values()]
    assert names == [f"Deploy to {e}-{r}" for e, r in deployed]


@pytest.mark.parametrize(("enabled", "status"), [(True, SUCCESS), (False, SKIP)])
@both
def test_dependencies_and_conditional_execution(form: str, enabled: bool, status: str, run: Run) -> None:
    done = run("03-dependencies-and-conditions", form, {"enable_processing": enabled})
    assert [done[id]["status"] for id in ("setup", "process", "cleanup")] == [SUCCESS, status, SUCCESS]
    processed = ["process_data()"] if enabled else []
    assert done["trace"] == ["mkdir -p /tmp/workspace", *processed, "rm -rf /tmp/workspace"]
    assert ("enable_processing" in (done["process"]["reason"] or "")) is not enabled


@both
def test_comprehensive_matrix_has_22_combinations(form: str, run: Run) -> None:
    done = run("04-comprehensive-matrix", form, {"database": "given"}, name="job")
    job = done["comprehensive-testing"]
    assert job["status"] == SUCCESS
    matrices = [each["matrix"] for each in job["combinations"]]
    assert len(matrices) == 22
    assert matrices[0] == {"python_version": "3.9", "platform": "linux", "database": "postgresql"}
    assert matrices[-1] == {"python_version": "3.12", "platform": "linux", "database": "postgresql"}
    assert not [m for m in matrices if m["platform"] == "windows" and m["database"] == "sqlite"]
    assert not [m for m in matrices if m["platform"] == "macos" and m["python_version"] == "3.9"]
    assert done["trace"].count("run_tests()") == done["trace"].count("Database: given") == 22


def test_comprehensive_matrix_is_what_make_gives(load: Load) -> None:
    made = load("04-comprehensive-matrix")["job"].strategy.make()
    assert len(made) == 22
    assert made[-1]["python_version"] == "3.12"


@both
def test_dynamic_matrix_comes_from_another_job(form: str, run: Run) -> None:
    job = run("05-dynamic-matrix", form)["dynamic-matrix"]
    assert job["status"] == SUCCESS
    assert [each["matrix"] for each in job["combinations"]] == [
        {"region": region, "instance_type": size}
        for region in ("us-east", "eu-west")
        for size in ("small", "large")
    ]


def test_dynamic_matrix_takes_the_result_of_a_job_executed_before(load: Load) -> None:
    example = load("05-dynamic-matrix")
    generated = example["generator"].execute({})
    result = example["job"].execute({"params": {}, "needs": {"generate-matrix": generated}})
    assert result.status == SUCCESS
    assert values(result.context, "region") == ["us-east", "us-east", "eu-west", "eu-west"]
    with pytest.raises(ValueError, match="known when the job runs"):
        example["job"].strategy.make()


@both
def test_fan_out_fan_in(form: str, run: Run) -> None:
    done = run("06-fan-out-fan-in", form)
    assert [done[id]["status"] for id in ("split-data", "process-partitions", "merge-results")] == [
        SUCCESS
    ] * 3
    assert values(done["process-partitions"], "partition") == ["a", "b", "c"]
    assert sorted(done["trace"][:3]) == [f"process_partition('{part}')" for part in "abc"]
    assert done["trace"][3:] == ["merge_all_partition_results()"]


@both
def test_circuit_breaker_closed(form: str, run: Run) -> None:
    done = run("07-circuit-breaker", form)
    assert [done[id]["status"] for id in ("health-check", "main-process", "fallback")] == [
        SUCCESS,
        SUCCESS,
        SKIP,
    ]
    assert done["trace"] == ["process_data()"]


@both
def test_circuit_breaker_open(form: str, run: Run, world: pytest.MonkeyPatch) -> None:
    world.setenv("SYSTEM_HEALTH", "bad")
    done = run("07-circuit-breaker", form)
    assert [done[id]["status"] for id in ("health-check", "main-process", "fallback")] == [
        FAILED,
        SKIP,
        SUCCESS,
    ]
    assert done["health-check"]["errors"][0]["message"] == "System unhealthy"
    assert done["trace"][-1] == "fallback_processing()"


def test_retry_with_exponential_backoff_in_python(run: Run, world: pytest.MonkeyPatch) -> None:
    slept: list[int] = []
    world.setattr(time, "sleep", slept.append)
    world.setenv("RISKY_SUCCEEDS_ON", "4")
    job = run("08-retry-with-backoff", "python", name="job")["retry-with-backoff"]
    assert job["status"] == SUCCESS
    assert slept == [1, 2, 4, 8]
    assert job["outputs"] == {"attempt": 4, "delay": 8}
    assert job["stages"]["0"]["attempts"] == 4


def test_retry_with_exponential_backoff_in_yaml(run: Run, world: pytest.MonkeyPatch) -> None:
    world.setenv("RISKY_SUCCEEDS_ON", "2")
    done = run("08-retry-with-backoff", "yaml")
    job = done["retry-with-backoff"]
    assert job["status"] == SUCCESS
    assert job["outputs"] == {"attempt": 2, "delay": 2}
    assert (
        "attempt 1 of 6 failed: Exception: Operation failed on attempt 1; the next one is in 0 s"
        in done["trace"]
    )


def test_retry_gives_up_after_five_further_attempts(run: Run, world: pytest.MonkeyPatch) -> None:
    world.setattr(time, "sleep", lambda seconds: None)
    world.setenv("RISKY_SUCCEEDS_ON", "99")
    job = run("08-retry-with-backoff", "python", name="job")["retry-with-backoff"]
    assert job["status"] == FAILED
    assert job["stages"]["0"]["attempts"] == 6
    assert job["errors"][0]["message"] == "Operation failed on attempt 6"


@both
def test_environment_specific_jobs(form: str, run: Run) -> None:
    done = run("09-environment-specific-jobs", form, name="deploy_job")
    job = done["deploy"]
    assert job["status"] == SUCCESS
    assert job["outputs"]["env"] == ["dev", "staging", "prod"]
    assert job["outputs"]["config"][2] == {"environment": "prod", "replicas": 3}
    assert done["trace"] == [
        "deploy_application({'environment': 'dev', 'replicas': 1})",
        "deploy_application({'environment': 'staging', 'replicas': 1})",
        "validate_production_deployment()",
        "notify_team('Production deployment starting')",
        "deploy_application({'environment': 'prod', 'replicas': 3})",
    ]


@both
def test_docker_example_compiles(form: str, load: Load) -> None:
    if form == "python":
        job = load("10-docker")["docker_job"]
        workflow = Workflow(name="docker", jobs={"docker-process": job})
    else:
        workflow = Workflow.from_yaml(EXAMPLES / "10-docker.job.yml")
        job = workflow.jobs["docker-process"]
    assert job.runs_on == OnDocker(
        args=DockerArgs(
            image="python:3.11-slim",
            env={"PYTHONPATH": "/app", "DATABASE_URL": "${{ params.database_url }}"},
            volume={"/local/data": "/app/data", "/local/output": "/app/output"},
        )
    )
    (lowered,) = compile_workflow(workflow).program.workflows[0].jobs
    assert lowered.runs_on.type == "docker"
    assert [name for name, _ in lowered.runs_on.args] == ["image", "env", "volume"]


def test_docker_example_without_a_daemon_fails_and_says_what_is_missing(
    load: Load, world: pytest.MonkeyPatch
) -> None:
    world.setenv("DOCKER_HOST", "unix:///no/such.sock")
    result = load("10-docker")["docker_job"].execute({"database_url": "postgresql://localhost/data"})
    assert result.status == FAILED
    assert "Docker" in str(result.context["errors"])


@pytest.mark.parametrize(
    ("environment", "enable_feature", "status"),
    [("production", True, SUCCESS), ("production", False, SKIP), ("dev", True, SKIP)],
)
@both
def test_parameter_based_conditions(
    form: str, environment: str, enable_feature: bool, status: str, run: Run
) -> None:
    params = {"environment": environment, "enable_feature": enable_feature}
    done = run("11-parameter-condition", form, params, name="job")
    assert done["conditional-job"]["status"] == status
    assert done["trace"] == (["enable_production_feature()"] if status == SUCCESS else [])


def test_parameter_based_conditions_are_answered_by_is_skipped(load: Load) -> None:
    job = load("11-parameter-condition")["job"]
    assert job.is_skipped({"environment": "production", "enable_feature": True}) is False
    assert job.is_skipped({"environment": "production", "enable_feature": False}) is True


@both
def test_time_based_conditions_now(form: str, run: Run) -> None:
    before = datetime.now(UTC).hour
    done = run("12-time-condition", form, name="job")
    after = datetime.now(UTC).hour
    possible = {SUCCESS if 9 <= hour <= 17 else SKIP for hour in (before, after)}
    assert done["time-based-job"]["status"] in possible


@pytest.mark.parametrize(
    ("hour", "status"), [("08", "skip"), ("09", "success"), ("17", "success"), ("18", "skip")]
)
def test_time_based_conditions_at_a_given_hour(hour: str, status: str, world: object, tmp_path: Path) -> None:
    instant = f"2024-05-06T{hour}:59:00Z"
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    done = jobc(folder, "run", "12-time-condition.job.yml", "--now", instant, "--format", "json")
    assert json.loads(done.stdout)["jobs"]["time-based-job"]["status"] == status


@pytest.mark.parametrize(("code", "status"), [("0", SUCCESS), ("1", SKIP)])
@both
def test_dependency_based_conditions(
    form: str, code: str, status: str, run: Run, world: pytest.MonkeyPatch
) -> None:
    world.setenv("PREDECESSOR_EXIT", code)
    done = run("13-dependency-condition", form)
    assert done["dependent-job"]["status"] == status
    assert ("dependent_task()" in done["trace"]) is (status == SUCCESS)


@pytest.mark.parametrize(("given", "status"), [("success", SUCCESS), ("failed", SKIP)])
def test_dependency_based_conditions_of_a_job_alone(given: str, status: str, load: Load) -> None:
    job = load("13-dependency-condition")["job"]
    needs = {"predecessor-job": {"status": given}}
    assert job.execute({"params": {}, "needs": needs}).status == status
    assert job.is_skipped({"params": {}, "needs": needs}) is (status == SKIP)


def test_job_state_transitions(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("14-state-transitions")
    monitor, earlier = example["monitor_job_lifecycle"], example["monitor_job_lifecycle"].__globals__
    workflow = Workflow.from_yaml(EXAMPLES / "14-state-transitions.job.yml")
    job = workflow.jobs["monitored"]
    assert monitor(job, {"enabled": False, "exit_code": 0}) == SKIP
    assert monitor(job, {"enabled": True, "exit_code": 0}) == WAIT
    earlier["previous_job_results"] = {"before": Result(status=SUCCESS)}
    assert monitor(job, {"enabled": True, "exit_code": 0}) == SUCCESS
    assert monitor(job, {"enabled": True, "exit_code": 3}) == FAILED
    impossible = Job(id="impossible", runs_on=load("28-environments")["environments"]["aws-batch"])
    assert monitor(impossible, {}) == FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "Job monitored will be skipped",
        "Job monitored waiting for dependencies",
        "Job monitored completed with status: SUCCESS",
        "Job monitored completed with status: FAILED",
    ]
    assert lines[4].startswith("Job impossible failed: ")


def test_job_result_aggregation_in_python(load: Load) -> None:
    example = load("15-result-aggregation")
    jobs = example["jobs"]
    aggregated = example["aggregate_job_results"](jobs, {id: job.execute({}) for id, job in jobs.items()})
    counts = [aggregated[f"{kind}_jobs"] for kind in ("total", "successful", "failed", "skipped")]
    assert counts == [3, 1, 1, 1]
    good = aggregated["job_details"]["good"]
    assert good["status"] == SUCCESS
    assert good["outputs"] == {"answer": 42}
    assert good["execution_time"] > 0


def test_job_result_aggregation_in_yaml(run: Run) -> None:
    aggregated = run("15-result-aggregation", "yaml")["aggregate"]["outputs"]
    counts = [aggregated[f"{kind}_jobs"] for kind in ("total", "successful", "failed", "skipped")]
    assert counts == [3, 1, 1, 1]
    assert aggregated["job_details"]["good"] == {"status": "success", "outputs": {"answer": 42}}


@pytest.mark.parametrize(
    ("name", "id", "key", "expected"),
    [
        ("cpu_intensive_job", "cpu-intensive", "task_id", list(range(100))),
        ("io_intensive_job", "io-intensive", "file_id", list(range(50))),
        ("resource_aware_job", "resource-aware", "region", ["us-east", "us-west", "eu-west"]),
    ],
)
def test_parallel_strategies_in_python(
    name: str, id: str, key: str, expected: list[object], load: Load
) -> None:
    job = load("16-parallel-strategies")[name]
    job.stages = [EmptyStage(echo="${{ matrix." + key + " }}")]
    result = job.execute({})
    assert result.status == SUCCESS
    assert values(result.context, key) == expected
    assert sorted(result.trace) == sorted(map(str, expected))


def test_parallel_strategies_without_stages_succeed(load: Load) -> None:
    result = load("16-parallel-strategies")["io_intensive_job"].execute({})
    assert result.status == SUCCESS
    assert len(result.context["combinations"]) == 50


def test_parallel_strategies_run_as_many_at_once_as_they_say(load: Load, world: pytest.MonkeyPatch) -> None:
    job = load("16-parallel-strategies")["io_intensive_job"]
    assert job.strategy.max_parallel == 20
    world.setenv("MEET", "20")
    meet = importlib.import_module("stand_ins").meet
    job.stages = [PyStage(run="at_once = meet()", vars={"meet": meet})]
    assert max(job.execute({}).outputs["at_once"]) == 20


def test_parallel_strategies_in_yaml(run: Run) -> None:
    done = run("16-parallel-strategies", "yaml", {"cpu_count": os.cpu_count()})
    assert values(done["cpu-intensive"], "task_id") == list(range(100))
    assert values(done["io-intensive"], "file_id") == list(range(50))
    assert values(done["resource-aware"], "region") == ["us-east", "us-west", "eu-west"]
    assert len(done["trace"]) == 153


@both
def test_caching(form: str, run: Run) -> None:
    first = run("17-caching", form, {"day": 1}, name="cached_job")
    second = run("17-caching", form, {"day": 1}, name="cached_job")
    other = run("17-caching", form, {"day": 2}, name="cached_job")
    assert first["trace"] == other["trace"] == ["expensive_computation()", "Computed and cached result"]
    assert second["trace"] == ["Using cached result"]
    for done, key in ((first, "day=1"), (second, "day=1"), (other, "day=2")):
        assert done["cached-computation"]["outputs"] == {"result": "42", "cache_key": key}


@both
def test_error_handling_where_nothing_fails(form: str, run: Run) -> None:
    done = run("18-error-handling", form)
    statuses = [done[id]["status"] for id in ("robust-processing", "fallback-processing", "cleanup")]
    assert statuses == [SUCCESS, SKIP, SUCCESS]
    assert done["trace"] == ["primary_processing()", "cleanup_resources()"]


@both
def test_error_handling_falls_back_and_cleans_up(form: str, run: Run, world: pytest.MonkeyPatch) -> None:
    world.setenv("PRIMARY_PROCESSING", "bad")
    done = run("18-error-handling", form)
    statuses = [done[id]["status"] for id in ("robust-processing", "fallback-processing", "cleanup")]
    assert statuses == [FAILED, SUCCESS, SUCCESS]
    assert done["robust-processing"]["stages"]["0"]["attempts"] == 4
    assert done["trace"].count("ERROR Primary processing failed: the primary is down") == 4
    assert done["trace"][-2:] == ["fallback_processing()", "cleanup_resources()"]


@pytest.mark.parametrize(
    ("memory", "trace"),
    [
        ("512", ["Low memory detected, using degraded mode", "process_with_limited_resources()"]),
        ("4096", ["process_with_full_resources()"]),
    ],
)
@both
def test_graceful_degradation_with_a_changed_parameter(
    form: str, memory: str, trace: list[str], run: Run, world: pytest.MonkeyPatch
) -> None:
    world.setenv("MEMORY_MB", memory)
    params: dict[str, object] = {}
    done = run("19-graceful-degradation", form, params, name="degraded_job")
    assert done["graceful-degradation"]["status"] == SUCCESS
    assert done["trace"] == trace
    assert params == {}, "the caller's parameters are not touched"


@both
def test_metrics_collection(form: str, run: Run) -> None:
    done = run("20-metrics", form, name="monitored_job")
    job = done["monitored-job"]
    assert job["status"] == SUCCESS
    metrics = job["outputs"]["metrics"]
    assert set(metrics) == {"execution_time", "memory_usage", "cpu_usage"}
    assert metrics["execution_time"] >= 0
    assert isinstance(metrics["memory_usage"], int)
    assert done["trace"] == ["process_data()"]


@both
def test_health_checks(form: str, run: Run, world: pytest.MonkeyPatch) -> None:
    job = run("21-health-checks", form, name="health_check_job")["health-check"]
    assert job["status"] == SUCCESS
    assert job["outputs"]["health_status"] == dict.fromkeys(["database", "api", "storage", "network"], True)
    world.setenv("UNHEALTHY", "api,network")
    job = run("21-health-checks", form, name="health_check_job")["health-check"]
    assert job["status"] == FAILED
    assert job["errors"][0]["message"] == "Unhealthy services: ['api', 'network']"
