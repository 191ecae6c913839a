"""The journal: what happened in every run, in one SQLite database that any number of engines share.

Writing is a group commit without a writer thread. `record` appends to a list in memory; `flush` returns when all
that was recorded before the call is committed. Whoever flushes first writes everything that waits, others that
meanwhile came to the lock find their records written. A transition is recorded and flushed before the
engine acts on it; log text of one stage and instant is merged and rides along, at the latest `LOG_SECONDS` after it arrived.

The database is in WAL mode with `synchronous=NORMAL`: a commit is a write into the log without waiting for the
disk. A commit survives any death of the engine, SIGKILL too, because the system's page cache holds it; a
power failure may lose the last moments (never the database's soundness), which a resumed run then does again. FULL
would pay a disk flush for every group, some milliseconds each, for that last case alone.

Secrets never enter: the caller gives text and values that are masked already (`engine.secrets`).
"""

from __future__ import annotations

import errno
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jobc.engine.journal.schema import MIGRATIONS
from jobc.errors import StateError

#: The longest that log text waits for a commit while its stage runs on.
LOG_SECONDS = 0.25
#: How long to wait for another process that writes.
BUSY_SECONDS = 30.0

INSERT_LOG = "INSERT INTO logs (run, job, combination, attempt, stage, stream, time, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def path_in(state_dir: str) -> str:
    """Where the journal of a state directory (`.jobc`) stands."""
    return os.path.join(state_dir, "state", "journal.db")


def plain(value: Any) -> Any:
    """JSON data: instants as ISO text, decimals and what else JSON has no form for as their text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def dumps(value: Any) -> str:
    """A JSON column."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


class Journal:
    """An open journal. Methods may be called from any thread. They raise StateError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._pending: list[tuple[str, Sequence[Any]]] = []
        self._last_log: tuple[tuple[Any, ...], list[str]] | None = None
        self._recorded = 0
        self._written = 0
        self._flushed_at = 0.0
        self._lock = threading.RLock()
        self._write_lock = threading.Lock()
        try:
            self.connection = _connect(path)
        except sqlite3.Error as error:
            raise state_error(path, error) from error

    @classmethod
    def create(cls, path: str) -> Journal:
        """Open the journal at `path`, made with its folder where it is missing."""
        folder = os.path.dirname(path)
        parent = os.path.dirname(folder)
        ignore = os.path.join(parent, ".gitignore")
        try:
            os.makedirs(folder, exist_ok=True)
            if os.path.basename(parent) == ".jobc" and not os.path.exists(ignore):
                with open(ignore, "w", encoding="utf-8") as file:
                    file.write("*\n")
        except OSError as error:
            raise StateError(
                f"the state directory {folder} cannot be made: {error.strerror}", help=_remedy_of(error)
            ) from error
        return cls(path)

    def record(self, statement: str, values: Sequence[Any]) -> None:
        """Have a statement written with the next flush."""
        with self._lock:
            self._last_log = None
            self._pending.append((statement, values))
            self._recorded += 1

    def log(self, key: tuple[int, int, int, int, str, str], text: str, at: float) -> bool:
        """Have log text of an instant written with the next flush. `key`: run, job, combination, attempt, stage, stream.

        True if it is time to flush for the log's own sake.
        """
        with self._lock:
            last = self._last_log
            row = (*key, at)
            if last is not None and last[0] == row:
                last[1].append(text)
            else:
                parts = [text]
                self._last_log = (row, parts)
                self._pending.append((INSERT_LOG, (*row, parts)))
            self._recorded += 1
        return time.monotonic() - self._flushed_at >= LOG_SECONDS

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is recorded meanwhile, by this thread, is written by one transaction. Nothing is flushed in it."""
        with self._lock:
            yield

    def flush(self) -> None:
        """Return when everything recorded so far is committed."""
        target = self._recorded
        with self._write_lock:
            if self._written >= target:
                return
            with self._lock:
                batch, self._pending = self._pending, []
                self._last_log = None
                written = self._recorded
            try:
                self._write(lambda connection: batch)
            except sqlite3.Error as error:
                with self._lock:  # a later flush may succeed
                    self._pending[:0] = batch
                raise state_error(self.path, error) from error
            self._written = written
            self._flushed_at = time.monotonic()

    def unwritten(self) -> list[tuple[str, Sequence[Any]]]:
        """What was recorded and is not committed."""
        with self._lock:
            return list(self._pending)

    def transact(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Write statements at once, all or none."""
        with self._write_lock:
            try:
                self._write(lambda connection: statements)
            except sqlite3.Error as error:
                raise state_error(self.path, error) from error

    def insert(
        self,
        statement: str,
        values: Sequence[Any],
        rest: Callable[[int], Sequence[tuple[str, Sequence[Any]]]],
    ) -> int:
        """Write one row, and with it what `rest` makes of its key, at once and all or nothing; the key."""
        key = 0

        def row(connection: sqlite3.Connection) -> Sequence[tuple[str, Sequence[Any]]]:
            nonlocal key
            key = _execute(connection, statement, values).lastrowid or 0
            return rest(key)

        with self._write_lock:
            try:
                self._write(row)
            except sqlite3.Error as error:
                raise state_error(self.path, error) from error
        return key

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._write_lock:
            try:
                cursor = self.connection.execute(query, values)
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor]
            except sqlite3.Error as error:
                raise state_error(self.path, error) from error

    def _write(self, make: Callable[[sqlite3.Connection], Sequence[tuple[str, Sequence[Any]]]]) -> None:
        """Write what `make` gives, inside of one transaction."""
        connection = self.connection
        execute = connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for statement, values in make(connection):
                if statement is INSERT_LOG:
                    values = (*values[:-1], "".join(values[-1]))
                _execute(connection, statement, values)
            execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                execute("ROLLBACK")
            raise

    def close(self) -> None:
        with self._write_lock:
            self.connection.close()


def _execute(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> sqlite3.Cursor:
    try:
        return connection.execute(statement, values)
    except UnicodeEncodeError:
        # Half of a surrogate pair: as an escape it stays readable, and JSON stays the same JSON.
        return connection.execute(statement, [_encodable(value) for value in values])


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    try:
        row = connection.execute("SELECT max(version) FROM migrations").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return 0
        raise
    return int(row[0] or 0)


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied REAL NOT NULL)"
        )
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise StateError(
                f"the journal {path} was written by a newer jobc (its form is {version}, this one knows "
                f"{len(MIGRATIONS)})",
                help="upgrade jobc, or use another state directory",
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?)", (number, time.time()))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


#: What the matter is, and the remedy, by primary result code of SQLite and by the words that it says it in.
_CAUSES: list[tuple[int, str, str, str]] = [
    (
        5,  # SQLITE_BUSY
        "database is locked",
        "is locked by another process",
        "wait until that process has ended, or find it with `fuser` or `lsof`",
    ),
    (6, "table is locked", "is locked by another process", "wait until that process has ended"),
    (8, "readonly", "cannot be written: it is read-only", "make the file and its folder writable"),
    (3, "permission denied", "cannot be opened: permission denied", "make the file and its folder writable"),
    (
        14,  # SQLITE_CANTOPEN
        "unable to open",
        "cannot be opened",
        "make sure that it is a file, and that its folder is writable",
    ),
    (13, "disk is full", "cannot be written: the disk is full", "free some space, then run again"),
    (
        10,  # SQLITE_IOERR
        "disk I/O error",
        "cannot be read or written: input/output error",
        "see whether the disk is full or failing",
    ),
    (26, "not a database", "is damaged: it is not a database", "move it away; a new one is made"),
    (
        11,  # SQLITE_CORRUPT
        "malformed",
        "is damaged",
        "move it away; a new one is made, `sqlite3 .recover` saves what can be",
    ),
]


def state_error(path: str, error: sqlite3.Error) -> StateError:
    """An SQLite error in the user's words. Before Python 3.11 an error has no code, only its text."""
    code = getattr(error, "sqlite_errorcode", None)
    for number, words, cause, remedy in _CAUSES:
        if (code & 0xFF == number) if code is not None else (words in str(error)):
            return StateError(f"the journal {path} {cause}", help=remedy)
    return StateError(f"the journal {path} cannot be used: {error}", help="move it away; a new one is made")


def _remedy_of(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "free some space, then run again"
    return "make its parent folder writable, or work elsewhere with -C"
