"""What must hold of a run that was killed, however often.

once        the effect of a stage that the journal had ended when an engine died is never had again
at most     of a stage that was under way then, once for each engine that began it
the same    every stage of the undisturbed run had its effect, no other did; results and outputs are equal
clean       no process and no folder of the run is left
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

Effect = tuple[str, int]


def journal(folder: Path) -> Path:
    return folder / ".jobc" / "state" / "journal.db"


def lines(folder: Path) -> list[tuple[Effect, int]]:
    """(effect, the incarnation of the engine that had it)."""
    path = folder / "effects.txt"
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        key, stage, attempt, incarnation = line.split("|")
        found.append(((f"{key}|{stage}", int(attempt)), int(incarnation)))
    return found


def ended(folder: Path) -> set[Effect]:
    """The attempts at stages whose end is in the journal."""
    if not journal(folder).exists():
        return set()
    connection = sqlite3.connect(journal(folder))
    try:
        rows = connection.execute(
            "SELECT runs.params, jobs.id, stages.combination, stages.stage, stages.attempt, stages.attempts,"
            " stages.failed, stages.ended FROM stages JOIN runs USING (run) JOIN jobs ON jobs.run = stages.run"
            " AND jobs.position = stages.job"
        ).fetchall()
    except sqlite3.OperationalError:  # killed before the tables were made
        return set()
    finally:
        connection.close()
    found: set[Effect] = set()
    for params, job, combination, stage, attempt, attempts, failed, end in rows:
        tag = json.loads(params).get("tag", "top")
        key = f"{tag}/{job}/{combination}|{stage}"
        if stage == "again":  # the one with a retry of its own
            found.update((key, number) for number in range(1, failed + 1))
            attempt = attempts
        if end is not None:
            found.add((key, attempt))
    return found


def result(folder: Path) -> dict[str, Any]:
    """How the run ended, without times."""
    connection = sqlite3.connect(journal(folder))
    connection.row_factory = sqlite3.Row
    try:
        (run,) = connection.execute("SELECT * FROM runs WHERE parent IS NULL").fetchall()
        jobs = connection.execute(
            "SELECT * FROM jobs WHERE run = ? ORDER BY position", (run["run"],)
        ).fetchall()
        last = connection.execute(
            "SELECT job, combination, max(attempt) AS attempt, matrix, outputs FROM combinations WHERE run = ?"
            " GROUP BY job, combination ORDER BY job, combination",
            (run["run"],),
        ).fetchall()
    finally:
        connection.close()
    return {
        "status": run["status"],
        "outputs": run["outputs"],
        "jobs": {
            row["id"]: [row[name] for name in ("status", "reason", "outputs", "attempts", "combinations")]
            for row in jobs
        },
        "combinations": [tuple(row) for row in last],
    }


class Audit:
    """Watches one run. `died` after each death, `check` at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deaths: list[set[Effect]] = []

    def died(self) -> None:
        self.deaths.append(ended(self.folder))

    def check(self, undisturbed: Path) -> None:
        """`undisturbed` is the folder of a run that nobody killed."""
        had = lines(self.folder)
        for (effect, incarnation), count in Counter(had).items():
            assert count == 1, f"{effect} happened {count} times in engine {incarnation}"
            for number in range(incarnation):
                assert effect not in self.deaths[number], (
                    f"{effect} had ended when engine {number} died, and happened again in engine {incarnation}"
                )
        once = Counter(effect for effect, _ in lines(undisturbed))
        assert set(once.values()) == {1}
        assert {effect for effect, _ in had} == set(once)
        assert result(self.folder) == result(undisturbed)
        self._await_no_folder()
        assert processes(self.folder) == []

    def _await_no_folder(self) -> None:
        """The guard of the last engine that died may still be clearing up."""
        until = time.monotonic() + 20
        while left := list((self.folder / "tmp").iterdir()):
            assert time.monotonic() < until, left
            time.sleep(0.02)

    @property
    def repeated(self) -> int:
        """How many effects were had again because their stage was under way at a death."""
        effects = lines(self.folder)
        return len(effects) - len({effect for effect, _ in effects})


def processes(folder: Path) -> list[int]:
    """Processes that have the run's mark."""
    connection = sqlite3.connect(journal(folder))
    marks = [mark for (mark,) in connection.execute("SELECT DISTINCT mark FROM runs")]
    connection.close()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            if any(mark and f"JOBC_RUN_MARK={mark}".encode() in environ.split(b"\0") for mark in marks):
                found.append(int(entry.name))
    return found
