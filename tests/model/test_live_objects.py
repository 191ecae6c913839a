"""Functions, locks, connections and whatever else no file can hold, in the `vars` of Python stages."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable

import pytest

from jobc import (
    FAILED,
    SUCCESS,
    CaseStage,
    EmptyStage,
    ForEachStage,
    Job,
    ParallelStage,
    PyStage,
    Strategy,
    UntilStage,
    Workflow,
)


def test_functions_locks_and_connections_are_used_in_place() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE TABLE seen (n)")
    lock, calls = threading.Lock(), []

    class Client:
        def send(self, n: int) -> str:
            calls.append((os.getpid(), n))
            return f"sent {n}"

    job = Job(
        id="job",
        strategy=Strategy(matrix={"n": range(5)}, max_parallel=5),
        stages=[
            PyStage(
                run="with lock:\n    connection.execute('INSERT INTO seen VALUES (?)', (${{ matrix.n }},))\n"
                "said = client.send(offset + matrix.n)",
                vars={"lock": lock, "connection": connection, "client": Client(), "offset": 10},
            )
        ],
    )
    result = job.execute({})
    assert result.outputs == {"said": [f"sent {n}" for n in range(10, 15)]}
    assert sorted(row[0] for row in connection.execute("SELECT n FROM seen")) == [0, 1, 2, 3, 4]
    assert sorted(calls) == [(os.getpid(), n) for n in range(10, 15)]


def test_live_objects_reach_nested_stages() -> None:
    seen: list[str] = []

    def stage(name: str) -> PyStage:
        return PyStage(run="note(name)", vars={"note": seen.append, "name": name})

    job = Job(
        id="job",
        stages=[
            ParallelStage(parallel={"left": [stage("left")], "right": [EmptyStage(echo=""), stage("right")]}),
            ForEachStage(foreach=[1, 2], stages=[stage("each")]),
            UntilStage(until="true", stages=[stage("until")]),
            CaseStage(
                case="'b'",
                match=[{"case": "a", "stages": [stage("a")]}, {"case": "b", "stages": [stage("b")]}],
            ),  # type: ignore[list-item]
            CaseStage(case="'z'", match=[{"case": "a", "stages": [stage("a")]}], else_=[stage("else")]),  # type: ignore[list-item]
            CaseStage(case="'z'", match=[{"else": [stage("arm")]}]),  # type: ignore[list-item]
        ],
    )
    result = job.execute({})
    assert result.status is SUCCESS, result.errors
    assert sorted(seen[:2]) == ["left", "right"]
    assert seen[2:] == ["each", "each", "until", "b", "else", "arm"]


def test_equal_jobs_with_other_live_objects_keep_theirs() -> None:
    def job(function: Callable[[], str]) -> Job:
        return Job(id="job", stages=[PyStage(run="said = f()", vars={"f": function})])

    one, two = job(lambda: "one"), job(lambda: "two")
    assert [each.execute({}).outputs["said"] for each in (one, two, one)] == ["one", "two", "one"]


def test_live_objects_cannot_be_written_to_a_file() -> None:
    workflow = Workflow(name="w", jobs={"a": Job(stages=[PyStage(run="f()", vars={"f": len})])})
    with pytest.raises(ValueError, match=r"cannot be written to a file: a: vars\.f"):
        workflow.to_yaml()


def test_an_exception_of_a_live_function_fails_the_stage_at_its_line() -> None:
    def fail() -> None:
        raise KeyError("lost")

    result = Job(id="job", stages=[PyStage(run="x = 1\nfail()", vars={"fail": fail})]).execute({})
    assert result.status is FAILED
    assert result.errors[0]["type"] == "KeyError"
    assert "lost" in result.errors[0]["message"]
    assert isinstance(result.errors[0]["line"], int)
