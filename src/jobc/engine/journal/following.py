"""Following a run that another process runs: what its journal gets, as it gets it, until the run has ended.

SQLite tells a connection whether another one has committed (`PRAGMA data_version`): a look at shared memory, without
touching a file. It cannot wake anybody, so it is asked `1 / LOOK` times a second; nothing is read where nothing
was written. Whether the engine still lives is asked every `ALIVE` seconds.

An engine that died may be resumed: the run goes on in the same rows under another process, so whoever follows waits for
that a while and then goes on where it stood.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from jobc.engine.journal.history import INTERRUPTED, RUNNING, History
from jobc.engine.journal.log_lines import LogLine, LogReader

LOOK = 0.1
ALIVE = 1.0


class Follower:
    """`status` is the run's once `lines` has ended: terminal, `interrupted`, or None if the run was removed."""

    def __init__(self, history: History, run: dict[str, Any], reader: LogReader, patience: float) -> None:
        """`patience`: seconds to wait for a resume of a run whose engine died."""
        self._history = history
        self._run = run
        self._reader = reader
        self._patience = patience
        self.status: str | None = run["status"]

    def lines(self, interrupted: Callable[[], None]) -> Iterator[list[LogLine]]:
        """Lots of lines, an empty one whenever there is nothing for now; `interrupted` is called when the engine died."""
        version = -1
        looked = 0.0
        lost: float | None = None
        while True:
            seen = data_version(self._history)
            if seen != version or time.monotonic() - looked >= ALIVE:
                # The state is read before the log: what was written before the end is then surely read.
                now = self._history.again(self._run)
                looked, version = time.monotonic(), seen
                yield list(self._reader.more())
                self.status = None if now is None else str(now["status"])
                if self.status not in (RUNNING, INTERRUPTED):
                    return
                if self.status == RUNNING:
                    lost = None
                elif lost is None:
                    lost = time.monotonic()
                    interrupted()
            if lost is not None and time.monotonic() - lost >= self._patience:
                return
            time.sleep(LOOK)


def data_version(history: History) -> int:
    """Changes whenever another connection has committed."""
    return int(history.rows("PRAGMA data_version")[0]["data_version"])
