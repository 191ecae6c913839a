"""What progress says of a job beside its status: what it waits for, and a note that an event carries."""

from __future__ import annotations

import io
from typing import Any

from jobc.cli.progress.live import _detail
from jobc.cli.progress.plain import PlainProgress
from jobc.cli.progress.view import RunView


def event(kind: str, job: str | None = None, **more: Any) -> dict[str, Any]:
    place = {"time": "2026-01-31T09:00:00.000Z", "run": "r", "job": job, "combination": None, "stage": None}
    return {"event": kind, **place, **more}


STARTED = event(
    "run-started", workflow="w", file="w.yml", parent=None, jobs=["a", "b", "c", "d", "e"],
    needs={"e": ["a", "b", "c", "d"], "b": ["a"]},
)  # fmt: skip


def ended(job: str, **more: Any) -> dict[str, Any]:
    return event(
        "job-ended",
        job,
        status="success",
        reason=None,
        error=None,
        duration_s=1.0,
        attempts=1,
        outputs={},
        **more,
    )


def said(view: RunView, job: str) -> str:
    return _detail(view.jobs[job], view)


def test_a_waiting_job_says_for_which_needs() -> None:
    view = RunView("")
    view.take(STARTED)
    assert said(view, "a") == ""
    assert said(view, "b") == "waits for a"
    assert said(view, "e") == "waits for a, b, c and 1 more"
    view.take(ended("a"))
    view.take(ended("b"))
    assert said(view, "e") == "waits for c, d"


def test_a_job_that_is_ready_waits_for_its_turn_or_for_what_its_note_says() -> None:
    view = RunView("")
    view.take(STARTED)
    view.take(event("job-ready", "a"))
    assert said(view, "a") == "waits for its turn"
    view.take(event("job-ready", "a", note="waits for the concurrency group `db`"))
    assert said(view, "a") == "waits for the concurrency group `db`"


def test_a_job_that_waits_for_another_run_says_for_whom() -> None:
    view = RunView("")
    view.take(STARTED)
    view.take(event("job-ready", "a"))
    view.take(event("job-waiting", "a", reason="waits for run x in the concurrency group `db`"))
    assert said(view, "a") == "waits for run x in the concurrency group `db`"


def test_a_note_stands_beside_the_job_in_both_displays() -> None:
    out = io.StringIO()
    plain = PlainProgress(out, "", color=False, quiet=False)
    plain.take(STARTED)
    plain.take(event("job-ready", "a", note="taken over from run x"))
    plain.take(ended("a", note="from the cache"))
    lines = [line.split(" ", 1)[1] for line in out.getvalue().splitlines()]
    assert lines[1:] == ["a: ready (taken over from run x)", "a: succeeded after 1.0 s (from the cache)"]
    view = RunView("")
    view.take(STARTED)
    view.take(ended("a", note="from the cache"))
    assert said(view, "a") == "(from the cache)"
