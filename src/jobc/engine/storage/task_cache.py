"""The cache as a task elsewhere sees it: looked up before the task is submitted, kept when its result has come.

The work folder of such a task is an empty one, filled with the artifacts that the job starts with, and it is gone when the
task has ended. So its input files are known here without it: they are placed in a temporary folder, each with its digest in
place of its content, and found there by the same globs. What leaves the folder are the outputs and the artifacts that the
job publishes; these are what a hit brings, and there is nothing to put back.

A glob of `inputs` that no placed file matches is a reason not to cache: what it means comes by a way that is not seen
here, a folder that the environment mounts, say. The value of `key` is made on this side, in the project's own folder.
"""

from __future__ import annotations

import contextlib
import copy
import os
import tempfile
from typing import Any

from jobc.backends.api import Task
from jobc.engine.storage.cache import Cache, CombinationCache
from jobc.engine.storage.cache_entry import CacheEntry
from jobc.engine.storage.cache_key import CacheKey, Uncacheable
from jobc.interpreter.api import Cancellation, CombinationResult, Host
from jobc.interpreter.contexts import JobState, Scope, StageFailure
from jobc.interpreter.files import Files, JobFiles, paths
from jobc.interpreter.filesets import Blobs, Entry, StoreCapabilities, find
from jobc.interpreter.hash_index import HashIndex
from jobc.interpreter.launcher import FreshLauncher
from jobc.ir.paths import split
from jobc.ir.status import FAILED, SUCCESS


class TaskRecall:
    """Of one attempt. Its methods are called from one thread at a time, and raise nothing but defects."""

    def __init__(self, cache: Cache, run: str, task: Task, host: Host) -> None:
        self._cache = TaskCache(cache, run)
        flow = task.program.workflows[task.workflow]
        job = flow.jobs[task.job]
        state = JobState(task.program, flow, job, task.inputs, host, Cancellation(), FreshLauncher())
        self._scope = _scope(state)
        #: What the cache said of the attempt: `{"hit", "reason", "from_run"}`.
        self.said: dict[str, Any] | None = None

    def look_up(self) -> CombinationResult | None:
        """The result where the attempt need not be made: an earlier run's, or a failure."""
        result = CombinationResult(SUCCESS, self._scope.state.inputs.matrix)
        try:
            found = self._cache.lookup(self._scope, result)
        except StageFailure as failure:
            result.status, result.error = FAILED, failure.error
            return result
        self.said = result.cache
        return found

    def take_over(self) -> None:
        """The attempt was looked up by an earlier engine, which is gone."""
        result = CombinationResult(SUCCESS, self._scope.state.inputs.matrix)
        with contextlib.suppress(StageFailure):
            self._cache.know(self._scope, result)
        self.said = result.cache

    def keep(self, result: CombinationResult) -> None:
        """Keep the result of the task, if it is a success."""
        if result.status == SUCCESS:
            self._cache.keep(self._scope, result)


class TaskCache(CombinationCache):
    """The cache for a combination whose files are not here."""

    def _make(self, scope: Scope) -> CacheKey:
        inputs = scope.state.inputs
        assert inputs.files is not None
        with tempfile.TemporaryDirectory(prefix="jobc-inputs-") as folder:
            there = copy.copy(inputs)
            there.workdir = os.path.realpath(folder)
            reads_contents = self._cache.keys.reads_files(scope)
            blobs: Blobs = inputs.files.blobs if reads_contents else Names()
            index = HashIndex(there.workdir) if reads_contents else NamedIndex(there.workdir)
            there.files = Files(blobs, index, inputs.files.artifacts)
            state = copy.copy(scope.state)
            state.inputs = there
            placed = _scope(state)
            if scope.state.job.placed:
                JobFiles(placed).place()
            self._see_patterns(placed)
            return self._cache.keys.make(scope, placed)

    def _see_patterns(self, placed: Scope) -> None:
        """Raises Uncacheable where an input is none of the files that the task starts with."""
        job = placed.state.job
        assert job.cache is not None
        for pattern in paths(placed, job.cache.inputs):
            takes_out, _ = split(pattern)
            if not takes_out and not find(placed.state.inputs.workdir, [pattern])[0]:
                raise Uncacheable(
                    f"no artifact that the job starts with has `{pattern}` of its inputs, and it runs elsewhere;"
                    f" name one in `artifacts.in`, or put `hashFiles('{pattern}')` into `cache.key`"
                )

    def _restore(self, entry: CacheEntry, scope: Scope) -> None:
        """There is no folder to put files into."""

    def _files(self, key: CacheKey, scope: Scope) -> list[Entry]:
        return []

    def _see_inputs(self, key: CacheKey, scope: Scope) -> None:
        """Artifacts do not change."""


class Names:
    """A store whose contents are their digests."""

    capabilities = StoreCapabilities()

    def has(self, digest: str, size: int) -> bool:
        return True

    def put(self, path: str, known: str | None) -> tuple[str, int]:
        raise NotImplementedError("it holds digests of files, not files")

    def fetch(self, digest: str, target: str) -> None:
        with open(target, "x", encoding="ascii") as file:
            file.write(digest)


class NamedIndex(HashIndex):
    """The digests of files that `Names` placed."""

    def known(self, path: str, status: os.stat_result) -> str | None:
        with open(os.path.join(self._folder, path), encoding="ascii") as file:
            return file.read()


def _scope(state: JobState) -> Scope:
    return Scope(state, "", dict(state.inputs.env), {}, state.cancellation)
