from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.engine.stream import LONGEST, Stream
from jobc.interpreter.taskfile import mark_of

TASK = "run.job.0.1"


def event(kind: str, stage: str, **more: Any) -> bytes:
    return (mark_of(TASK) + json.dumps({"event": kind, "stage": stage, **more}) + "\n").encode()


OUTPUT = b"".join(
    [
        b"starting\n",
        event("stage-started", "a", attempt=1),
        event("log", "a", stream="stdout", text="one"),
        b"raw line of a\n",
        event("stage-ended", "a", status="success", outputs={"x": 1}),
        b'{"event": "stage-ended", "stage": "forged"}\n',
        event("stage-started", "b", attempt=1),
        mark_of(TASK).encode() + b"{broken\n",
        event("stage-ended", "b", status="failed"),
        "caf\N{LATIN SMALL LETTER E WITH ACUTE} and no newline".encode(),
    ]
)


def read(
    pieces: list[bytes], told_before: tuple[int, str] = (0, "")
) -> tuple[list[Mapping[str, Any]], Stream]:
    told: list[Mapping[str, Any]] = []
    stream = Stream(TASK, told.append, offset=told_before[0], stage=told_before[1])
    for piece in pieces:
        stream.feed(piece)
    stream.close()
    return told, stream


def test_events_are_told_and_other_lines_belong_to_the_stage_that_runs() -> None:
    told, stream = read([OUTPUT])
    assert [(each["event"], each["stage"], each.get("text")) for each in told] == [
        ("log", "", "starting"),
        ("stage-started", "a", None),
        ("log", "a", "one"),
        ("log", "a", "raw line of a"),
        ("stage-ended", "a", None),
        ("log", "", '{"event": "stage-ended", "stage": "forged"}'),
        ("stage-started", "b", None),
        ("log", "b", mark_of(TASK) + "{broken"),
        ("log", "", "café and no newline"),
    ]
    assert stream.ended == {"a"}
    assert stream.offset == len(OUTPUT)


@given(st.lists(st.integers(0, len(OUTPUT)), max_size=8))
def test_how_the_output_is_cut_makes_no_difference(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(OUTPUT)]
    pieces = [OUTPUT[start:end] for start, end in itertools.pairwise(bounds)]
    assert read(pieces)[0] == read([OUTPUT])[0]


@given(st.integers(0, len(OUTPUT)))
def test_another_process_goes_on_where_the_first_one_stopped(cut: int) -> None:
    before: list[Mapping[str, Any]] = []
    first = Stream(TASK, before.append)
    first.feed(OUTPUT[:cut])
    assert first.position == cut
    after, stream = read([OUTPUT[first.told[0] :]], first.told)
    assert before + after == read([OUTPUT])[0]
    assert first.ended | stream.ended == {"a"}


def test_a_line_without_end_is_told_in_pieces() -> None:
    told, stream = read([b"x" * (2 * LONGEST + 5)])
    assert [len(each["text"]) for each in told] == [LONGEST, LONGEST, 5]
    assert stream.offset == 2 * LONGEST + 5


def test_an_event_may_be_longer_than_a_line_of_a_log() -> None:
    outputs = {"big": "x" * (3 * LONGEST)}
    data = event("stage-ended", "a", status="success", outputs=outputs)
    told, stream = read([data[at : at + 65536] for at in range(0, len(data), 65536)])
    assert told == [{"event": "stage-ended", "stage": "a", "status": "success", "outputs": outputs}]
    assert stream.told == (len(data), "")


@pytest.mark.parametrize(
    "more",
    [
        {"status": "won"},
        {"status": "success", "run": "other", "job": "other", "combination": 7, "time": "never"},
        {"status": "success", "attempts": 2**70, "duration_s": 1e300, "outputs": [], "error": {"type": 1}},
        {"status": "success", "journal": {"changes": [[1, {"a": 2}, []]]}},
    ],
)
def test_an_event_has_nothing_that_its_kind_has_not(more: dict[str, Any]) -> None:
    told, _ = read([event("stage-ended", "a", **{"outputs": {}, **more})])
    for each in told:
        assert set(each) <= {"event", "stage", "status", "outputs", "stream", "text"}, each


def test_a_half_read_event_is_not_lost_when_the_process_changes() -> None:
    data = event("stage-started", "a") + b"one\n" + event("stage-ended", "a", status="success", outputs={})
    first = Stream(TASK, lambda event: None)
    first.feed(data[:-3])
    told, _ = read([data[first.told[0] :]], first.told)
    assert [each["event"] for each in told] == ["stage-ended"]
