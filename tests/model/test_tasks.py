"""`jobc.task`: functions that jobs call by name, checked by their signatures."""

from __future__ import annotations

import threading
from typing import Any, Literal

import pytest

import jobc
from jobc import FAILED, SUCCESS, CallStage, CompileError, EmptyStage, Job

SEEN: list[int] = []


@jobc.task(name="tests.load")
def load(path: str, limit: int = 3, mode: Literal["fast", "safe"] = "safe") -> list[int]:
    print(f"loading {path}")
    SEEN.append(threading.get_native_id())
    return list(range(limit))


@jobc.task(name="tests.table")
def table(**columns: Any) -> dict[str, Any]:
    return {"names": sorted(columns)}


@jobc.task(name="tests.broken")
def broken() -> None:
    raise LookupError("no such table")


def call(name: str, echo: str = "done", **arguments: Any) -> Job:
    return Job(id="j", stages=[CallStage(id="c", uses=name, with_=arguments), EmptyStage(echo=echo)])


def test_the_function_stays_a_function() -> None:
    assert load("x", 2) == [0, 1]


def test_a_stage_calls_it_and_reads_what_it_returned() -> None:
    job = call(
        "tests.load", "${{ len(stages.c.outputs.result) }} rows", path="a.csv", limit="${{ params.n }}"
    )
    result = job.execute({"n": 5})
    assert result.status == SUCCESS
    assert result.outputs == {"result": [0, 1, 2, 3, 4]}
    assert result.trace == ["loading a.csv", "5 rows"]


def test_a_map_is_the_outputs() -> None:
    job = call("tests.table", "${{ join(stages.c.outputs.names, '+') }}", b=1, a=2)
    assert job.execute().trace == ["a+b"]


def test_what_it_raises_fails_the_stage() -> None:
    result = call("tests.broken").execute()
    assert result.status == FAILED
    assert result.errors[0]["type"] == "LookupError"
    assert "no such table" in result.errors[0]["message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pth": "x"}, "has no argument `pth`"),
        ({}, "needs the argument `path`"),
        ({"path": 3}, "the argument `path` of the task `tests.load` is text, but this is `3`"),
        ({"path": "x", "limit": "many"}, "is a whole number, but this is `'many'`"),
        ({"path": "x", "mode": "slow"}, "the argument `mode`"),
    ],
)
def test_arguments_are_checked_before_anything_runs(arguments: dict[str, Any], message: str) -> None:
    before = len(SEEN)
    with pytest.raises(CompileError) as caught:
        call("tests.load", **arguments).execute()
    assert message in str(caught.value)
    assert len(SEEN) == before


def test_reading_an_output_that_it_does_not_return_is_an_error() -> None:
    with pytest.raises(CompileError, match="`rows` is no output of stage `c`"):
        call("tests.load", "${{ stages.c.outputs.rows }}", path="x").execute()


def test_a_name_that_nobody_registered_fails_the_stage_with_the_nearest() -> None:
    result = call("tests.laod", path="x").execute()
    assert result.status == FAILED
    assert (
        "no function is registered as `tests.laod`; did you mean `tests.load`?" in result.errors[0]["message"]
    )
