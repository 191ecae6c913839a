"""`jobc run --format jsonl` keeps to `docs/events.schema.json`, in every workflow of the fixtures, and tells a whole story."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / "fixtures" / "workflows"
SCHEMA = json.loads((ROOT / "docs" / "events.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def events_of(folder: Path, args: list[str]) -> list[dict[str, Any]]:
    (path,) = folder.glob("*.job*.yml")
    done = subprocess.run(
        [sys.executable, "-m", "jobc", "run", path.name, "--format", "jsonl", *args],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / ".cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sorted(each.name for each in WORKFLOWS.iterdir() if each.is_dir()))
def test_every_event_of_a_real_run_fits_the_schema(name: str, tmp_path: Path) -> None:
    golden = WORKFLOWS / name / "expected.json"
    runs = json.loads(golden.read_text()) if golden.exists() else [{"args": []}]
    folder = tmp_path / name
    shutil.copytree(WORKFLOWS / name, folder)
    events = events_of(folder, runs[0]["args"])
    for event in events:
        problems = [f"{problem.json_path}: {problem.message}" for problem in VALIDATOR.iter_errors(event)]
        assert problems == [], event
    _tells_a_whole_story(events)


def _tells_a_whole_story(events: list[dict[str, Any]]) -> None:
    """What starts ends, once, after it started, inside what it is a part of."""
    assert (events[0]["event"], events[-1]["event"]) == ("run-started", "run-ended")
    assert events[-1]["run"] == events[0]["run"]
    open_: set[tuple[Any, ...]] = set()
    ended: set[tuple[Any, ...]] = set()
    for event in events:
        kind, run, job, index, stage = (
            event[name] for name in ("event", "run", "job", "combination", "stage")
        )
        if kind == "run-started":
            open_.add((run,))
        elif kind == "job-ready":
            assert (run,) in open_
            open_.add((run, job))
        elif kind == "combination-started":
            assert (run, job) in open_
            open_.add((run, job, index))
        elif kind in ("stage-started", "log", "stage-ended"):
            assert (run, job, index) in open_
            assert kind != "log" or stage is not None
        if kind in ("run-ended", "job-ended"):
            place = (run,) if kind == "run-ended" else (run, job)
            assert place not in ended
            ended.add(place)
            open_.discard(place)
        elif kind == "combination-ended":
            open_.discard((run, job, index))
    assert open_ == set()
    (started, *_) = events
    assert {(started["run"], job) for job in started["jobs"]} <= ended


@pytest.mark.parametrize(
    "broken",
    [
        {"event": "job-ended"},
        {"status": "done"},
        {"time": "yesterday"},
        {"stage": None, "event": "log"},
        {"duration_s": -1},
    ],
)
def test_the_schema_refuses_what_is_no_event(broken: dict[str, Any]) -> None:
    good = {
        "event": "run-ended", "time": "2026-01-31T09:00:00.000Z", "run": "r", "job": None, "combination": None,
        "stage": None, "status": "success", "reason": None, "duration_s": 1.5, "outputs": {},
    }  # fmt: skip
    assert VALIDATOR.is_valid(good)
    assert not VALIDATOR.is_valid({**good, **broken})
