"""What differs between two runs: what was run, with what, how it ended, what came out, and how long it took.

Jobs of the program are compared by what they do, not by where they stand in a file. Times say nothing by themselves: a
job's is a difference where it is at least `RATIO` times the other, by `SECONDS` and more, and outside of what the job took
in the last `WITNESSES` other runs of the same workflow in which it succeeded (if there are three and more).
"""

from __future__ import annotations

import difflib
from typing import Any

from jobc.engine.journal.history import History
from jobc.interpreter.api import said

RATIO = 1.25
SECONDS = 1.0
WITNESSES = 20
_ABSENT: Any = object()


class Difference:
    """`kind`: `program params status failure reason outputs duration`; `job` is None where it is the run's own.

    `before` and `after` are plain data; `message` says it in words; `lines` are a unified diff of a job's text.
    """

    __slots__ = ("after", "before", "job", "kind", "lines", "message")

    def __init__(self, kind: str, job: str | None, message: str, before: Any, after: Any) -> None:
        self.kind = kind
        self.job = job
        self.message = message
        self.before = before
        self.after = after
        self.lines: list[str] = []

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "job": self.job,
            "message": self.message,
            "before": self.before,
            "after": self.after,
            "lines": self.lines,
        }


def differences(history: History, first: dict[str, Any], second: dict[str, Any]) -> list[Difference]:
    """What differs from the run `first` to the run `second` (rows of `runs`)."""
    before, after = history.detail(first), history.detail(second)
    found = _programs(history, first, second)
    found += _maps("params", None, before["params"], after["params"], "parameter")
    if before["status"] != after["status"]:
        found.append(_changed("status", None, "the run", before["status"], after["status"]))
    failed = [_first_failure(detail) for detail in (before, after)]
    if failed[0] != failed[1]:
        words = [failure["message"] if failure else "nothing failed" for failure in failed]
        found.append(Difference("failure", None, f"{words[0]} → {words[1]}", *failed))
    for name, job in after["jobs"].items():
        known = before["jobs"].get(name)
        if known is None:
            continue
        found += _job(name, known, job)
        found += _durations(history, (first, second), name, known, job)
    found += _maps("outputs", None, before["outputs"], after["outputs"], "output")
    found += _run_time(before, after)
    return found


def _changed(kind: str, job: str | None, what: str, before: Any, after: Any) -> Difference:
    return Difference(kind, job, f"{what}: {before} → {after}", before, after)


def _programs(history: History, first: dict[str, Any], second: dict[str, Any]) -> list[Difference]:
    from jobc.ir.text import job_texts

    if first["program"] == second["program"] and first["workflow_index"] == second["workflow_index"]:
        return []
    programs = [history.program(history.root(run)) for run in (first, second)]
    if None in programs:
        return [_changed("program", None, "the program", first["program"], second["program"])]
    texts = [job_texts(program, run["workflow_index"]) for program, run in zip(programs, (first, second))]
    found = []
    for name in dict.fromkeys([*texts[0], *texts[1]]):
        old, new = texts[0].get(name), texts[1].get(name)
        if old == new:
            continue
        word = "added" if old is None else "removed" if new is None else "changed"
        difference = Difference("program", name, f"job `{name}` was {word}", old is not None, new is not None)
        if old is not None and new is not None:
            difference.lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
        found.append(difference)
    if not found and first["file"] != second["file"]:
        found.append(_changed("program", None, "the file", first["file"], second["file"]))
    if not found and first["program"] != second["program"]:
        words = "the file changed; what its jobs do did not"
        found.append(Difference("program", None, words, first["program"], second["program"]))
    return found


def _maps(
    kind: str, job: str | None, before: dict[str, Any], after: dict[str, Any], word: str
) -> list[Difference]:
    found = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if old is _ABSENT or new is _ABSENT or old != new or type(old) is not type(new):
            shown = ["not there" if value is _ABSENT else _short(value) for value in (old, new)]
            values = [None if value is _ABSENT else value for value in (old, new)]
            found.append(Difference(kind, job, f"{word} `{name}`: {shown[0]} → {shown[1]}", *values))
    return found


def _job(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    found = []
    if before["status"] != after["status"]:
        found.append(_changed("status", name, f"job `{name}`", before["status"], after["status"]))
    if before["reason"] != after["reason"]:
        found.append(_reasons(name, before["reason"], after["reason"]))
    counts = [len(each["combinations"]) for each in (before, after)]
    if counts[0] != counts[1] and all(counts):
        found.append(_changed("status", name, f"combinations of job `{name}`", *counts))
    return found + _maps("outputs", name, before["outputs"], after["outputs"], f"job `{name}`: output")


def _reasons(name: str, before: str | None, after: str | None) -> Difference:
    if before is None or after is None:
        words = after if before is None else f"no longer: {before}"
    else:
        words = f"{before} → {after}"
    return Difference("reason", name, f"job `{name}`: {words}", before, after)


def _durations(
    history: History,
    runs: tuple[dict[str, Any], dict[str, Any]],
    name: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> list[Difference]:
    old, new = before["duration_s"], after["duration_s"]
    if before["status"] != "success" or after["status"] != "success" or not _apart(old, new):
        return []
    rows = history.rows(
        "SELECT jobs.duration FROM jobs JOIN runs ON runs.run = jobs.run WHERE runs.file = ? AND runs.workflow = ?"
        " AND jobs.id = ? AND jobs.status = 'success' AND runs.run NOT IN (?, ?) ORDER BY runs.run DESC LIMIT ?",
        runs[1]["file"],
        runs[1]["workflow"],
        name,
        runs[0]["run"],
        runs[1]["run"],
        WITNESSES,
    )
    usual = [row["duration"] for row in rows]
    if len(usual) >= 3 and min(usual) <= new <= max(usual) and min(usual) <= old <= max(usual):
        return []
    return [_times(name, f"job `{name}`", old, new)]


def _run_time(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    old, new = before["duration_s"], after["duration_s"]
    if None in (old, new) or before["status"] != after["status"] or not _apart(old, new):
        return []
    return [_times(None, "the run", old, new)]


def _apart(old: float, new: float) -> bool:
    low, high = sorted((old, new))
    return high - low >= SECONDS and high >= RATIO * low


def _times(job: str | None, what: str, old: float, new: float) -> Difference:
    ratio = max(old, new) / max(min(old, new), 0.001)
    word = "slower" if new > old else "faster"
    return Difference(
        "duration", job, f"{what}: {old:.1f} s → {new:.1f} s, {ratio:.1f} times {word}", old, new
    )


def _first_failure(detail: dict[str, Any]) -> dict[str, Any] | None:
    """The stage that failed first, by time; else the job."""
    stages = [
        (stage["started_at"], name, combination["matrix"], stage)
        for name, job in detail["jobs"].items()
        for combination in job["combinations"]
        for stage in combination["stages"]
        if stage["status"] == "failed" and stage["error"] and stage["error"]["type"] != "nested"
    ]
    if stages:
        _, name, matrix, stage = min(stages, key=lambda each: (each[0], each[1]))
        label = stage["name"] or stage["id"]
        words = said(stage["error"]["type"], stage["error"]["message"])
        return {
            "job": name,
            "matrix": matrix,
            "stage": stage["path"],
            "message": f"`{name}` failed first, in stage `{label}`: {words}",
        }
    for name, job in detail["jobs"].items():
        if job["status"] == "failed":
            return {"job": name, "matrix": {}, "stage": None, "message": f"`{name}` failed: {job['reason']}"}
    return None


def _short(value: Any) -> str:
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
