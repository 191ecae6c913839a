"""Removing old runs from the journal, and giving their space back.

A run goes with everything that carries its key, in whichever table, and with the runs that it triggered: one transaction
a run, so that engines that write meanwhile wait for moments. Whether its engine lives is asked again inside the transaction;
a run that runs is never removed. Programs that no run refers to go last. The file becomes smaller (`VACUUM`) only while
no run runs, since that keeps writers waiting for as long as it takes to copy the database.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from jobc.engine.journal.history import RUNNING, History
from jobc.engine.journal.journal import Journal, state_error


def candidates(history: History, keep: int | None, older_than: float | None) -> list[dict[str, Any]]:
    """The runs to remove, the oldest first: beyond the newest `keep`, and begun more than `older_than` seconds ago.

    Of two bounds both must hold.
    """
    runs = history.runs()[keep or 0 :]
    if older_than is not None:
        runs = [run for run in runs if run["started"] < time.time() - older_than]
    return [run for run in reversed(runs) if run["status"] != RUNNING]


def remove(history: History, run: dict[str, Any]) -> bool:
    """Remove a run; False where it runs (again) or is gone. Raises StateError."""
    connection = history.journal.connection
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = history.again(run)
            removed = now is not None and now["status"] != RUNNING
            if removed:
                _delete(connection, run["run"])
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise state_error(history.journal.path, error) from error
    return removed


def compact(journal: Journal) -> None:
    """Drop what no run refers to, and make the file as small as it can be. Raises StateError."""
    connection = journal.connection
    try:
        connection.execute(
            "DELETE FROM programs WHERE hash NOT IN (SELECT program FROM runs WHERE program IS NOT NULL)"
        )
        if not any(run["status"] == RUNNING for run in History(journal).runs()):
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise state_error(journal.path, error) from error


def _delete(connection: sqlite3.Connection, key: int) -> None:
    keys = [key]
    for parent in keys:  # grows while it is walked: the whole tree
        keys += [row[0] for row in connection.execute("SELECT run FROM runs WHERE parent = ?", (parent,))]
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        if "run" in columns and table != "runs":
            connection.executemany(f'DELETE FROM "{table}" WHERE run = ?', [(each,) for each in keys])
    connection.executemany("DELETE FROM runs WHERE run = ?", [(each,) for each in reversed(keys)])
