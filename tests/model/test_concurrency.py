"""Executions at the same time, in threads and event loops, keep apart."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobc import (
    SUCCESS,
    BashStage,
    CompileError,
    EmptyStage,
    Job,
    PyStage,
    Result,
    Strategy,
    Workflow,
)


def says(**params: str) -> Job:
    return Job(id="says", stages=[EmptyStage(echo="${{ params.x }}")])


def test_many_threads_do_not_mix_their_results() -> None:
    def inline(n: int) -> int:
        return n * n

    job = Job(
        id="job",
        strategy=Strategy(matrix={"part": [0, 1]}, max_parallel=2),
        stages=[
            PyStage(
                id="square",
                run="square = inline(params.n)\nparams['seen'] = params.n\nprint(f'{params.n} inline')",
                vars={"inline": inline},
            ),
            BashStage(id="said", bash='echo "said=${{ params.n }}-${{ matrix.part }}" >> "$JOBC_OUTPUT"'),
            EmptyStage(echo="${{ params.seen }} echo"),
        ],
    )
    ready = threading.Barrier(20)

    def execute(n: int) -> Result:
        ready.wait(30)
        return job.execute({"n": n}, run_id=f"run-{n}")

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(execute, range(20)))
    for n, result in enumerate(results):
        assert result.status is SUCCESS, result
        assert result.run_id == f"run-{n}"
        assert result.outputs == {"square": [n * n] * 2, "said": [f"{n}-0", f"{n}-1"]}
        assert sorted(result.trace) == sorted([f"{n} inline", f"{n} echo"] * 2)


def test_what_a_thread_prints_itself_is_not_caught(capsys: pytest.CaptureFixture[str]) -> None:
    def meet() -> None:
        entered.set()
        printed.wait(30)

    entered, printed = threading.Event(), threading.Event()
    job = Job(id="job", stages=[PyStage(run="meet()\nprint('inside')", vars={"meet": meet})])
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(job.execute, {})
        entered.wait(30)
        print("outside")
        printed.set()
        assert future.result().trace == ["inside"]
    assert capsys.readouterr().out == "outside\n"


def test_nothing_is_kept_from_one_execution_to_the_next() -> None:
    job = Job(
        id="job",
        stages=[
            PyStage(
                run="count = len(items)\nitems.append(1)\nparams['seen'] = True", vars={"items": [], "f": len}
            ),
            PyStage(run="seen = params.get('first')\nparams['first'] = 'mine'", isolation="inline"),
        ],
    )
    params: dict[str, Any] = {}
    for _ in range(3):
        assert job.execute(params).outputs == {"count": 0, "seen": None}
    assert params == {}
    assert job.stages[0].vars["items"] == []  # type: ignore[attr-defined]


def test_a_job_may_execute_another_inside() -> None:
    inner = says()
    outer = Job(
        id="outer",
        stages=[
            PyStage(
                run="result = inner.execute({'x': 'from inside'})\nsaid = result.trace", vars={"inner": inner}
            )
        ],
    )
    assert outer.execute({}).outputs["said"] == ["from inside"]


def test_executions_inside_a_running_loop() -> None:
    async def main() -> list[Result]:
        direct = says().execute({"x": "direct"})
        return [direct, *await asyncio.gather(*(says().aexecute({"x": str(n)}) for n in range(20)))]

    results = asyncio.run(main())
    assert [result.trace for result in results] == [["direct"], *[[str(n)] for n in range(20)]]


def test_a_workflow_inside_a_running_loop() -> None:
    workflow = Workflow(name="w", jobs={"a": says()})
    assert asyncio.run(workflow.aexecute({"x": "async"}, run_id="mine")).run_id == "mine"


def test_more_executions_than_a_pool_has_threads_wait_for_each_other() -> None:
    gate = threading.Barrier(40)
    job = Job(id="job", stages=[PyStage(run="gate.wait(60)", vars={"gate": gate})])

    async def main() -> list[Result]:
        return await asyncio.gather(*(job.aexecute({}) for _ in range(40)))

    assert {result.status for result in asyncio.run(main())} == {SUCCESS}


def test_an_awaited_job_raises_what_execute_raises() -> None:
    with pytest.raises(CompileError):
        asyncio.run(Job(id="job", timeout="soon").aexecute({}))
