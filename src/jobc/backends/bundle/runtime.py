"""The part of jobc that goes into every bundle: what runs a program, and nothing that makes one.

It is all of the standard library's kind: `ir`, `interpreter`, `engine` (for a bundle that is run whole) and of the backends
the local one. Its compressed form depends on this version's source alone and is kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from jobc.backends.bundle.archive import Member
from jobc.backends.bundle.deflate import deflate

#: Folders and files of the package, in the bundle's order.
ROOMS = (
    "errors.py",
    "ir",
    "interpreter",
    "engine",
    "backends/__init__.py",
    "backends/api.py",
    "backends/local.py",
    "backends/registry.py",
    "cli/__init__.py",
    "cli/bundled.py",
    "cli/progress",
    "cli/run_inputs.py",
)


def files() -> Iterator[tuple[str, bytes]]:
    """(name in the bundle, content) of the runtime's modules."""
    import jobc

    root = Path(jobc.__file__).parent
    yield "jobc/__init__.py", f'__version__ = "{jobc.__version__}"\n'.encode()
    for room in ROOMS:
        place = root / room
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            yield f"jobc/{file.relative_to(root).as_posix()}", file.read_bytes()


def members(cache: Path | None) -> list[tuple[Member, str]]:
    """The runtime's members with the SHA-256 of each. `cache` is the folder for what was compressed before."""
    found = []
    for name, data in files():
        digest = hashlib.sha256(data).hexdigest()
        found.append((Member(name, data, _deflated(data, digest, cache)), digest))
    return found


def _deflated(data: bytes, digest: str, cache: Path | None) -> bytes:
    place = None if cache is None else cache / digest
    if place is not None:
        try:
            kept = place.read_bytes()
            if hashlib.sha256(kept[32:]).digest() == kept[:32]:
                return kept[32:]
        except OSError:
            pass  # not there yet, or not readable: made again
    made = deflate(data)
    if place is not None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_name(f"{digest}.{os.getpid()}")
            beside.write_bytes(hashlib.sha256(made).digest() + made)
            beside.replace(place)
        except OSError:
            pass  # a cache that cannot be written costs time, nothing else
    return made
