"""A bundle: one zip application of a program and the runtime, which any Python from 3.9 on runs without jobc.

    __main__.py      `start.py`: is this Python new enough, are all files what was put in, then `jobc.cli.bundled`
    manifest.json    version, the program's content hash, the SHA-256 of every other file
    program.json     the program, as `ir.codec` writes it
    jobc/…           the runtime

The SHA-256 of the manifest names the bundle: it is the same wherever the same program is bundled by the same version.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from jobc.backends.bundle.archive import Member, write
from jobc.backends.bundle.runtime import members
from jobc.ir.codec import content_hash, dumps
from jobc.ir.program import Program

SHEBANG = b"#!/usr/bin/env python3\n"
VERSION = 1


class Bundle:
    """`data` is the file's content, `hash` its name by content."""

    __slots__ = ("data", "hash")

    def __init__(self, data: bytes, hash: str) -> None:
        self.data = data
        self.hash = hash


def bundle(program: Program, *, cache: Path | None = None) -> Bundle:
    """The bundle of `program`. `cache` is a folder for the runtime's compressed modules."""
    import jobc

    main = (Path(__file__).parent / "start.py").read_bytes()
    ir = dumps(program)
    runtime = members(cache)
    files = {member.name: digest for member, digest in runtime}
    files["program.json"] = hashlib.sha256(ir).hexdigest()
    manifest = {
        "version": VERSION,
        "jobc": jobc.__version__,
        "program": content_hash(program),
        "files": {"__main__.py": hashlib.sha256(main).hexdigest(), **files},
    }
    text = json.dumps(manifest, indent=1).encode()
    own = [Member("__main__.py", main), Member("manifest.json", text), Member("program.json", ir)]
    data = write([*own, *(member for member, _ in runtime)], before=SHEBANG)
    return Bundle(data, hashlib.sha256(text).hexdigest())
