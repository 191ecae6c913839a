"""Results kept small: what goes in comes out, in order, whatever the order it came in."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
from engine_programs import Builder
from hypothesis import given
from hypothesis import strategies as st

from jobc.engine.combinations import BLOCK, Combinations
from jobc.engine.simulation import simulate
from jobc.interpreter.api import CombinationResult, ErrorInfo, StageResult


def made(index: int) -> CombinationResult:
    result = CombinationResult("failed" if index % 7 == 0 else "success", {"x": index, "y": None})
    result.outputs = {"n": index, "text": "é" * (index % 5)}
    result.error = ErrorInfo("exit", f"boom {index}", "a.yml", 3, 1) if index % 7 == 0 else None
    stage = StageResult("0", "work", result.status)
    stage.error = result.error
    result.stages = [stage]
    return result


def seen(result: CombinationResult) -> Any:
    error = result.error
    return result.to_json(), error and (error.to_json(), error.exit_code, error.bases)


@given(st.randoms(use_true_random=False), st.integers(min_value=0, max_value=3 * BLOCK))
def test_what_goes_in_comes_out_in_order(random: Any, count: int) -> None:
    order = list(range(count))
    random.shuffle(order)
    kept = Combinations()
    for index in order:
        kept.put(index, made(index))
    assert [seen(each) for each in kept] == [seen(made(index)) for index in range(count)]
    assert len(kept) == count
    if count:
        assert kept[-1].matrix["x"] == count - 1
        assert [each.matrix["x"] for each in kept[-3:]] == list(range(count))[-3:]


def test_what_is_not_there_is_none() -> None:
    kept = Combinations()
    kept.put(BLOCK + 1, made(1))
    assert kept.get(0) is None
    assert kept.get(10 * BLOCK) is None
    with pytest.raises(IndexError, match="combination 5"):
        kept[5]


def test_a_value_that_cannot_be_packed_stays_as_it_is() -> None:
    kept = Combinations()
    for index in range(BLOCK):
        result = made(index)
        result.outputs = {"live": lambda: 3}
        kept.put(index, result)
    assert kept[0].outputs["live"]() == 3


@pytest.mark.parametrize("dependent", [False, True])
def test_a_combination_costs_less_than_a_kilobyte(dependent: bool) -> None:
    count = 20_000
    builder = Builder()
    builder.job("wide", matrix={"x": list(range(count))}, max_parallel=50)
    if dependent:
        builder.job("after", ["wide"])
    gc.collect()
    tracemalloc.start()
    simulation_before = tracemalloc.get_traced_memory()[0]
    events = _run_without_events(builder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events == "success"
    assert (peak - simulation_before) / count < 1024


def _run_without_events(builder: Builder) -> str:
    from jobc.engine.options import Options
    from jobc.engine.run import execute
    from jobc.engine.simulation import SimulatedBackend, SimulatedClock, succeeded

    clock = SimulatedClock()
    backend = SimulatedBackend(clock, lambda task: 1.0, succeeded)
    options = Options(clock=clock, backend=lambda name: backend, max_parallel=50)
    return execute(builder.program, {}, options).status


def test_ten_thousand_jobs_of_one_group_are_no_square() -> None:
    """Counted in virtual events, not in seconds: each job enters and leaves once."""
    from jobc.ir.program import Concurrency

    builder = Builder()
    group = Concurrency(builder.constant("g"))
    for number in range(2_000):
        builder.job(f"j{number}").concurrency = group
    simulation = simulate(builder.program, max_parallel=100)
    assert simulation.makespan == 2_000.0
    assert simulation.most == 1
