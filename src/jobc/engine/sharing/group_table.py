"""Who is in which concurrency group, and who waits: one small SQLite database that all engines of a state directory share.

A row of `members` is a seat: a job or a run that is in its group (`inside`) or waits for it. `seq` is the order of
arrival, and the order of admission. Whoever changes a group admits whom the change lets in, in the same transaction,
whichever engine the admitted one belongs to; telling that engine is the caller's business.

Seats of an engine that died are removed when they stand in somebody's way. What is in here is worth nothing after
a restart of the machine, so nothing is flushed to the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobc.errors import StateError

BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS engines (
    engine TEXT PRIMARY KEY, pid INTEGER NOT NULL, pid_started TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    engine TEXT NOT NULL,
    run TEXT NOT NULL,
    job TEXT,
    most INTEGER NOT NULL,
    inside INTEGER NOT NULL DEFAULT 0,
    displaced TEXT
);
CREATE INDEX IF NOT EXISTS members_name ON members (name, inside, displaced, seq);
CREATE INDEX IF NOT EXISTS members_engine ON members (engine, inside);
CREATE INDEX IF NOT EXISTS members_displaced ON members (engine) WHERE displaced IS NOT NULL;
"""


class Change:
    """What one transaction did: seats that are in now, seats that were told to go, engines to be told of it."""

    __slots__ = ("admitted", "displaced", "engines")

    def __init__(self) -> None:
        self.admitted: list[int] = []
        #: (seat, why)
        self.displaced: list[tuple[int, str]] = []
        self.engines: set[str] = set()


class GroupTable:
    """The table as one engine sees it. `alive` says whether another engine still is. Methods raise StateError."""

    def __init__(self, path: str, engine: str, alive: Callable[[str], bool]) -> None:
        self._path = path
        self._engine = engine
        self._alive = alive
        with self._errors():
            self._db = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(_SCHEMA)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(
                f"the table of concurrency groups {self._path} cannot be used: {error}",
                help=f"remove {Path(self._path).parent} while nothing runs; it is made anew",
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[Change]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield Change()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def sign_in(self, pid: int, pid_started: str) -> None:
        with self._errors():
            self._db.execute("INSERT INTO engines VALUES (?, ?, ?)", (self._engine, pid, pid_started))

    def join(self, name: str, run: str, job: str | None, most: int, displaces: bool) -> tuple[int, Change]:
        """A new seat, and what it changed: it is among those admitted, or waits."""
        with self._transaction() as change:
            self._clear_the_way(name, change)
            cursor = self._db.execute(
                "INSERT INTO members (name, engine, run, job, most) VALUES (?, ?, ?, ?, ?)",
                (name, self._engine, run, job, most),
            )
            seat = cursor.lastrowid
            assert seat is not None
            if displaces:
                self._displace(name, seat, run, job, most, change)
            self._admit(name, change)
        return seat, change

    def leave(self, seat: int, name: str) -> Change:
        with self._transaction() as change:
            self._db.execute("DELETE FROM members WHERE seq = ?", (seat,))
            self._admit(name, change)
        return change

    def look(self) -> Change:
        """Remove engines that died; what has become of this engine's seats, by whomever."""
        with self._transaction() as change:
            for (engine,) in self._db.execute(
                "SELECT engine FROM engines WHERE engine <> ?", (self._engine,)
            ).fetchall():
                if not self._alive(engine):
                    self._remove(engine, change)
            change.admitted = [
                seat
                for (seat,) in self._db.execute(
                    "SELECT seq FROM members WHERE engine = ? AND inside = 1", (self._engine,)
                )
            ]
            change.displaced = self._db.execute(
                "SELECT seq, displaced FROM members WHERE engine = ? AND displaced IS NOT NULL",
                (self._engine,),
            ).fetchall()
        return change

    def holders(self, name: str, most: int) -> list[tuple[str, str | None]]:
        """(run, job) of those in the group, the longest first."""
        with self._errors():
            return self._db.execute(
                "SELECT run, job FROM members WHERE name = ? AND inside = 1 ORDER BY seq LIMIT ?",
                (name, most),
            ).fetchall()

    def others(self) -> list[tuple[str, int, str]]:
        """(engine, pid, when that process started) of the other engines."""
        with self._errors():
            return self._db.execute(
                "SELECT engine, pid, pid_started FROM engines WHERE engine <> ?", (self._engine,)
            ).fetchall()

    def close(self) -> Change:
        """Give up all seats."""
        try:
            with self._transaction() as change:
                self._remove(self._engine, change)
            return change
        finally:
            self._db.close()

    def _remove(self, engine: str, change: Change) -> None:
        names = self._db.execute("SELECT DISTINCT name FROM members WHERE engine = ?", (engine,)).fetchall()
        self._db.execute("DELETE FROM members WHERE engine = ?", (engine,))
        self._db.execute("DELETE FROM engines WHERE engine = ?", (engine,))
        for (name,) in names:
            self._admit(name, change)

    def _clear_the_way(self, name: str, change: Change) -> None:
        rows = self._db.execute(
            "SELECT DISTINCT engine FROM members WHERE name = ? AND inside = 1 AND engine <> ?",
            (name, self._engine),
        ).fetchall()
        for (engine,) in rows:
            if not self._alive(engine):
                self._remove(engine, change)

    def _displace(self, name: str, seat: int, run: str, job: str | None, most: int, change: Change) -> None:
        """Tell those to go that keep a seat from being taken: all that wait, and the oldest inside."""
        inside = self._db.execute(
            "SELECT seq, engine, run, displaced FROM members WHERE name = ? AND inside = 1 ORDER BY seq",
            (name,),
        ).fetchall()
        surplus = len(inside) - most + 1
        if surplus <= 0:
            return
        waiting = self._db.execute(
            "SELECT seq, engine, run, displaced FROM members WHERE name = ? AND inside = 0 AND seq < ?",
            (name, seat),
        ).fetchall()
        for victim, engine, its_run, told in [*inside[:surplus], *waiting]:
            if told is not None:
                continue
            if its_run == run and job is not None:
                why = f"job `{job}` took over its concurrency group `{name}`"
            else:
                why = f"cancelled by run {run}, which took its concurrency group `{name}`"
            self._db.execute("UPDATE members SET displaced = ? WHERE seq = ?", (why, victim))
            change.engines.add(engine)
            if engine == self._engine:
                change.displaced.append((victim, why))

    def _admit(self, name: str, change: Change) -> None:
        while True:
            head = self._db.execute(
                "SELECT seq, engine, most FROM members"
                " WHERE name = ? AND inside = 0 AND displaced IS NULL ORDER BY seq LIMIT 1",
                (name,),
            ).fetchone()
            if head is None:
                return
            seat, engine, most = head
            (inside,) = self._db.execute(
                "SELECT count(*) FROM members WHERE name = ? AND inside = 1", (name,)
            ).fetchone()
            if inside >= most:
                return
            if engine != self._engine and not self._alive(engine):
                self._remove(engine, change)
                continue
            self._db.execute("UPDATE members SET inside = 1 WHERE seq = ?", (seat,))
            change.engines.add(engine)
            if engine == self._engine:
                change.admitted.append(seat)
