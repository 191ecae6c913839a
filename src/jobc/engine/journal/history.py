"""Reading the journal: which runs there were, what became of them, their logs."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from typing import Any

from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.sharing import owner
from jobc.errors import UsageError
from jobc.interpreter.nearest import nearest

RUNNING = "running"
#: The engine of the run died before its end.
INTERRUPTED = "interrupted"

_JSON = ("params", "options", "outputs", "error", "matrix", "handle", "cache")


class History:
    """The runs of a state directory (`.jobc`)."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    @classmethod
    def open(cls, state_dir: str) -> History | None:
        """None where there was no run yet. Raises StateError."""
        path = path_in(state_dir)
        return cls(Journal(path)) if os.path.exists(path) else None

    def close(self) -> None:
        self.journal.close()

    def runs(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The newest first, as they were entered whatever the clock said then; nested runs left out."""
        rows = self.journal.rows(
            "SELECT * FROM runs WHERE parent IS NULL ORDER BY run DESC LIMIT ?",
            (-1 if limit is None else limit,),
        )
        return [_run(row) for row in rows]

    def find(self, name: str) -> dict[str, Any]:
        """The run with this id, or the only one whose id begins so; `latest` or `-1` is the newest, `-2` the one before.

        Raises UsageError.
        """
        if name in ("latest", "last") or re.fullmatch(r"-[1-9][0-9]*", name):
            back = int(name[1:]) if name.startswith("-") else 1
            runs = self.runs(back)
            if len(runs) < back:
                had = f"there are only {len(runs)} runs" if runs else "there is no run yet"
                raise UsageError(
                    had, help="`jobc runs list` shows them" if runs else "`jobc run FILE` makes one"
                )
            return runs[-1]
        exact = self.rows("SELECT * FROM runs WHERE id = ?", name)
        if exact:
            return _run(exact[0])
        rows = self.rows(
            "SELECT * FROM runs WHERE substr(id, 1, ?) = ? AND parent IS NULL ORDER BY run DESC",
            len(name),
            name,
        )
        if not rows:
            close = nearest(name, [run["id"] for run in self.runs()])
            hint = f"did you mean `{close}`?" if close else "`jobc runs list` shows them"
            raise UsageError(f"there is no run `{name}`", help=hint)
        if len(rows) > 1:
            ids = ", ".join(row["id"] for row in rows[:5]) + (", …" if len(rows) > 5 else "")
            raise UsageError(f"{len(rows)} runs begin with `{name}`", help=f"say more of its id: {ids}")
        return _run(rows[0])

    def again(self, run: dict[str, Any]) -> dict[str, Any] | None:
        """The run as it is now; None where it was removed meanwhile."""
        rows = self.rows("SELECT * FROM runs WHERE run = ?", run["run"])
        return _run(rows[0]) if rows else None

    def root(self, run: dict[str, Any]) -> dict[str, Any]:
        """The run that a process was started for: itself, or the first of those that led to it."""
        while run["parent"] is not None:
            run = _run(self.rows("SELECT * FROM runs WHERE run = ?", run["parent"])[0])
        return run

    def children(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """The runs that it triggered, in their order."""
        return [
            _run(row) for row in self.rows("SELECT * FROM runs WHERE parent = ? ORDER BY run", run["run"])
        ]

    def program(self, run: dict[str, Any]) -> Any:
        """The `ir.program.Program` that it ran; None where it is not kept or of another version."""
        from jobc.ir.codec import loads

        rows = self.rows("SELECT ir FROM programs WHERE hash = ?", run["program"])
        try:
            return loads(rows[0]["ir"]) if rows else None
        except ValueError:
            return None

    def detail(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run as `run --format json` gave it, as far as it went, with times, earlier attempts, hooks that failed,
        and the tree of the runs that it triggered."""
        key, alive = run["run"], run["status"] == RUNNING
        jobs: dict[str, Any] = {}
        by_position: dict[int, dict[str, Any]] = {}
        for row in self.rows("SELECT * FROM jobs WHERE run = ? ORDER BY position", key):
            job = {
                "status": row["status"] or _unended(alive, row["started"]),
                "reason": row["reason"],
                "started_at": instant(row["started"]),
                "duration_s": row["duration"] or 0.0,
                "attempts": row["attempts"],
                "outputs": row["outputs"] or {},
                "error": _public(row["error"]),
                "combinations": [],
            }
            jobs[row["id"]] = by_position[row["position"]] = job
        stages: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
        for row in self.rows("SELECT * FROM stages WHERE run = ? ORDER BY started", key):
            stage = {
                "id": row["id"] or row["stage"],
                "path": row["stage"],
                "name": row["name"],
                "status": row["status"] or _unended(alive, row["started"]),
                "attempts": row["attempts"],
                "started_at": instant(row["started"]),
                "duration_s": row["duration"] or 0.0,
                "outputs": row["outputs"] or {},
                "error": _public(row["error"]),
                "reason": row["reason"],
            }
            stages.setdefault((row["job"], row["combination"], row["attempt"]), []).append(stage)
        last: dict[tuple[int, int], dict[str, Any]] = {}
        query = "SELECT * FROM combinations WHERE run = ? ORDER BY job, combination, attempt"
        for row in self.rows(query, key):
            place = (row["job"], row["combination"])
            before = last.get(place)
            last[place] = {
                "index": row["combination"],
                "matrix": row["matrix"],
                "status": row["status"] or _unended(alive, row["started"]),
                "attempts": row["attempt"],
                "started_at": instant(row["started"]),
                "duration_s": row["duration"] or 0.0,
                "outputs": row["outputs"] or {},
                "error": _public(row["error"]),
                "earlier": [*before.pop("earlier"), _attempt(before)] if before else [],
                "stages": stages.get((row["job"], row["combination"], row["attempt"]), []),
            }
            if row["cache"] is not None:
                last[(row["job"], row["combination"])]["cache"] = row["cache"]
        for row in self.artifacts(run):
            last[(row["job"], row["combination"])].setdefault("artifacts", []).append(row["artifact"])
        for (position, _), combination in last.items():
            by_position[position]["combinations"].append(combination)
        return {
            **summary(run),
            "reason": run["reason"],
            "outputs": run["outputs"] or {},
            "params": run["params"],
            "jobs": jobs,
            "failed_hooks": self.rows(
                "SELECT hook, event, job, attempts, problem FROM hooks"
                " WHERE run = ? AND problem IS NOT NULL ORDER BY seq",
                key,
            ),
            "triggered": self._tree(run),
        }

    def artifacts(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """`job` (its position), `combination` and `artifact` of everything that a run published: `name`, `root`, `files`.

        A file has `path`, `kind`, `mode`, `size` and `sha256` (of a link, `target`).
        """
        found: dict[tuple[int, int, str], dict[str, Any]] = {}
        query = "SELECT * FROM artifacts WHERE run = ? ORDER BY job, combination, name, path"
        for row in self.journal.rows(query, (run["run"],)):
            mark = (row["job"], row["combination"], row["name"])
            if mark not in found:
                artifact: dict[str, Any] = {"name": row["name"], "root": row["root"], "files": []}
                found[mark] = {"job": row["job"], "combination": row["combination"], "artifact": artifact}
            file = {name: row[name] for name in ("path", "kind", "mode", "size")}
            file["target" if row["kind"] == "link" else "sha256"] = row["digest"]
            found[mark]["artifact"]["files"].append(file)
        return list(found.values())

    def _tree(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {**summary(child), "reason": child["reason"], "triggered": self._tree(child)}
            for child in self.children(run)
        ]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the journal, their JSON columns decoded."""
        return [_decoded(row) for row in self.journal.rows(query, values)]


def ended(run: dict[str, Any]) -> bool:
    """Whether nothing more happens to a run as things stand."""
    return bool(run["status"] != RUNNING)


def instant(epoch: float | None) -> str | None:
    """ISO text with the local zone, to the millisecond."""
    return (
        None
        if epoch is None
        else datetime.fromtimestamp(epoch).astimezone().isoformat(timespec="milliseconds")
    )


def _attempt(combination: dict[str, Any]) -> dict[str, Any]:
    """An attempt that another one followed."""
    kept = ("attempts", "status", "started_at", "duration_s", "error")
    return {("attempt" if name == "attempts" else name): combination[name] for name in kept}


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """A run in a list."""
    return {
        "run_id": run["id"],
        "file": run["file"],
        "workflow": run["workflow"],
        "status": run["status"],
        "started_at": instant(run["started"]),
        "duration_s": run["duration"],
    }


def _run(row: dict[str, Any]) -> dict[str, Any]:
    run = _decoded(row)
    if run["status"] is None:
        alive = owner.is_alive(run["pid"], run["pid_started"], run["boot"])
        run["status"] = RUNNING if alive else INTERRUPTED
        if not alive:
            run["reason"] = f"the process that ran it ({run['pid']}) died before its end"
            if run["parent"] is None:
                run["reason"] += f"; `jobc run --resume {run['id']}` goes on with it"
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
