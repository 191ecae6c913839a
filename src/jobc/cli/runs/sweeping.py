"""What the engine of a run that is removed left in environments elsewhere: containers whose engine was killed and never resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobc.backends.api import BackendError, JobHandle
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


def sweep(mark: str, known: list[JobHandle]) -> list[str]:
    """Remove what is left of the tasks; what could not be asked for, in words."""
    from jobc.backends.registry import create

    problems: list[str] = []
    for name in sorted({handle.backend for handle in known}):
        try:
            backend = create(name)
            if backend.capabilities.sweeps and mark:
                getattr(backend, "sweep")(mark, [handle for handle in known if handle.backend == name])  # noqa: B009
                backend.close()
        except (BackendError, UsageError) as error:
            problems.append(f"{name}: {error}")
    return problems
