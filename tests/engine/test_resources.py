"""What jobs take of this machine: never more than it has, and nobody is starved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from engine_programs import Builder, statuses
from hypothesis import given
from hypothesis import strategies as st

from jobc.backends.api import Capabilities
from jobc.engine.resources import Room, amount, machine, needs
from jobc.engine.simulation import failed, simulate
from jobc.errors import UsageError

MACHINE = {"JOBC_LOCAL_CPU": "4", "JOBC_LOCAL_MEMORY": "8G", "JOBC_LOCAL_GPU": "1"}


def with_resources(builder: Builder, id: str, resources: Mapping[str, Any], **more: Any) -> None:
    job = builder.job(id, **more)
    job.resources = [(name, builder.constant(value)) for name, value in resources.items()]


def logs(simulation: Any) -> list[str]:
    return [event["text"] for event in simulation.events if event["event"] == "log"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("cpu", 2, 2.0),
        ("cpu", "0.5", 0.5),
        ("cpu", "2G", None),
        ("cpu", True, None),
        ("cpu", -1, None),
        ("memory", "512M", 512 * 2**20),
        ("memory", "1.5 GiB", 1.5 * 2**30),
        ("memory", "4gb", 4 * 2**30),
        ("memory", 1024, 1024.0),
        ("memory", "lots", None),
    ],
)
def test_amounts(kind: str, value: Any, expected: float | None) -> None:
    assert amount(kind, value) == expected


def test_an_amount_that_is_none_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"`memory` is `lots`, which is no amount; write .*`4G`"):
        needs({"memory": "lots"})


def test_this_machine_has_a_processor_and_memory() -> None:
    found = machine({})
    assert found["cpu"] > 0
    assert found["memory"] > 2**20
    assert machine({"CUDA_VISIBLE_DEVICES": "0,3"})["gpu"] == 2.0
    assert machine({"CUDA_VISIBLE_DEVICES": ""})["gpu"] == 0.0


def test_a_bad_variable_is_told() -> None:
    with pytest.raises(UsageError, match="JOBC_LOCAL_MEMORY cannot be `much`"):
        machine({"JOBC_LOCAL_MEMORY": "much"})


def test_combinations_share_the_processors() -> None:
    builder = Builder()
    with_resources(builder, "a", {"cpu": 2}, matrix={"x": list(range(6))}, max_parallel=6)
    simulation = simulate(builder.program, max_parallel=6, environ=MACHINE)
    assert simulation.most == 2
    assert simulation.makespan == 3.0


def test_jobs_without_resources_take_none() -> None:
    builder = Builder()
    with_resources(builder, "a", {"cpu": 4})
    builder.job("b", matrix={"x": [1, 2, 3]}, max_parallel=3)
    simulation = simulate(builder.program, max_parallel=4, environ=MACHINE)
    assert simulation.makespan == 1.0


def test_resources_may_depend_on_the_combination() -> None:
    builder = Builder()
    job = builder.job("a", matrix={"x": [4, 1, 1.5, 0.5, 0.25]}, max_parallel=5)
    job.resources = [("cpu", builder.code(["get", ["name", "matrix"], "x"]))]
    simulation = simulate(builder.program, max_parallel=5, environ=MACHINE)
    assert simulation.times("combination-started") == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_resources_may_grow_with_the_attempt() -> None:
    builder = Builder()
    job = builder.job("a", matrix={"x": [1, 2]}, max_parallel=2)
    job.retry = builder.retry(1, 0)
    job.resources = [("cpu", builder.code(["*", 2, ["get", ["name", "run"], "attempt"]]))]
    simulation = simulate(builder.program, max_parallel=2, environ=MACHINE, outcome=failed)
    assert simulation.times("combination-started") == [0.0, 0.0, 1.0, 2.0]


def test_an_environment_elsewhere_has_its_own_resources() -> None:
    builder = Builder()
    with_resources(builder, "a", {"cpu": 64, "gpu": 8}, matrix={"x": [1, 2]}, max_parallel=2)
    elsewhere = Capabilities(notifies=True)
    simulation = simulate(builder.program, max_parallel=2, environ=MACHINE, capabilities=elsewhere)
    assert simulation.makespan == 1.0
    assert logs(simulation) == []


def test_a_job_that_needs_more_than_there_is_runs_alone_with_one_warning() -> None:
    builder = Builder()
    with_resources(builder, "small", {"cpu": 1}, matrix={"x": list(range(8))}, max_parallel=8)
    with_resources(builder, "large", {"cpu": 16}, matrix={"x": [1, 2]}, max_parallel=2)
    simulation = simulate(builder.program, max_parallel=8, environ=MACHINE)
    assert simulation.result.status == "success"
    assert simulation.makespan == 5.0
    assert logs(simulation) == [
        "warning: job `large` asks for 16 cpu, this machine has 4 cpu: it gets all of it, and runs when no other job"
        " that asks for cpu does"
    ]


def test_a_job_without_its_accelerator_is_refused() -> None:
    builder = Builder()
    with_resources(builder, "train", {"gpu": 2})
    builder.job("other")
    simulation = simulate(builder.program, max_parallel=2, environ=MACHINE)
    assert statuses(simulation.result) == {"train": "failed", "other": "success"}
    reason = simulation.result.jobs["train"].reason
    assert reason is not None
    assert "job `train` asks for 2 gpu, this machine has 1 gpu" in reason
    assert "JOBC_LOCAL_GPU" in reason


def test_resources_that_are_no_amount_fail_their_job() -> None:
    builder = Builder()
    with_resources(builder, "a", {"memory": "lots"})
    reason = simulate(builder.program, environ=MACHINE).result.jobs["a"].reason
    assert reason is not None
    assert "`memory` is `lots`, which is no amount" in reason


def test_a_large_job_is_not_starved_by_small_ones() -> None:
    builder = Builder()
    with_resources(builder, "small", {"cpu": 1}, matrix={"x": list(range(1000))}, max_parallel=1000)
    with_resources(builder, "large", {"cpu": 4})
    simulation = simulate(
        builder.program,
        duration=lambda task: 1.0 + task.inputs.matrix.get("x", 0) % 7 / 10,
        max_parallel=10,
        environ=MACHINE,
    )
    assert simulation.times("job-started", "large") == [0.0]
    started = [e["time"] for e in simulation.events if e["event"] == "combination-started"]
    large = [
        e["time"] for e in simulation.events if e["event"] == "combination-started" and e["job"] == "large"
    ]
    assert large[0] <= 2.0
    assert max(started) > 200.0


def test_who_waits_for_the_accelerator_does_not_hold_up_processors() -> None:
    builder = Builder()
    with_resources(builder, "train", {"gpu": 1, "cpu": 1}, matrix={"x": list(range(5))}, max_parallel=5)
    with_resources(builder, "count", {"cpu": 1}, matrix={"x": list(range(10))}, max_parallel=10)
    simulation = simulate(builder.program, max_parallel=10, environ=MACHINE)
    assert simulation.times("job-ended", "train") == [5.0]
    assert simulation.times("job-ended", "count") == [5.0]


def test_a_job_that_waits_for_a_triggered_run_lends_its_resources() -> None:
    from jobc.engine.options import Options
    from jobc.engine.run import execute

    builder = Builder()
    inner = builder.workflow("inner")
    job = builder.job("leaf", workflow=inner)
    job.resources = [("cpu", builder.constant(4))]
    with_resources(builder, "outer", {"cpu": 4})
    builder.program.workflows[0].jobs[0].stages = [builder.trigger(inner)]
    result = execute(builder.program, {}, Options(environ=MACHINE, timeout=30.0))
    assert result.status == "success"


@given(st.lists(st.floats(min_value=0.01, max_value=16.0), min_size=1, max_size=40))
def test_what_is_given_back_is_all_there_again(amounts: list[float]) -> None:
    room = Room({"cpu": 4.0})
    running: list[float] = []
    for value in amounts:
        while not room.fits("asker", {"cpu": value}):
            room.give({"cpu": running.pop()})
        room.take("asker", {"cpu": value})
        running.append(value)
        assert sum(min(each, 4.0) for each in running) <= 4.0 + 1e-6
    for value in running:
        room.give({"cpu": value})
    assert room.fits("other", {"cpu": 4.0})
