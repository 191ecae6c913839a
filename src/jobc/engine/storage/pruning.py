"""Keeps the store within its bound: entries that were not used for the longest time go first, then what nothing names.

A blob may go when no entry of the cache and no artifact of a recorded run names it. Between the moment when a run puts a blob
into the store and the moment when an entry or the journal names it, the run holds the store's lock: while any run holds
it, only unnamed blobs older than `SPARED` go.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress

from jobc.engine.journal.journal import Journal
from jobc.engine.storage.cache_entry import CacheEntry, Entries
from jobc.engine.storage.store import LocalStore
from jobc.errors import StateError

#: Seconds that an unnamed blob is left alone for while runs go on: longer than a job takes to finish what it keeps.
SPARED = 24 * 3600.0


class Pruned:
    """`entries` that went, `freed` bytes, and `busy`: runs that go on kept some blobs from being removed."""

    __slots__ = ("busy", "entries", "freed")

    def __init__(self) -> None:
        self.entries: list[CacheEntry] = []
        self.freed = 0
        self.busy = False


def choose(
    entries: list[CacheEntry], most: int | None, older_than: float | None, now: float
) -> list[CacheEntry]:
    """The entries to remove, of `entries` in the order of their last use: the old ones, then as many as `most` bytes ask for."""
    gone = [entry for entry in entries if older_than is not None and entry.used < now - older_than]
    if most is None:
        return gone
    left = entries[len(gone) :]
    owners: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for entry in left:
        for digest, size in entry.blobs().items():
            owners[digest] = owners.get(digest, 0) + 1
            sizes[digest] = size
    total = sum(sizes.values())
    for entry in left:
        if total <= most:
            break
        gone.append(entry)
        for digest, size in entry.blobs().items():
            owners[digest] -= 1
            if owners[digest] == 0:
                total -= size
    return gone


def prune(
    store: LocalStore,
    journal: Journal | None,
    *,
    most: int | None = None,
    older_than: float | None = None,
    job: str | None = None,
) -> Pruned:
    """Remove entries beyond `most` bytes, not used for `older_than` seconds, or (all of) `job`; then unnamed blobs.

    Raises StateError where the journal cannot be read: then nothing can be known to be unnamed.
    """
    done = Pruned()
    named = _artifacts(journal)
    entries = Entries(store)
    every = entries.all()
    mine = [entry for entry in every if job is None or entry.job == job]
    if job is not None and most is None and older_than is None:
        most = 0
    done.entries = choose(mine, most, older_than, time.time())
    with store.alone() as alone:
        entries.remove(done.entries)
        gone = {entry.path for entry in done.entries}
        for entry in every:
            if entry.path not in gone:
                named.update(entry.blobs())
        store.sweep()
        for digest, size, changed in list(store.blobs()):
            if digest in named:
                continue
            if not alone and changed > time.time() - SPARED:
                done.busy = True
                continue
            with suppress(OSError):
                path = store.object_path(digest)
                os.unlink(path)
                done.freed += size
                with suppress(OSError):
                    os.rmdir(os.path.dirname(path))
        if most == 0 and job is None and alone:
            shutil.rmtree(os.path.join(store.root, "index"), ignore_errors=True)
    return done


def bound(store: LocalStore, most: int, journal: Journal | None) -> None:
    """After a run that kept something: prune where the store takes more than it may. What fails is left for later."""
    if sum(size for _, size, _ in store.blobs()) <= most:
        return
    with suppress(StateError, OSError):
        prune(store, journal, most=most)


def _artifacts(journal: Journal | None) -> set[str]:
    """The digests of the artifacts of all runs that the journal knows."""
    if journal is None:
        return set()
    rows = journal.rows(
        "SELECT DISTINCT artifacts.digest AS digest FROM artifacts JOIN runs ON runs.run = artifacts.run"
        " WHERE artifacts.kind = 'file'"
    )
    return {row["digest"] for row in rows}
