"""Executions end when they are told to, from wherever they are told, and clean up."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from jobc import (
    CANCEL,
    SUCCESS,
    BashStage,
    EmptyStage,
    Job,
    PyStage,
    Rule,
    Strategy,
    Workflow,
)


def says(**params: str) -> Job:
    return Job(id="says", stages=[EmptyStage(echo="${{ params.x }}")])


def waiting_workflow(marker: Path) -> Workflow:
    return Workflow(
        name="waiting",
        jobs={
            "long": Job(
                stages=[
                    BashStage(bash=f"touch {marker}; sleep 60"),
                    EmptyStage(echo="not reached"),
                    EmptyStage(condition="always()", echo="stage cleaned up"),
                ]
            ),
            "later": Job(needs=["long"], stages=[EmptyStage(echo="never")]),
            "cleanup": Job(
                needs=["long"], trigger_rule=Rule.ALL_DONE, stages=[EmptyStage(echo="job cleaned up")]
            ),
        },
    )


def set_when_there(marker: Path, event: threading.Event) -> threading.Thread:
    def wait() -> None:
        while not marker.exists():
            pause.wait(0.01)
        event.set()

    pause = threading.Event()
    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_an_event_cancels_from_another_thread_and_cleans_up(tmp_path: Path) -> None:
    event = threading.Event()
    thread = set_when_there(tmp_path / "started", event)
    result = waiting_workflow(tmp_path / "started").execute({}, event=event)
    thread.join()
    assert result.status is CANCEL
    statuses = {id: job["status"] for id, job in result.context["jobs"].items()}
    assert statuses == {"long": CANCEL, "later": CANCEL, "cleanup": SUCCESS}
    assert result.trace == ["stage cleaned up", "job cleaned up"]


@pytest.mark.parametrize(
    "stage",
    [
        BashStage(bash="sleep 60"),
        EmptyStage(sleep=60),
        PyStage(run="import time\ntime.sleep(60)"),
        PyStage(run="while True: tick()", vars={"tick": lambda: None}),
    ],
    ids=["bash", "sleep", "python", "inline"],
)
def test_an_event_cancels_every_kind_of_stage(stage: Any) -> None:
    event = threading.Event()
    timer = threading.Timer(0.2, event.set)
    timer.start()
    result = Job(id="job", stages=[stage]).execute({}, event=event)
    timer.join()
    assert result.status is CANCEL
    assert result.context["execution_time"] < 50


def test_an_event_that_is_set_already_lets_nothing_run() -> None:
    event = threading.Event()
    event.set()
    job = Job(id="job", strategy=Strategy(matrix={"n": range(50)}), stages=[BashStage(bash="sleep 60")])
    result = job.execute({}, event=event)
    assert result.status is CANCEL


def test_an_event_that_is_never_set_leaves_no_thread_behind() -> None:
    event = threading.Event()
    assert says().execute({"x": "x"}, event=event).status is SUCCESS
    for thread in threading.enumerate():
        if thread.name == "jobc-event":
            thread.join(10)
            assert not thread.is_alive()


def test_cancelling_a_task_cancels_its_job_and_waits_for_the_clean_up(tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    marker = tmp_path / "started"
    job = Job(
        id="job",
        stages=[
            BashStage(bash=f"touch {marker}; sleep 60"),
            BashStage(condition="always()", bash=f"touch {cleaned}"),
        ],
    )
    shared = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(job.aexecute({}, event=shared))
        while not marker.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned.exists()

    asyncio.run(main())
    assert not shared.is_set(), "the event may be others' too"


def test_an_event_cancels_an_awaited_job_too(tmp_path: Path) -> None:
    event = threading.Event()
    thread = set_when_there(tmp_path / "started", event)
    result = asyncio.run(waiting_workflow(tmp_path / "started").aexecute({}, event=event))
    thread.join()
    assert result.status is CANCEL
