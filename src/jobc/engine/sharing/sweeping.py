"""What an engine that was killed left in environments elsewhere: removed with its run, or when that was resumed and has ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobc.backends.api import Backend, BackendError, JobHandle
from jobc.backends.registry import create
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.engine.journal.history import History


def handles(history: History, run: Mapping[str, Any]) -> tuple[str, list[JobHandle]]:
    """The mark of a run and the handles of its tasks, of those that it triggered too."""
    connection = history.journal.connection
    keys = [run["run"]]
    for key in keys:  # grows while it is walked: the whole tree
        keys += [row[0] for row in connection.execute("SELECT run FROM runs WHERE parent = ?", (key,))]
    found = []
    for key in keys:
        rows = connection.execute(
            "SELECT handle FROM combinations WHERE run = ? AND handle IS NOT NULL", (key,)
        )
        found += [JobHandle.of_json(json.loads(row[0])) for row in rows]
    (mark,) = connection.execute("SELECT mark FROM runs WHERE run = ?", (run["run"],)).fetchone()
    return str(mark or ""), found


def sweep(mark: str, known: Sequence[JobHandle], make: Callable[[str], Backend] = create) -> list[str]:
    """Remove what is left of the tasks; what could not be asked for, in words."""
    problems: list[str] = []
    for name in sorted({handle.backend for handle in known}):
        try:
            backend = make(name)
            if backend.capabilities.sweeps and mark:
                getattr(backend, "sweep")(mark, [handle for handle in known if handle.backend == name])  # noqa: B009
                backend.close()
        except (BackendError, UsageError) as error:
            problems.append(f"{name}: {error}")
    return problems
