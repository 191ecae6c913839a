"""Entries of the cache: what one combination made, and of what.

Entries that stand in for one another share a folder, named after the job and the combination; in it each is named by
its key. An entry's time of change is when it was last used. A file that cannot be read, or whose own
digest does not fit, is no entry: it is removed and counts as missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from jobc.engine.storage.store import LocalStore, listed
from jobc.interpreter.filesets import Entry

FORMAT = 1


class CacheEntry:
    """`parts` are what the key is made of: name → [digest, text for people or null]. `inputs` is the blob (digest, size)
    of the table of input files, which combinations share; None where there are none.

    `job`, `workflow`, `matrix` and `run` say whose it is; `duration` (seconds) what a hit saves.
    """

    __slots__ = (
        "artifacts",
        "created",
        "duration",
        "files",
        "inputs",
        "job",
        "key",
        "matrix",
        "outputs",
        "parts",
        "path",
        "run",
        "stages",
        "used",
        "workflow",
    )

    def __init__(self, key: str, path: str) -> None:
        self.key = key
        self.path = path
        self.job = ""
        self.workflow = ""
        self.run = ""
        self.matrix: dict[str, Any] = {}
        self.created = 0.0
        self.used = 0.0
        self.duration = 0.0
        self.parts: dict[str, list[Any]] = {}
        self.inputs: list[Any] | None = None
        self.outputs: dict[str, Any] = {}
        self.stages: list[dict[str, Any]] = []
        self.files: list[Entry] = []
        #: {"name", "root", "files"} of each artifact.
        self.artifacts: list[dict[str, Any]] = []

    def entries(self) -> Iterator[Entry]:
        """All files, those of its artifacts too."""
        yield from self.files
        for artifact in self.artifacts:
            yield from artifact["files"]

    def blobs(self) -> dict[str, int]:
        """digest → size of the blobs that it needs."""
        needed = {entry.digest: entry.size for entry in self.entries() if entry.kind == "file"}
        if self.inputs is not None:
            needed[self.inputs[0]] = self.inputs[1]
        return needed

    @property
    def size(self) -> int:
        return sum(self.blobs().values())


_PLAIN = ("job", "workflow", "run", "matrix", "created", "duration", "parts", "inputs", "outputs", "stages")


class Entries:
    """The entries of a store."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._base = os.path.join(store.root, "cache")

    def path(self, identity: str, key: str) -> str:
        return os.path.join(self._base, identity, key + ".json")

    def find(self, identity: str, key: str) -> CacheEntry | None:
        return self._read(self.path(identity, key), key)

    def near(self, identity: str, most: int = 8) -> list[CacheEntry]:
        """The entries of a job's combination that were used last, the last first."""
        found = []
        for file in listed(os.path.join(self._base, identity)):
            if file.name.endswith(".json"):
                with suppress(OSError):
                    found.append((file.stat().st_mtime, file))
        found.sort(key=lambda pair: pair[0], reverse=True)
        entries = (self._read(file.path, file.name[:-5]) for _, file in found[:most])
        return [entry for entry in entries if entry is not None]

    def all(self) -> list[CacheEntry]:
        """Every entry, the one that was not used for the longest time first."""
        found = [
            entry
            for folder in listed(self._base)
            for file in listed(folder.path)
            if file.name.endswith(".json") and (entry := self._read(file.path, file.name[:-5])) is not None
        ]
        return sorted(found, key=lambda entry: (entry.used, entry.key))

    def save(self, entry: CacheEntry) -> None:
        """Raises OSError."""
        body = {name: getattr(entry, name) for name in _PLAIN}
        body["format"] = FORMAT
        body["files"] = [each.to_json() for each in entry.files]
        body["artifacts"] = [
            {**artifact, "files": [each.to_json() for each in artifact["files"]]}
            for artifact in entry.artifacts
        ]
        text = json.dumps(body, separators=(",", ":")).encode("ascii")
        digest = hashlib.sha256(text).hexdigest().encode("ascii")
        self._store.write(entry.path, digest + b"\n" + text + b"\n")

    def keep_inputs(self, inputs: dict[str, str]) -> list[Any] | None:
        """The blob of a table of input files, path → beginning of the digest. Raises OSError."""
        if not inputs:
            return None
        text = json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode("ascii")
        return list(self._store.put_bytes(zlib.compress(text, 1)))

    def inputs(self, entry: CacheEntry) -> dict[str, str] | None:
        """The table of an entry's input files; None where it is not in the store any more."""
        if entry.inputs is None:
            return {}
        try:
            with open(self._store.object_path(entry.inputs[0]), "rb") as stream:
                found = json.loads(zlib.decompress(stream.read()))
        except (OSError, ValueError, zlib.error):
            return None
        return found if isinstance(found, dict) else None

    def touch(self, entry: CacheEntry) -> None:
        """It was used now."""
        with suppress(OSError):
            os.utime(entry.path)

    def remove(self, entries: Iterable[CacheEntry]) -> None:
        for entry in entries:
            with suppress(OSError):
                os.unlink(entry.path)
            with suppress(OSError):
                os.rmdir(os.path.dirname(entry.path))

    def _read(self, path: str, key: str) -> CacheEntry | None:
        try:
            with open(path, "rb") as stream:
                digest, _, text = stream.read().partition(b"\n")
            used = os.stat(path).st_mtime
        except OSError:
            return None
        try:
            if hashlib.sha256(text.rstrip(b"\n")).hexdigest().encode("ascii") != digest:
                raise ValueError("the entry was changed or cut")
            body = json.loads(text)
            if body["format"] != FORMAT:
                return None
            entry = CacheEntry(key, path)
            for name in _PLAIN:
                setattr(entry, name, body[name])
            entry.used = used
            entry.files = [Entry.of_json(row) for row in body["files"]]
            entry.artifacts = [
                {**artifact, "files": [Entry.of_json(row) for row in artifact["files"]]}
                for artifact in body["artifacts"]
            ]
        except (ValueError, KeyError, TypeError):
            with suppress(OSError):
                os.unlink(path)
            return None
        return entry
