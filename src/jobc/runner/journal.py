"""The runner's journal: what it was given and what became of it, in one SQLite database.

A task is written down before anything is started for it, and its end before anybody is told. Values of secrets are not
here, nor is what tasks wrote.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any

from jobc.engine.journal.journal import state_error
from jobc.errors import StateError

_FORM = 1
_SCHEMA = """
CREATE TABLE tasks (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    bundle TEXT NOT NULL,
    head TEXT NOT NULL,
    state TEXT NOT NULL,
    submitted REAL NOT NULL,
    started REAL,
    ended REAL,
    asked TEXT,
    exit_code INTEGER,
    signal INTEGER,
    reason TEXT,
    message TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
#: Columns that change after the submission.
CHANGING = ("state", "started", "ended", "asked", "exit_code", "signal", "reason", "message", "size")


class Journal:
    """An open journal, for the one thread that opened it. Its methods raise StateError."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            # SQLite gives its other files the mode of this one; tasks of another user get near them.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            os.chmod(path, 0o600)
        except OSError as error:
            raise StateError(
                f"the journal {path} cannot be opened: {error.strerror}", help="make its folder writable"
            ) from error
        try:
            self._connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            form = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if form > _FORM:
                raise StateError(
                    f"the journal {path} was written by a newer jobc",
                    help="upgrade jobc, or use another --state",
                )
            if form == 0:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute(_SCHEMA)
                self._connection.execute(f"PRAGMA user_version={_FORM}")
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise state_error(path, error) from error

    def tasks(self) -> list[dict[str, Any]]:
        """Every row, the oldest submission first; `head` as data."""
        rows = self._do("SELECT * FROM tasks ORDER BY submitted, key").fetchall()
        return [{**dict(row), "head": json.loads(row["head"])} for row in rows]

    def add(
        self, key: str, name: str, bundle: str, head: dict[str, Any], state: str, submitted: float
    ) -> None:
        """A new task in place of what the key meant before."""
        self._do(
            "INSERT OR REPLACE INTO tasks (key, name, bundle, head, state, submitted) VALUES (?, ?, ?, ?, ?, ?)",
            (key, name, bundle, json.dumps(head), state, submitted),
        )

    def update(self, key: str, **values: Any) -> None:
        assert set(values) <= set(CHANGING), values
        columns = ", ".join(f"{name} = ?" for name in values)
        self._do(f"UPDATE tasks SET {columns} WHERE key = ?", (*values.values(), key))

    def remove(self, key: str) -> None:
        self._do("DELETE FROM tasks WHERE key = ?", (key,))

    def check(self) -> None:
        """Whether it can be written."""
        self._do("BEGIN IMMEDIATE")
        self._do("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def _do(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise state_error(self.path, error) from error
