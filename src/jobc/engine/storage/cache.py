"""The cache: a combination whose key is known takes over the result that the same key gave before.

A hit puts the kept files in place, hands on the outputs and shows the stages as they were. It is whole or it is no hit:
files are fetched and checked beside their places first, and moved when all are there. A miss says why, by the entry
of the same job and combination that differs least. A success is kept once its files are in the store; a job that
changed its own inputs, or that went on after a stage failed, is not kept, for the next run would not be the same.

Two modes beside the usual one: `refresh` looks nothing up and keeps, `off` does neither.
"""

from __future__ import annotations

import time
from typing import Any

from jobc.engine.storage.cache_entry import CacheEntry, Entries
from jobc.engine.storage.cache_key import SHORT, CacheKey, KeyMaker, Uncacheable, differences, identity
from jobc.engine.storage.store import LocalStore
from jobc.interpreter.api import CombinationResult, StageResult
from jobc.interpreter.contexts import Scope
from jobc.interpreter.files import Artifact, Interrupted, check, keepers_mask, log
from jobc.interpreter.filesets import BlobProblem, Entry, FileProblem, Keeper, Placer, find
from jobc.ir.status import FAILED, SUCCESS

USE, REFRESH, OFF = "use", "refresh", "off"


class _Miss(Exception):
    """Why a combination runs."""


class Cache:
    """The cache of one run, for all its combinations. `root` is the folder that identities are relative to."""

    def __init__(self, store: LocalStore, root: str, mode: str) -> None:
        self.store = store
        self.entries = Entries(store)
        self.keys = KeyMaker(store.secret_key)
        self.root = root
        self.mode = mode
        #: Whether something was kept: then the store may have outgrown its bound.
        self.grew = False


class CombinationCache:
    """The cache as one combination sees it (`interpreter.files.Recall`)."""

    def __init__(self, cache: Cache, run: str) -> None:
        self._cache = cache
        self._run = run
        self._key: CacheKey | None = None
        self._identity = ""
        self._started = 0.0

    def lookup(self, scope: Scope, result: CombinationResult) -> CombinationResult | None:
        self._started = time.monotonic()
        try:
            return self._recalled(self._found(scope), scope)
        except _Miss as miss:
            result.cache = {"hit": False, "reason": str(miss), "from_run": None}
            scope.state.host.emit({"event": "cache", "stage": "", **result.cache})
            return None

    def _found(self, scope: Scope) -> CacheEntry:
        """The entry of the combination, its files in place. Raises _Miss."""
        store, entries = self._cache.store, self._cache.entries
        key = self._known(scope)
        if self._cache.mode == REFRESH:
            raise _Miss("not looked up (--refresh)")
        entry = entries.find(self._identity, key.digest)
        if entry is None:
            raise _Miss(self._why(key))
        for each in entry.entries():
            if each.kind == "file" and not store.has(each.digest, each.size):
                entries.remove([entry])
                raise _Miss(f"output {each.path} was removed from the store")
        try:
            self._restore(entry, scope)
        except BlobProblem as problem:
            entries.remove([entry])
            path = next(each.path for each in entry.entries() if each.digest == problem.digest)
            if problem.damaged:
                log(scope, f"warning: output {path} is damaged in the store; the job runs again")
                raise _Miss(f"output {path} is damaged in the store") from None
            raise _Miss(f"output {path} was removed from the store") from None
        except FileProblem as problem:
            raise _Miss(f"not restored: {problem}") from None
        entries.touch(entry)
        return entry

    def know(self, scope: Scope, result: CombinationResult) -> None:
        """Make the key alone: the combination runs already. `result.cache` says why."""
        self._started = time.monotonic()
        try:
            reason = self._why(self._known(scope))
        except _Miss as miss:
            reason = str(miss)
        result.cache = {"hit": False, "reason": reason, "from_run": None}

    def _known(self, scope: Scope) -> CacheKey:
        """The key, made once and for all. Raises _Miss, StageFailure."""
        try:
            key = self._key = self._make(scope)
        except Uncacheable as problem:
            raise _Miss(f"not cached: {problem}") from None
        except OSError as error:
            what = error.filename or self._cache.store.root
            raise _Miss(f"not cached: {what} cannot be read: {error.strerror}") from None
        self._identity = identity(scope, self._cache.root)
        return key

    def _make(self, scope: Scope) -> CacheKey:
        """Raises Uncacheable, StageFailure, OSError."""
        return self._cache.keys.make(scope)

    def _why(self, key: CacheKey) -> str:
        """Why there is no entry with this key."""
        best: list[str] | None = None
        for entry in self._cache.entries.near(self._identity):
            found = differences(key, entry.parts, self._cache.entries.inputs(entry))
            if found and (best is None or len(found) < len(best)):
                best = found
        if best is None:
            return "no entry yet"
        more = len(best) - 2
        return "; ".join(best[:2]) + (f"; and {more} more" if more > 0 else "")

    def _restore(self, entry: CacheEntry, scope: Scope) -> None:
        inputs = scope.state.inputs
        assert inputs.files is not None
        placer = Placer(inputs.workdir, self._cache.store, inputs.files.index.certain, lambda: check(scope))
        placer.place(entry.files)

    def _recalled(self, entry: CacheEntry, scope: Scope) -> CombinationResult:
        """The result of an entry, told to the host as if its stages had ended now."""
        reason = f"cached from run {entry.run}"
        inputs = scope.state.inputs
        result = CombinationResult(SUCCESS, inputs.matrix)
        result.outputs = entry.outputs
        result.reason = reason
        result.cache = {"hit": True, "reason": reason, "from_run": entry.run}
        host = scope.state.host
        host.emit({"event": "cache", "stage": "", **result.cache})
        for row in entry.stages:
            stage = StageResult(row["id"], row["name"], row["status"], row["path"])
            stage.outputs = row["outputs"]
            stage.reason = row["reason"] if row["status"] != SUCCESS else reason
            result.stages.append(stage)
            own = row["id"] if row["named"] else None
            told = {**stage.to_json(), "id": own}
            host.emit({"event": "stage-ended", "stage": stage.path, **told})
        index = inputs.strategy.get("index") or 0
        job = scope.state.job.id
        result.artifacts = [
            Artifact(one["name"], job, index, inputs.matrix, one["root"], one["files"])
            for one in entry.artifacts
        ]
        return result

    def keep(self, scope: Scope, result: CombinationResult) -> None:
        key = self._key
        if key is None:
            return
        try:
            entry = self._entry(key, scope, result)
            self._cache.entries.save(entry)
        except Interrupted:
            return  # what it made is whole, but there is no time to keep it
        except (Uncacheable, FileProblem) as problem:
            log(scope, f"not kept in the cache: {problem}")
        except OSError as error:
            log(scope, f"not kept in the cache: the store {self._cache.store.root}: {error.strerror}")
        else:
            self._cache.grew = True

    def _entry(self, key: CacheKey, scope: Scope, result: CombinationResult) -> CacheEntry:
        state = scope.state
        inputs = state.inputs
        failed = next((stage for stage in result.stages if stage.status == FAILED), None)
        if failed is not None:
            raise Uncacheable(f"its stage `{failed.name}` failed")
        self._see_inputs(key, scope)
        entry = CacheEntry(key.digest, self._cache.entries.path(self._identity, key.digest))
        entry.files = self._files(key, scope)
        entry.job, entry.workflow, entry.run = state.job.id, state.workflow.name, self._run
        entry.matrix = inputs.matrix
        entry.created = time.time()
        entry.duration = time.monotonic() - self._started
        entry.parts = key.parts
        entry.inputs = self._cache.entries.keep_inputs(
            {path: digest[:SHORT] for path, digest in key.inputs.items()}
        )
        entry.outputs = state.masker.mask_map(result.outputs)
        entry.stages = [_row(stage) for stage in result.stages]
        entry.artifacts = [
            {"name": one.name, "root": one.root, "files": one.entries} for one in result.artifacts
        ]
        return entry

    def _files(self, key: CacheKey, scope: Scope) -> list[Entry]:
        """The files that it made, kept. Raises Uncacheable, FileProblem, Interrupted, OSError."""
        inputs = scope.state.inputs
        assert inputs.files is not None
        found, unmatched = find(inputs.workdir, key.patterns)
        if unmatched:
            raise Uncacheable(f"nothing matches `{unmatched[0]}` of its outputs")
        keeper = Keeper(
            inputs.workdir,
            self._cache.store,
            inputs.files.index.known,
            keepers_mask(scope),
            lambda: check(scope),
        )
        return keeper.keep(found)

    def _see_inputs(self, key: CacheKey, scope: Scope) -> None:
        """Raises Uncacheable where the job's inputs are not what they were when it began."""
        now = self._cache.keys.inputs(scope, key)
        if now == key.inputs:
            return
        path = next(path for path in sorted({*now, *key.inputs}) if now.get(path) != key.inputs.get(path))
        raise Uncacheable(f"input {path} changed while the job ran")


def _row(stage: StageResult) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: getattr(stage, name) for name in ("id", "path", "name", "status", "outputs", "reason")
    }
    row["named"] = stage.path.rpartition(".")[2] == stage.id and not stage.id.isdigit()
    return row
