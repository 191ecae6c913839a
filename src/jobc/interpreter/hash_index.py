"""The digests of a folder's files, remembered by what the file system says of them.

A file whose size, times (of its content and of its inode), inode and device are as they were when it was hashed is
not read again. That is as safe as `git status` is, with its remedy for its one weakness: a file that changed
twice within one tick of the clock shows no difference. A file is "racy" if its time is so near to the moment at
which it was hashed that a later change could have the same time; its digest is not trusted the next time.
`SLACK` covers the tick of every usual file system and clocks of file servers that go a little wrong.

The index is a cache of a cache: a lost, cut or older file costs time and nothing else. Several processes may use one;
the last to save wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import threading
import time
from typing import Any, Dict, List, Optional

SLACK = 2_000_000_000
FORMAT = 1
_BLOCK = 1 << 20


class HashIndex:
    """The index of `folder`, kept in the file `path` (None: in memory). Methods may be called from any thread."""

    def __init__(self, folder: str, path: Optional[str] = None) -> None:
        self._folder = folder
        self._path = path
        self._lock = threading.Lock()
        self._rows: Optional[Dict[str, List[Any]]] = None
        self._changed = False
        #: How many files were read since the index was opened.
        self.read = 0

    def known(self, path: str, status: os.stat_result) -> Optional[str]:
        """The digest of the file as `status` describes it, where it is certain without reading it."""
        rows = self._loaded()
        row = rows.get(path)
        if row is not None and row[:5] == _marks(status) and status.st_mtime_ns + SLACK < row[5]:
            return str(row[6])
        return None

    def digest(self, path: str, status: os.stat_result) -> str:
        """The SHA-256 of a regular file, in hexadecimal digits. Raises OSError where it cannot be read."""
        return self.known(path, status) or self._hash(path)

    def certain(self, path: str, status: os.stat_result) -> Optional[str]:
        """`digest`, or None where the file cannot be read or is none."""
        if not stat.S_ISREG(status.st_mode):
            return None
        try:
            return self.digest(path, status)
        except OSError:
            return None

    def _hash(self, path: str) -> str:
        self.read += 1
        checked = time.time_ns()
        whole = hashlib.sha256()
        with open(os.path.join(self._folder, path), "rb") as stream:
            before = _marks(os.fstat(stream.fileno()))
            for block in iter(lambda: stream.read(_BLOCK), b""):
                whole.update(block)
            after = _marks(os.fstat(stream.fileno()))
        digest = whole.hexdigest()
        if before == after:
            rows = self._loaded()
            with self._lock:
                rows[path] = [*after, checked, digest]
                self._changed = True
        return digest

    def _loaded(self) -> Dict[str, List[Any]]:
        if self._rows is None:
            with self._lock:
                if self._rows is None:
                    self._rows = self._load()
        return self._rows

    def _load(self) -> Dict[str, List[Any]]:
        if self._path is None:
            return {}
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as stream:
                document = json.load(stream)
            rows = document["files"]
            if document["format"] != FORMAT or not isinstance(rows, dict):
                return {}
            return {path: row for path, row in rows.items() if isinstance(row, list) and len(row) == 7}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def save(self) -> None:
        """Write what was learnt. A disk that is full, or a folder that cannot be written, is no harm."""
        with self._lock:
            if not self._changed or self._path is None or self._rows is None:
                return
            self._changed = False
            temporary = "%s.%d-%s.tmp" % (self._path, os.getpid(), os.urandom(4).hex())
            try:
                os.makedirs(os.path.dirname(self._path), exist_ok=True)
                with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as stream:
                    json.dump({"format": FORMAT, "files": self._rows}, stream, separators=(",", ":"))
                os.replace(temporary, self._path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def _marks(status: os.stat_result) -> List[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]
