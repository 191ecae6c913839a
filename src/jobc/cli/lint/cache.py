"""Results of earlier checks, so that an unchanged file costs one read and one hash.

An entry's name is the digest of the file's bytes and name and of jobc itself (its version, and the size and
time of its own modules, so that a changed checkout never answers with old results), and of the other programs
that are asked (`check.shellcheck`). It holds the
file's record (`records`); it counts only while every file that was read along with it still has the digest
that it had. Which rules are selected plays no part: all findings are kept, and chosen from afterwards.

Entries are spread over 256 folders of at most `SHARD` entries; beyond that the oldest go. They are
written beside their place and renamed, so that processes that run at once see whole entries or none, and
whatever cannot be read as an entry is no entry. A cache that cannot be written is no cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import jobc

try:  # what `hashlib` gives too, without the libraries that it loads (an eighth of the time of a cache hit)
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.cli.lint.records import Record

SHARD = 128
#: Larger entries are not kept (bytes).
LIMIT = 1_000_000

#: By far the most entries are this one; it is recognised without a JSON parser.
CLEAN = b'{"reads":[],"findings":[]}'

_PACKAGES = ("source", "diagnostics", "syntax", "sema", "sema/environments", "check", "check/rules")


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


class LintCache:
    """The cache in `folder`, which need not exist. `programs` names the other programs that are asked."""

    __slots__ = ("_folder", "_salt")

    def __init__(self, folder: str, programs: str = "") -> None:
        self._folder = folder
        self._salt = _fingerprint(programs)

    def key(self, data: bytes, name: str) -> str:
        """The name of the entry for a file with these bytes; `name` is its last path part."""
        return blake2b(
            data, digest_size=16, key=self._salt, person=digest(os.fsencode(name))[:16].encode()
        ).hexdigest()

    def get(self, key: str, read: Callable[[str], bytes | None]) -> Record | None:
        """The record of an entry that still holds. `read` gives the bytes of a file that was read along with it."""
        try:
            with open(self._path(key), "rb") as stream:
                data = stream.read()
        except OSError:
            return None
        if data == CLEAN:
            return {"reads": [], "findings": []}
        import json

        try:
            record = json.loads(data)
            for path, known in record["reads"]:
                now = read(path)
                if (None if now is None else digest(now)) != known:
                    return None
            if not isinstance(record["findings"], list):
                return None
        except (ValueError, TypeError, LookupError, RecursionError):
            return None
        return record  # type: ignore[no-any-return]

    def put(self, key: str, record: Record) -> None:
        """Keep a record."""
        if not record["reads"] and not record["findings"]:
            data = CLEAN
        else:
            import json

            data = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()
        if len(data) > LIMIT:
            return
        path = self._path(key)
        scratch = f"{path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(scratch, "wb") as stream:
                stream.write(data)
            os.replace(scratch, path)
            self._prune(os.path.dirname(path))
        except OSError:
            return

    def _path(self, key: str) -> str:
        return os.path.join(self._folder, key[:2], key[2:])

    def _prune(self, shard: str) -> None:
        with os.scandir(shard) as found:
            entries = list(found)
        if len(entries) <= SHARD:
            return
        ages = []
        for entry in entries:
            try:
                ages.append((entry.stat().st_mtime_ns, entry.path))
            except OSError:
                continue
        for _, path in sorted(ages)[: len(ages) - SHARD // 2]:
            try:
                os.unlink(path)
            except OSError:
                continue


def _fingerprint(programs: str) -> bytes:
    """A key of 16 bytes that changes with jobc itself and with the programs that it asks."""
    base = os.path.dirname(os.path.abspath(jobc.__file__))
    state = [jobc.__version__, programs]
    for package in _PACKAGES:
        try:
            with os.scandir(os.path.join(base, package)) as found:
                for entry in found:
                    if entry.name.endswith((".py", ".json")):
                        stat = entry.stat()
                        state.append(f"{package}/{entry.name} {stat.st_size} {stat.st_mtime_ns}")
        except OSError:
            continue
    return blake2b("\n".join(sorted(state)).encode(), digest_size=16).digest()
