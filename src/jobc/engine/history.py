"""Reading the journal: which runs there were, what became of them, their logs."""

from __future__ import annotations

import json
import os
from typing import Any

from jobc.engine import owner
from jobc.engine.journal import Journal, path_in
from jobc.errors import UsageError

RUNNING = "running"
#: The engine of the run died before its end.
INTERRUPTED = "interrupted"

_JSON = ("params", "options", "outputs", "error", "matrix", "handle", "cache")


class History:
    """The runs of a state directory (`.jobc`)."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @classmethod
    def open(cls, state_dir: str) -> History | None:
        """None where there was no run yet. Raises StateError."""
        path = path_in(state_dir)
        return cls(Journal(path)) if os.path.exists(path) else None

    def close(self) -> None:
        self._journal.close()

    def runs(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The newest first, as they were entered whatever the clock said then; nested runs left out."""
        rows = self._journal.rows(
            "SELECT * FROM runs WHERE parent IS NULL ORDER BY run DESC LIMIT ?",
            (-1 if limit is None else limit,),
        )
        return [_run(row) for row in rows]

    def find(self, name: str) -> dict[str, Any]:
        """The run with this id, the only one whose id begins so, or the newest (`last`). Raises UsageError."""
        if name == "last":
            runs = self.runs(1)
            if not runs:
                raise UsageError("there is no run yet", help="`jobc run FILE` makes one")
            return runs[0]
        exact = self._journal.rows("SELECT * FROM runs WHERE id = ?", (name,))
        if exact:
            return _run(exact[0])
        rows = self._journal.rows(
            "SELECT * FROM runs WHERE substr(id, 1, ?) = ? AND parent IS NULL ORDER BY run DESC",
            (len(name), name),
        )
        if not rows:
            raise UsageError(f"there is no run `{name}`", help="`jobc runs list` shows them")
        if len(rows) > 1:
            ids = ", ".join(row["id"] for row in rows[:5]) + (", …" if len(rows) > 5 else "")
            raise UsageError(f"{len(rows)} runs begin with `{name}`", help=f"say more of its id: {ids}")
        return _run(rows[0])

    def detail(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run as `run --format json` gave it, as far as it went, and the runs that it triggered."""
        key, alive = run["run"], run["status"] == RUNNING
        jobs: dict[str, Any] = {}
        by_position: dict[int, dict[str, Any]] = {}
        for row in self._select("SELECT * FROM jobs WHERE run = ? ORDER BY position", key):
            job = {
                "status": row["status"] or _unended(alive, row["started"]),
                "reason": row["reason"],
                "duration_s": row["duration"] or 0.0,
                "attempts": row["attempts"],
                "outputs": row["outputs"] or {},
                "error": _public(row["error"]),
                "combinations": [],
            }
            jobs[row["id"]] = by_position[row["position"]] = job
        stages: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
        for row in self._select("SELECT * FROM stages WHERE run = ? ORDER BY started", key):
            stage = {
                "id": row["id"] or row["stage"],
                "path": row["stage"],
                "name": row["name"],
                "status": row["status"] or _unended(alive, row["started"]),
                "attempts": row["attempts"],
                "duration_s": row["duration"] or 0.0,
                "outputs": row["outputs"] or {},
                "error": _public(row["error"]),
                "reason": row["reason"],
            }
            stages.setdefault((row["job"], row["combination"], row["attempt"]), []).append(stage)
        last: dict[tuple[int, int], dict[str, Any]] = {}
        query = "SELECT * FROM combinations WHERE run = ? ORDER BY job, combination, attempt"
        for row in self._select(query, key):
            last[(row["job"], row["combination"])] = {
                "matrix": row["matrix"],
                "status": row["status"] or _unended(alive, row["started"]),
                "attempts": row["attempt"],
                "duration_s": row["duration"] or 0.0,
                "outputs": row["outputs"] or {},
                "error": _public(row["error"]),
                "stages": stages.get((row["job"], row["combination"], row["attempt"]), []),
            }
            if row["cache"] is not None:
                last[(row["job"], row["combination"])]["cache"] = row["cache"]
        for row in self.artifacts(run):
            last[(row["job"], row["combination"])].setdefault("artifacts", []).append(row["artifact"])
        for (position, _), combination in last.items():
            by_position[position]["combinations"].append(combination)
        children = self._select("SELECT * FROM runs WHERE parent = ? ORDER BY run", key)
        return {
            **summary(run),
            "reason": run["reason"],
            "outputs": run["outputs"] or {},
            "params": run["params"],
            "jobs": jobs,
            "triggered": [summary(_run(row)) for row in children],
        }

    def artifacts(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """`job` (its position), `combination` and `artifact` of everything that a run published: `name`, `root`, `files`.

        A file has `path`, `kind`, `mode`, `size` and `sha256` (of a link, `target`).
        """
        found: dict[tuple[int, int, str], dict[str, Any]] = {}
        query = "SELECT * FROM artifacts WHERE run = ? ORDER BY job, combination, name, path"
        for row in self._journal.rows(query, (run["run"],)):
            mark = (row["job"], row["combination"], row["name"])
            if mark not in found:
                artifact: dict[str, Any] = {"name": row["name"], "root": row["root"], "files": []}
                found[mark] = {"job": row["job"], "combination": row["combination"], "artifact": artifact}
            file = {name: row[name] for name in ("path", "kind", "mode", "size")}
            file["target" if row["kind"] == "link" else "sha256"] = row["digest"]
            found[mark]["artifact"]["files"].append(file)
        return list(found.values())

    def logs(self, run: dict[str, Any], job: str | None, stage: str | None) -> list[dict[str, Any]]:
        """Pieces of log in the order they came: `job`, `combination`, `attempt`, `stage`, `name`, `stream`, `time`, `text`.

        `stage` is an id or a path; its nested stages are included. Raises UsageError for a job or stage that is not there.
        """
        jobs = {
            row["id"]: row["position"] for row in self._select("SELECT * FROM jobs WHERE run = ?", run["run"])
        }
        if job is not None and job not in jobs:
            raise UsageError(f"run {run['id']} has no job `{job}`", help="there are: " + ", ".join(jobs))
        if stage is not None:
            self._check_stage(run, None if job is None else jobs[job], stage)
        rows = self._select(
            "SELECT logs.*, jobs.id AS job_id, stages.id AS stage_id, stages.name FROM logs"
            " JOIN jobs ON jobs.run = logs.run AND jobs.position = logs.job"
            " LEFT JOIN stages ON stages.run = logs.run AND stages.job = logs.job"
            " AND stages.combination = logs.combination AND stages.attempt = logs.attempt"
            " AND stages.stage = logs.stage"
            " WHERE logs.run = ? ORDER BY logs.seq",
            run["run"],
        )
        pieces = []
        for row in rows:
            if job is not None and row["job_id"] != job:
                continue
            if stage is not None and not (
                stage in (row["stage_id"], row["stage"])
                or row["stage"].startswith((stage + ".", stage + "["))
            ):
                continue
            pieces.append(
                {
                    "job": row["job_id"],
                    "combination": row["combination"],
                    "attempt": row["attempt"],
                    "stage": row["stage"],
                    "name": row["name"] or row["stage"],
                    "stream": row["stream"],
                    "time": row["time"],
                    "text": row["text"],
                }
            )
        return pieces

    def _check_stage(self, run: dict[str, Any], position: int | None, stage: str) -> None:
        known: dict[str, None] = {}
        for row in self._select("SELECT job, stage, id FROM stages WHERE run = ? ORDER BY job", run["run"]):
            if position is None or row["job"] == position:
                known.update(dict.fromkeys((row["stage"], row["id"] or row["stage"])))
        if stage not in known:
            names = ", ".join(list(known)[:12]) + (", …" if len(known) > 12 else "")
            raise UsageError(
                f"run {run['id']} has no stage `{stage}`", help=f"there are: {names or 'none yet'}"
            )

    def _select(self, query: str, key: int) -> list[dict[str, Any]]:
        return [_decoded(row) for row in self._journal.rows(query, (key,))]


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """A run in a list."""
    return {
        "run_id": run["id"],
        "file": run["file"],
        "workflow": run["workflow"],
        "status": run["status"],
        "started_at": run["started"],
        "duration_s": run["duration"],
    }


def _run(row: dict[str, Any]) -> dict[str, Any]:
    run = _decoded(row)
    if run["status"] is None:
        alive = owner.is_alive(run["pid"], run["pid_started"], run["boot"])
        run["status"] = RUNNING if alive else INTERRUPTED
        if not alive:
            run["reason"] = f"the process that ran it ({run['pid']}) died before its end"
    return run


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in _JSON and isinstance(value, str) else value
        for name, value in row.items()
    }


def _public(error: dict[str, Any] | None) -> dict[str, Any] | None:
    return error and {name: error[name] for name in ("type", "message", "path", "line")}


def _unended(alive: bool, started: float | None) -> str:
    """What something without an end is: it runs, waits, or its engine died."""
    if started is None:
        return "waiting" if alive else "not started"
    return RUNNING if alive else INTERRUPTED
