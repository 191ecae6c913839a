"""`hashFiles(pattern…)`: one SHA-256 over files, the same wherever and in whatever order they are found.

Patterns are relative to the working folder; `**` crosses folders, a leading `!` takes files out again. The hash
covers each file's path, relative and with `/`, and its content, in the order of the paths. No file at all gives "".
Python 3.9, standard library only.
"""

from __future__ import annotations

import glob
import hashlib
import os
from typing import List, Set

from jobc.interpreter.values import EvaluationError

MAX_FILES = 100_000


def hash_files(folder: str, patterns: List[str]) -> str:
    """The hash in hexadecimal digits, or "" where no file matches."""
    found: Set[str] = set()
    for pattern in patterns:
        if pattern.startswith("!"):
            found -= _matches(folder, pattern[1:])
        else:
            found |= _matches(folder, pattern)
    if not found:
        return ""
    whole = hashlib.sha256()
    for path in sorted(found):
        whole.update(path.encode("utf-8", "surrogateescape") + b"\0")
        whole.update(_digest(os.path.join(folder, path)))
    return whole.hexdigest()


def _matches(folder: str, pattern: str) -> Set[str]:
    parts = pattern.replace("\\", "/").split("/")
    if os.path.isabs(pattern) or ".." in parts or "\0" in pattern:
        raise EvaluationError(f"`hashFiles` looks in the working folder only, but has {pattern[:80]!r}")
    found: Set[str] = set()
    for path in glob.iglob(os.path.join(glob.escape(folder), pattern), recursive=True):
        if os.path.isfile(path):
            found.add(os.path.relpath(path, folder).replace(os.sep, "/"))
            if len(found) > MAX_FILES:
                raise EvaluationError(f"`hashFiles` matches more than {MAX_FILES:,} files")
    return found


def _digest(path: str) -> bytes:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise EvaluationError(f"`hashFiles` cannot read {path!r}: {error.strerror}") from None
    return digest.digest()
