"""The files of a run: the artifacts of its jobs, its cache, the store behind both.

Nothing is opened before a job needs it. Without a state directory (the Python API) artifacts live in a temporary folder
until the run has ended, and there is no cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from jobc.engine.options import Options
from jobc.engine.state import CombinationState, RunState
from jobc.engine.storage.cache import OFF, Cache, CombinationCache
from jobc.engine.storage.store import LocalStore
from jobc.errors import StateError
from jobc.interpreter.api import CombinationResult, Host
from jobc.interpreter.files import Artifact, Files
from jobc.interpreter.filesets import Entry
from jobc.interpreter.hash_index import HashIndex

if TYPE_CHECKING:
    from jobc.backends.api import Task
    from jobc.engine.storage.task_cache import TaskRecall


class RunFiles:
    """Of one run and those that it triggers. Called from the scheduler's thread."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._store: LocalStore | None = None
        self._held: int | None = None
        self._temporary: str | None = None
        self._index: HashIndex | None = None
        self._cache: Cache | None = None
        #: (run, position) → combination → what it published.
        self._published: dict[tuple[str, int], dict[int, list[Artifact]]] = {}

    def given(self, combination: CombinationState) -> Files:
        """What a combination is given. Raises StateError."""
        state = combination.job
        job = state.job
        store = self._opened()
        assert self._index is not None
        positions = {position for placed in job.placed for position in placed.publishers}
        artifacts = {position: self.artifacts(state.run, position) for position in positions}
        recall = None
        if job.cache is not None and self._cache is not None:
            recall = CombinationCache(self._cache, state.run.id)
        return Files(store, self._index, artifacts, recall)

    def recall(self, combination: CombinationState, task: Task, host: Host) -> TaskRecall | None:
        """The cache for a task that runs elsewhere, of a combination that was `given` its files; None where there is none."""
        if combination.job.job.cache is None or self._cache is None:
            return None
        from jobc.engine.storage.task_cache import TaskRecall

        return TaskRecall(self._cache, combination.job.run.id, task, host)

    def artifacts(self, run: RunState, position: int) -> list[Artifact]:
        """What a job of a run published, its combinations in order."""
        known = self._published.get((run.id, position))
        if known is None:
            known = self._published[(run.id, position)] = self._of_journal(run, position)
        return [artifact for index in sorted(known) for artifact in known[index]]

    def take(self, combination: CombinationState, result: CombinationResult) -> None:
        """A combination has ended."""
        if result.artifacts:
            state = combination.job
            self.artifacts(state.run, state.position)
            self._published[(state.run.id, state.position)][combination.index] = result.artifacts

    def _of_journal(self, run: RunState, position: int) -> dict[int, list[Artifact]]:
        """What a run that is resumed had published before."""
        journal = self._options.journal
        if journal is None or run.key == 0:
            return {}
        try:
            rows = journal.rows(
                "SELECT * FROM artifacts WHERE run = ? AND job = ? ORDER BY combination, name, path",
                (run.key, position),
            )
        except StateError:
            return {}  # a journal that fails ends the run; that is said elsewhere
        return of_rows(rows, run.workflow.jobs[position].id)

    def _opened(self) -> LocalStore:
        with self._lock:
            if self._store is not None:
                return self._store
            root = self._options.store
            if root is None:
                root = self._temporary = tempfile.mkdtemp(prefix="jobc-artifacts-")
            store = LocalStore(root)
            self._held = store.share()
            workdir = os.path.realpath(self._options.workdir)
            name = hashlib.sha256(os.fsencode(workdir)).hexdigest()[:32] + ".json"
            path = os.path.join(root, "index", name) if self._temporary is None else None
            self._index = HashIndex(self._options.workdir, path)
            if self._temporary is None and self._options.cache != OFF:
                project = os.path.dirname(os.path.dirname(os.path.abspath(root)))
                self._cache = Cache(store, project, self._options.cache)
            self._store = store
            return store

    def close(self) -> None:
        """Save what was learnt, let go of the store, and prune it where it outgrew its bound."""
        if self._index is not None:
            self._index.save()
        if self._held is not None:
            os.close(self._held)
            self._held = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
        elif self._cache is not None and self._cache.grew:
            from jobc.engine.storage.pruning import bound

            bound(self._cache.store, self._options.cache_size, self._options.journal)


# The journal's rows

INSERT = (
    "INSERT OR REPLACE INTO artifacts (run, job, combination, name, path, kind, mode, size, digest, root, matrix)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def to_rows(artifacts: list[Artifact], run: int, position: int, matrix: str) -> list[tuple[Any, ...]]:
    """The values of `INSERT` for artifacts of one combination; `matrix` as JSON."""
    return [
        (
            run,
            position,
            artifact.combination,
            artifact.name,
            entry.path,
            entry.kind,
            entry.mode,
            entry.size,
            entry.digest,
            artifact.root,
            matrix,
        )
        for artifact in artifacts
        for entry in artifact.entries
    ]


def of_rows(rows: list[dict[str, Any]], job: str) -> dict[int, list[Artifact]]:
    """The artifacts that rows of one job describe, by combination."""
    found: dict[int, list[Artifact]] = {}
    by_name: dict[tuple[int, str], Artifact] = {}
    for row in rows:
        mark = (row["combination"], row["name"])
        artifact = by_name.get(mark)
        if artifact is None:
            matrix = json.loads(row["matrix"])
            artifact = by_name[mark] = Artifact(row["name"], job, row["combination"], matrix, row["root"], [])
            found.setdefault(row["combination"], []).append(artifact)
        artifact.entries.append(Entry(row["path"], row["kind"], row["mode"], row["size"], row["digest"]))
    return found
