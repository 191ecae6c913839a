"""A bundle: one zip application of a program and the runtime, which any Python from 3.9 on runs without jobc.

    #! line          for `./FILE.pyz`
    # SHA-256        of all other bytes: what is run is what was written
    __main__.py      is this Python new enough, is the file whole, then `jobc.cli.bundled`
    program.json     the program, as `ir.codec` writes it
    jobc/…           the runtime

The same program bundled by the same version of jobc gives the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from jobc.backends.bundle.archive import Member, write
from jobc.backends.bundle.deflate import deflate
from jobc.backends.bundle.runtime import members, rooms
from jobc.ir.codec import dumps
from jobc.ir.program import Program

SHEBANG = b"#!/usr/bin/env python3\n"
PROGRAM = "program.json"


class Bundle:
    """`data` is the file's content, `hash` its SHA-256 in hexadecimal digits, which names it wherever it is kept."""

    __slots__ = ("data", "hash")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.hash = hashlib.sha256(data).hexdigest()


def bundle(program: Program, *, cache: Path | None = None) -> Bundle:
    """The bundle of `program`. `cache` is a folder for the runtime's compressed modules."""
    ir = dumps(program)
    main, *rest = members(cache, rooms(program))
    seal = b"#" + b"0" * 64 + b"\n"
    data = write([main, Member(PROGRAM, ir, deflate(ir)), *rest], before=SHEBANG + seal)
    body = data[len(SHEBANG) + len(seal) :]
    digest = hashlib.sha256(SHEBANG + body).hexdigest().encode()
    return Bundle(b"".join([SHEBANG, b"#", digest, b"\n", body]))
