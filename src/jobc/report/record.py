"""A run as the page shows it: plain data, bounded in size.

Whatever there is, a report stays a file that a browser opens: the bounds are the constants below, failures have
the first claim on each of them, and `cut` says in words what was left out. Times are seconds since the run's start.

    run     id, workflow, file, status, reason, started (seconds since the epoch), offset (of the zone, seconds),
            duration, now (when the report was made)
    params, outputs     maps of text
    jobs    id, run (None, or the triggered run that it is of), status, reason, start, duration, attempts, needs (positions),
            outputs, critical, total, combinations, more (count by status of those left out)
            combination: index, matrix, status, start, duration, attempts, reason, outputs, critical, earlier, stages
            stage: path, name, status, start, duration, attempts, starts (of attempts), error, place, reason, outputs, log
    logs    lists of [time, 1 for standard error, text]; `log` of a stage is an index, or None; `log_cut` those that are
            cut at their beginning
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from jobc.engine.journal.history import History
from jobc.interpreter.api import said
from jobc.report.critical_path import critical_path

MAX_COMBINATIONS = 20_000
MAX_STAGES = 60_000
#: Bytes of log, each of failed stages and of all others.
MAX_LOG = 4_000_000
#: Bytes of one stage's log: of a failed one, of another.
FAILED_LOG = 200_000
OTHER_LOG = 20_000
#: Pieces of log that are looked through, from the newest.
MAX_PIECES = 400_000
MAX_LINE = 2_000
MAX_TEXT = 4_000
MAX_RUNS = 200
_CHUNK = 2_000

#: job of the page, combination, attempt, path


class Record:
    """Builds the data; `data` is complete after the constructor."""

    def __init__(self, history: History, run: dict[str, Any]) -> None:
        self._history = history
        self._begin = run["started"]
        self._combinations = MAX_COMBINATIONS
        self._stages = MAX_STAGES
        #: (key of the run, position, combination, attempt, path) → the stage's object
        self._places: dict[tuple[int, int, int, int, str], dict[str, Any]] = {}
        self._runs: list[int] = []
        self._cut: list[str] = []
        detail = history.detail(run)
        offset = datetime.fromisoformat(detail["started_at"]).utcoffset()
        self.program = history.program(history.root(run))
        self.workflow_index: int = run["workflow_index"]
        self.data: dict[str, Any] = {
            "version": 1,
            "run": {
                "id": run["id"],
                "workflow": run["workflow"],
                "file": run["file"],
                "status": run["status"],
                "reason": _clip(run["reason"]),
                "started": run["started"],
                "offset": 0 if offset is None else int(offset.total_seconds()),
                "duration": run["duration"],
                "now": round(time.time() - run["started"], 3),
            },
            "params": _texts(detail["params"]),
            "outputs": _texts(detail["outputs"]),
            "hooks": [
                f"hook `{each['hook']}` on {each['event']}: {each['problem']}"
                for each in detail["failed_hooks"]
            ],
            "jobs": [],
        }
        self._add_run(run, detail, None)
        self.data["logs"], self.data["log_cut"] = self._logs()
        self._measure()
        self.data["cut"] = self._cut

    def _add_run(self, run: dict[str, Any], detail: dict[str, Any], label: str | None) -> None:
        if len(self._runs) >= MAX_RUNS:
            self._say(f"Of triggered runs the first {MAX_RUNS} are shown.")
            return
        self._runs.append(run["run"])
        first = len(self.data["jobs"])
        positions = {
            row["id"]: row["position"]
            for row in self._history.rows("SELECT id, position FROM jobs WHERE run = ?", run["run"])
        }
        needs = self._needs(run, positions)
        ids = list(detail["jobs"])
        order = {id: first + number for number, id in enumerate(ids)}
        jobs = [self._job(run, positions[id], id, detail["jobs"][id], label) for id in ids]
        for id, job in zip(ids, jobs, strict=True):
            job["needs"] = [order[need] for need in needs.get(id, []) if need in order]
        self.data["jobs"] += jobs
        if label is None:
            self._mark_critical(jobs)
        for child in self._history.children(run):
            self._add_run(child, self._history.detail(child), child["id"])

    def _needs(self, run: dict[str, Any], positions: dict[str, int]) -> dict[str, list[str]]:
        if self.program is None:
            return {}
        jobs = self.program.workflows[run["workflow_index"]].jobs
        return {job.id: [jobs[need].id for need in job.needs] for job in jobs if job.id in positions}

    def _mark_critical(self, jobs: list[dict[str, Any]]) -> None:
        ends = [None if job["start"] is None else job["start"] + job["duration"] for job in jobs]
        for position in critical_path(ends, [job["needs"] for job in jobs]):
            job = jobs[position]
            job["critical"] = True
            if len(job["combinations"]) > 1:
                last = max(job["combinations"], key=lambda each: (each["start"] or 0) + each["duration"])
                last["critical"] = True

    def _job(
        self, run: dict[str, Any], position: int, id: str, job: dict[str, Any], label: str | None
    ) -> dict[str, Any]:
        return {
            "id": id,
            "run": label,
            "status": job["status"],
            "reason": _clip(job["reason"] or _said(job["error"])),
            "start": self._since(job["started_at"]),
            "duration": _duration(job),
            "attempts": job["attempts"],
            "outputs": _texts(job["outputs"]),
            "critical": False,
            "total": len(job["combinations"]),
            **self._chosen(run, position, job["combinations"]),
        }

    def _chosen(self, run: dict[str, Any], position: int, found: list[dict[str, Any]]) -> dict[str, Any]:
        """The combinations that are shown, in their order, and the count of the others by their status."""
        room = self._combinations
        kept = found
        more: dict[str, int] = {}
        if len(found) > room:
            ranked = sorted(found, key=lambda each: each["status"] in ("success", "skip"))
            chosen = {id(each) for each in ranked[:room]}
            kept = [each for each in found if id(each) in chosen]
            for each in found:
                if id(each) not in chosen:
                    more[each["status"]] = more.get(each["status"], 0) + 1
            self._say(f"More than {MAX_COMBINATIONS} combinations: some that did not fail are counted only.")
        self._combinations -= len(kept)
        return {
            "combinations": [self._combination(run, position, each) for each in kept],
            "more": more,
        }

    def _combination(self, run: dict[str, Any], position: int, each: dict[str, Any]) -> dict[str, Any]:
        stages = each["stages"]
        if len(stages) > self._stages and each["status"] != "failed":
            self._say(f"More than {MAX_STAGES} stages: those of some combinations are left out.")
            stages = []
        self._stages -= len(stages)
        shown = []
        for stage in stages:
            made = self._stage(stage)
            self._places[(run["run"], position, each["index"], each["attempts"], stage["path"])] = made
            shown.append(made)
        return {
            "index": each["index"],
            "matrix": ", ".join(f"{name}={_text(value)}" for name, value in each["matrix"].items()),
            "status": each["status"],
            "start": self._since(each["started_at"]),
            "duration": _duration(each),
            "attempts": each["attempts"],
            "reason": _clip(_said(each["error"])),
            "outputs": _texts(each["outputs"]),
            "critical": False,
            "earlier": [
                {
                    "attempt": attempt["attempt"],
                    "status": attempt["status"],
                    "start": self._since(attempt["started_at"]),
                    "duration": attempt["duration_s"],
                    "reason": _clip(_said(attempt["error"])),
                }
                for attempt in each["earlier"]
            ],
            "stages": shown,
        }

    def _stage(self, stage: dict[str, Any]) -> dict[str, Any]:
        error = stage["error"]
        return {
            "path": stage["path"],
            "name": stage["name"] or stage["id"],
            "status": stage["status"],
            "start": self._since(stage["started_at"]),
            "duration": _duration(stage),
            "attempts": stage["attempts"],
            "starts": [],
            "error": _clip(_said(error)),
            "place": f"{error['path']}:{error['line']}" if error and error["path"] else None,
            "reason": _clip(stage["reason"]),
            "outputs": _texts(stage["outputs"]),
            "log": None,
        }

    def _logs(self) -> tuple[list[list[Any]], list[int]]:
        """The newest lines of each stage, within the bounds."""
        others = max(1, sum(stage["status"] != "failed" for stage in self._places.values()))
        share = min(OTHER_LOG, max(200, MAX_LOG // others))
        left = {True: MAX_LOG, False: MAX_LOG}
        sizes: dict[int, int] = {}
        lines: dict[int, list[list[Any]]] = {}
        cut: set[int] = set()
        for piece in self._pieces():
            stage = self._places.get(
                (piece["run"], piece["job"], piece["combination"], piece["attempt"], piece["stage"])
            )
            if stage is None:
                continue
            failed = stage["status"] == "failed"
            size, text = sizes.get(id(stage), 0), piece["text"].removesuffix("\n")
            bound = min(FAILED_LOG if failed else share, size + left[failed])
            if size >= bound:
                cut.add(id(stage))
                continue
            when, stream = round(piece["time"] - self._begin, 3), int(piece["stream"] == "stderr")
            into = lines.setdefault(id(stage), [])
            for line in reversed(text.split("\n")):
                if size >= bound:
                    cut.add(id(stage))
                    break
                shown = line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…"
                into.append([when, stream, shown])
                size += len(shown) + 20
                left[failed] -= len(shown) + 20
            sizes[id(stage)] = size
        logs: list[list[Any]] = []
        cut_logs: list[int] = []
        for stage in self._places.values():
            if id(stage) in lines:
                stage["log"] = len(logs)
                if id(stage) in cut:
                    cut_logs.append(len(logs))
                logs.append(lines[id(stage)][::-1])
        if cut:
            self._say("Long logs begin later than they did; `jobc runs logs` has all of them.")
        return logs, cut_logs

    def _pieces(self) -> Any:
        """Pieces of log of the runs shown, the newest first."""
        marks = ",".join("?" * len(self._runs))
        before = self._history.rows("SELECT max(seq) AS seq FROM logs")[0]["seq"] or 0
        first = self._history.rows(f"SELECT min(seq) AS seq FROM logs WHERE run IN ({marks})", *self._runs)[
            0
        ]["seq"]
        before, seen = before + 1, 0
        while first is not None and before > first:
            rows = self._history.rows(
                "SELECT seq, run, job, combination, attempt, stage, stream, time, text FROM logs NOT INDEXED"
                f" WHERE seq < ? AND seq >= ? AND run IN ({marks}) ORDER BY seq DESC LIMIT {_CHUNK}",
                before,
                first,
                *self._runs,
            )
            yield from rows
            seen += len(rows)
            if len(rows) < _CHUNK:
                return
            if seen >= MAX_PIECES:
                self._say("The log is very long: its beginning was not looked at.")
                return
            before = rows[-1]["seq"]

    def _measure(self) -> None:
        """When the attempts at stages began, of those with several."""
        several = {
            (run, job, combination, path): stage
            for (run, job, combination, _, path), stage in self._places.items()
            if stage["attempts"] > 1
        }
        if not several:
            return
        for run in self._runs:
            rows = self._history.rows(
                "SELECT job, combination, stage, time FROM events WHERE run = ? AND event = 'stage-started'",
                run,
            )
            for row in rows:
                stage = several.get((run, row["job"], row["combination"], row["stage"]))
                when = row["time"] - self._begin
                if stage is not None and stage["start"] is not None and when >= stage["start"] - 0.001:
                    stage["starts"].append(round(when, 3))

    def _since(self, text: str | None) -> float | None:
        return None if text is None else round(datetime.fromisoformat(text).timestamp() - self._begin, 3)

    def _say(self, words: str) -> None:
        if words not in self._cut:
            self._cut.append(words)


def failures(data: dict[str, Any]) -> list[dict[str, Any]]:
    """What failed, in the order of time: each innermost stage, or the combination or the job where no stage did.

    Each has `job`, `run`, `matrix`, `stage`, `message`, `place`, `start`, `log` (None, or lines) and `wrote`: the stage
    before it whose log that is, where it wrote nothing itself.
    """
    found: list[dict[str, Any]] = []
    for job in data["jobs"]:
        if job["status"] != "failed":
            continue
        before = len(found)
        for combination in job["combinations"]:
            if combination["status"] != "failed":
                continue
            bad = [stage for stage in combination["stages"] if stage["status"] == "failed"]
            inner = [
                stage
                for stage in bad
                if not any(
                    other is not stage
                    and other["path"].startswith((stage["path"] + ".", stage["path"] + "["))
                    for other in bad
                )
            ]
            for stage in inner[:1]:
                failure = _failure(job, combination, stage["name"], stage["error"], stage["start"])
                failure["place"] = stage["place"]
                _give_log(failure, data["logs"], combination["stages"], stage)
                found.append(failure)
            if not inner:
                found.append(_failure(job, combination, None, combination["reason"], combination["start"]))
        if len(found) == before:
            found.append(_failure(job, None, None, job["reason"], job["start"]))
    return sorted(found, key=lambda each: each["start"] or 0.0)


def _give_log(
    failure: dict[str, Any], logs: list[Any], stages: list[dict[str, Any]], failed: dict[str, Any]
) -> None:
    if failed["log"] is not None:
        failure["log"] = logs[failed["log"]]
        return
    written = [stage for stage in stages[: stages.index(failed)] if stage["log"] is not None]
    if written:
        failure["log"], failure["wrote"] = logs[written[-1]["log"]], written[-1]["name"]


def _failure(
    job: dict[str, Any],
    combination: dict[str, Any] | None,
    stage: str | None,
    message: str | None,
    start: float | None,
) -> dict[str, Any]:
    return {
        "job": job["id"],
        "run": job["run"],
        "matrix": combination["matrix"] if combination else "",
        "stage": stage,
        "message": message or "no reason was given",
        "place": None,
        "start": start,
        "log": None,
        "wrote": None,
    }


def _duration(item: dict[str, Any]) -> float:
    return round(float(item["duration_s"]), 3) if item["status"] != "skip" else 0.0


def _said(error: dict[str, Any] | None) -> str | None:
    return said(error["type"], error["message"]) if error else None


def _clip(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: _clip(_text(value)) or "" for name, value in values.items()}
