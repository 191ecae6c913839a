"""What of a run is to be done again, as one change of its rows: before it, the run stands as it ended; after it, as if
its engine had died before any of that was done.

    again      a job that failed or was cancelled goes on: its combinations that did not end well are begun again, the others
               keep their results, and its matrix stays as it was
    anew       a job that comes after one that runs again, or that was changed, is judged and expanded anew; of
               it nothing is kept

Rows of attempts are never removed, only marked `stale`: the attempts that follow have higher numbers and a retry budget
of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jobc.engine.journal.journal import Journal
from jobc.ir.program import Program, Workflow
from jobc.ir.status import CANCEL, FAILED, SKIP

_AGAIN = (
    "UPDATE jobs SET status = NULL, reason = NULL, error = NULL, ended = NULL, duration = NULL, outputs = NULL"
    " WHERE run = ? AND position = ?"
)
_ANEW = "UPDATE jobs SET started = NULL, queued = NULL, plan = NULL, combinations = NULL WHERE run = ? AND position = ?"
_RUN = "UPDATE runs SET status = NULL, reason = NULL, ended = NULL, duration = NULL, outputs = NULL WHERE run = ?"
#: Tables with a job's position, and the column that holds it.
_POSITIONS = (
    ("jobs", "run", "position"),
    ("combinations", "run", "job"),
    ("stages", "run", "job"),
    ("events", "run", "job"),
    ("logs", "run", "job"),
    ("runs", "parent", "parent_job"),
)


class Reopening:
    """Collects what is to be changed; `write` does it, all or nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._statements: list[tuple[str, Sequence[Any]]] = []

    def failures(self, key: int, workflow: Workflow) -> None:
        """Let what failed or was cancelled run again, with the jobs that were skipped because of it."""
        self._reopen(key, workflow, (FAILED, CANCEL))

    def cancellation(self, key: int, program: Program) -> None:
        """Take back a cancellation that was under way when the engine died, in nested runs too."""
        (row,) = self._journal.rows("SELECT workflow_index FROM runs WHERE run = ?", (key,))
        self._reopen(key, program.workflows[row["workflow_index"]], (CANCEL,))
        query = "SELECT run FROM runs WHERE parent = ? AND stale = 0 AND (status IS NULL OR status = ?)"
        for child in self._journal.rows(query, (key, CANCEL)):
            self.cancellation(child["run"], program)

    def anew(self, key: int, workflow: Workflow, jobs: Collection[str]) -> None:
        """Let jobs run as if they never had."""
        for position, job in enumerate(workflow.jobs):
            if job.id in jobs:
                self._anew(key, position)
        self._statements.append((_RUN, (key,)))

    def rearrange(self, key: int, old: Program, new: Program, ids: Collection[str]) -> None:
        """Bring the rows of a run to the positions of another program; `ids` are the jobs that it has in the new one."""
        before = [job.id for job in old.workflows[old.entry].jobs]
        after = {job.id: position for position, job in enumerate(new.workflows[new.entry].jobs)}
        for table, run, column in _POSITIONS:
            for position, id in enumerate(before):
                if id in after:
                    move = f"UPDATE {table} SET {column} = ? WHERE {run} = ? AND {column} = ?"
                    self._statements.append((move, (-1 - after[id], key, position)))
            # What is left belongs to jobs that there are no more.
            what = f"UPDATE runs SET {column} = NULL" if table == "runs" else f"DELETE FROM {table}"
            self._statements.append((f"{what} WHERE {run} = ? AND {column} >= 0", (key,)))
            back = f"UPDATE {table} SET {column} = -1 - {column} WHERE {run} = ? AND {column} < 0"
            self._statements.append((back, (key,)))
        for id, position in after.items():
            if id in ids and id not in before:
                self._statements.append(
                    ("INSERT INTO jobs (run, position, id) VALUES (?, ?, ?)", (key, position, id))
                )
        self._workflows(key, old, new)

    def _workflows(self, key: int, old: Program, new: Program) -> None:
        places = {workflow.name: index for index, workflow in enumerate(new.workflows)}
        indices = {index: places.get(workflow.name, 0) for index, workflow in enumerate(old.workflows)}
        indices[old.entry] = new.entry
        for row in self._tree(key):
            index = indices[row["workflow_index"]]
            self._statements.append(("UPDATE runs SET workflow_index = ? WHERE run = ?", (index, row["run"])))

    def _tree(self, key: int) -> list[dict[str, Any]]:
        return self._journal.rows(
            "WITH RECURSIVE tree (run) AS (SELECT ? UNION SELECT runs.run FROM runs JOIN tree"
            " ON runs.parent = tree.run) SELECT runs.run, workflow_index FROM tree JOIN runs USING (run)",
            (key,),
        )

    def program(self, key: int, code: tuple[str, bytes]) -> None:
        """The run goes on with this program (hash, bytes)."""
        self._statements.append(("INSERT OR IGNORE INTO programs (hash, ir) VALUES (?, ?)", code))
        self._statements.append(("UPDATE runs SET program = ? WHERE run = ?", (code[0], key)))

    def params(self, key: int, shown: str, state: str | None) -> None:
        """The run goes on with other parameters, as people see them, and sealed."""
        self._statements.append(("UPDATE runs SET params = ?, state = ? WHERE run = ?", (shown, state, key)))

    def write(self) -> None:
        """Raises StateError, and then nothing is changed."""
        if self._statements:
            self._journal.transact(self._statements)

    def _reopen(self, key: int, workflow: Workflow, statuses: Collection[str]) -> None:
        rows: dict[int, Mapping[str, Any]] = {
            row["position"]: row for row in self._journal.rows("SELECT * FROM jobs WHERE run = ?", (key,))
        }
        reopened: set[int] = set()
        for position, job in enumerate(workflow.jobs):
            row = rows.get(position)
            if row is None:
                continue
            follows = any(need in reopened for need in job.needs)
            status = row["status"]
            if status not in statuses and not (status == SKIP and follows):
                if status is None:
                    self._stale(key, position, statuses)
                continue
            reopened.add(position)
            if follows or row["started"] is None:
                self._anew(key, position)
            else:
                self._statements.append((_AGAIN, (key, position)))
                self._stale(key, position, statuses)
        self._statements.append((_RUN, (key,)))

    def _anew(self, key: int, position: int) -> None:
        self._statements.append((_AGAIN, (key, position)))
        self._statements.append((_ANEW, (key, position)))
        self._statements.append(
            ("UPDATE combinations SET stale = 1 WHERE run = ? AND job = ?", (key, position))
        )

    def _stale(self, key: int, position: int, statuses: Collection[str]) -> None:
        for status in statuses:
            self._statements.append(
                (
                    "UPDATE combinations SET stale = 1"
                    " WHERE run = ? AND job = ? AND status = ? AND retry_at IS NULL",
                    (key, position, status),
                )
            )
