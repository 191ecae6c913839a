"""What the runs of a state directory take of the machine together: a small SQLite database, as for concurrency groups.

A row is an engine: what its jobs take, and what the first of its jobs that waits has set aside, with the order in which these
came to wait. Something fits where it, what all take and what those set aside that came before leave nothing short. To look and
to take is one transaction, so two engines never take the same.

Whoever gives something back wakes those that wait (`neighbours`); a death wakes them too. An engine that died counts until
it stands in somebody's way. Where the database cannot be used, an engine counts for itself alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from jobc.engine.sharing import owner
from jobc.errors import StateError

if TYPE_CHECKING:
    from jobc.engine.sharing.neighbours import Neighbours

BUSY_SECONDS = 30.0
#: Rounding errors of sums of fractions of processors.
_CLOSE = 1e-9

_SCHEMA = """
CREATE TABLE IF NOT EXISTS takings (
    engine TEXT PRIMARY KEY, pid INTEGER NOT NULL, pid_started TEXT NOT NULL, run TEXT NOT NULL,
    taken TEXT NOT NULL, aside TEXT NOT NULL, turn INTEGER
) WITHOUT ROWID;
"""

Amounts = Mapping[str, float]
T = TypeVar("T")


class MachineTable:
    """The machine as one engine sees it, `total` of each kind. `notify` is called from another thread when to try again."""

    def __init__(self, folder: str, run: str, total: Amounts, notify: Callable[[], None]) -> None:
        self._folder = folder
        self._run = run
        self._total = total
        self._notify = notify
        self._neighbours: Neighbours | None = None
        self._db: sqlite3.Connection | None = None
        self._taken: dict[str, float] = {}
        self._turn: int | None = None
        self._broken = False

    def fits(self, needed: Amounts) -> bool:
        """Whether other engines leave that much."""
        return self._do(lambda db: self._free(db, needed), True)

    def claim(self, needed: Amounts) -> bool:
        """Take it if other engines leave that much."""

        def take(db: sqlite3.Connection) -> bool:
            if not self._free(db, needed):
                return False
            self._add(db, needed, 1)
            return True

        return self._do(take, True)

    def took(self, needed: Amounts) -> None:
        """It was taken without asking."""
        self._do(lambda db: self._add(db, needed, 1), None)

    def gave(self, needed: Amounts) -> None:
        def give(db: sqlite3.Connection) -> list[str]:
            self._add(db, needed, -1)
            return self._waiting(db)

        self._wake(self._do(give, []))

    def set_aside(self, needed: Amounts) -> None:
        """The first job here that waits needs that much; nothing: none waits."""
        if not needed and self._turn is None:
            return

        def aside(db: sqlite3.Connection) -> list[str]:
            if needed and self._turn is None:
                (last,) = db.execute("SELECT coalesce(max(turn), 0) FROM takings").fetchone()
                self._turn = last + 1
            elif not needed:
                self._turn = None
            db.execute(
                "UPDATE takings SET aside = ?, turn = ? WHERE engine = ?",
                (json.dumps(dict(needed)), self._turn, self._token),
            )
            return [] if needed else self._waiting(db)

        self._wake(self._do(aside, []))
        self.watch()
        if needed and self.fits(needed):
            self._notify()  # somebody gave it back before it was known that this engine waits

    def watch(self) -> None:
        """Be woken by deaths while somebody here waits."""
        if self._neighbours is None or self._db is None or self._broken:
            return
        others: list[tuple[str, int, str]] = []
        if self._turn is not None:
            others = self._do(
                lambda db: db.execute(
                    "SELECT engine, pid, pid_started FROM takings WHERE engine <> ?", (self._token,)
                ).fetchall(),
                [],
            )
        self._neighbours.watch(others)

    def holders(self) -> list[str]:
        """The other runs that take something, at most three."""
        none: list[tuple[str]] = []
        rows = self._do(
            lambda db: db.execute(
                "SELECT run FROM takings WHERE engine <> ? AND taken <> '{}' ORDER BY run LIMIT 3",
                (self._token,),
            ).fetchall(),
            none,
        )
        return [run for (run,) in rows]

    def close(self) -> None:
        if self._db is not None:

            def leave(db: sqlite3.Connection) -> list[str]:
                db.execute("DELETE FROM takings WHERE engine = ?", (self._token,))
                return self._waiting(db)

            self._wake(self._do(leave, []))
            self._db.close()
        if self._neighbours is not None:
            self._neighbours.close()

    @property
    def _token(self) -> str:
        assert self._neighbours is not None
        return self._neighbours.token

    def _do(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Do something in one transaction; `otherwise` where that cannot be."""
        if self._broken:
            return otherwise
        try:
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
                db.execute("COMMIT")
                return result
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        except (StateError, sqlite3.Error):
            self._broken = True
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            from jobc.engine.sharing.neighbours import Neighbours

            self._neighbours = Neighbours(self._folder, self._notify)
            path = os.path.join(self._folder, "machine.db")
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(_SCHEMA)
            pid, started, _ = owner.this_process()
            self._db.execute(
                "INSERT INTO takings VALUES (?, ?, ?, ?, '{}', '{}', NULL)",
                (self._token, pid, started, self._run),
            )
        return self._db

    def _free(self, db: sqlite3.Connection, needed: Amounts) -> bool:
        if self._leaves(db, needed):
            return True
        assert self._neighbours is not None
        dead = [
            (engine,)
            for (engine,) in db.execute(
                "SELECT engine FROM takings WHERE engine <> ?", (self._token,)
            ).fetchall()
            if not self._neighbours.alive(engine)
        ]
        db.executemany("DELETE FROM takings WHERE engine = ?", dead)
        return bool(dead) and self._leaves(db, needed)

    def _leaves(self, db: sqlite3.Connection, needed: Amounts) -> bool:
        used = dict(self._taken)
        rows = db.execute("SELECT taken, aside, turn FROM takings WHERE engine <> ?", (self._token,))
        for taken, aside, turn in rows.fetchall():
            before = turn is not None and (self._turn is None or turn < self._turn)
            for text in (taken, aside if before else "{}"):
                for kind, value in json.loads(text).items():
                    used[kind] = used.get(kind, 0.0) + value
        return all(
            used.get(kind, 0.0) + value <= self._total.get(kind, 0.0) + _CLOSE
            for kind, value in needed.items()
        )

    def _add(self, db: sqlite3.Connection, needed: Amounts, sign: int) -> None:
        for kind, value in needed.items():
            self._taken[kind] = self._taken.get(kind, 0.0) + sign * value
            if self._taken[kind] < _CLOSE:
                del self._taken[kind]
        db.execute("UPDATE takings SET taken = ? WHERE engine = ?", (json.dumps(self._taken), self._token))

    def _waiting(self, db: sqlite3.Connection) -> list[str]:
        return [engine for (engine,) in db.execute("SELECT engine FROM takings WHERE turn IS NOT NULL")]

    def _wake(self, engines: list[str]) -> None:
        for engine in engines:
            if engine != self._token and self._neighbours is not None:
                self._neighbours.wake(engine)
