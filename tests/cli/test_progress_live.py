"""The live view as a terminal shows it."""

from __future__ import annotations

import io
import re

import pytest

from jobc.cli.progress.live import LiveProgress

LONG = "a-job-with-a-name-that-is-longer-than-most-terminals-are-wide"


def event(kind, job=None, **more):
    return {"event": kind, "run": "r", "job": job, "combination": None, "stage": None, **more}


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_reaches_the_edge_of_the_screen(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    live = LiveProgress(stream, "", color=False, quiet=False, logs=False)
    live.take(event("run-started", workflow="w", parent=None, jobs=[LONG, "b"]))
    live.take(event("job-started", LONG, combinations=9))
    live.take({**event("combination-started", LONG, matrix={}), "combination": 0})
    live.take({**event("stage-started", LONG, name="x" * 200), "combination": 0, "stage": "0"})
    live.take(event("run-cancelling", reason="y" * 200))
    with live:
        live._live.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    lines = re.split("[\r\n]+", text)
    assert max(map(len, lines)) <= columns - 3
    assert any(line.rstrip().endswith("…") for line in lines)
