"""Zip files whose bytes depend on their members alone.

`zipfile` compresses with the zlib of the machine and stamps times and systems into the entries. Here every member has
the same time, the same flags and attributes, and the compressed bytes that its caller gives; members keep their order.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

STORED = 0
DEFLATED = 8
#: 1980-01-01 00:00, the first instant that the format knows.
_DATE = 0x21
_UTF8 = 0x800
#: A regular file that everybody may read, made on Unix.
_ATTRIBUTES = 0o100644 << 16
_UNIX = 3 << 8


class Member:
    """One file of an archive. `packed` is what is written: `data` as it is, or as one raw deflate stream."""

    __slots__ = ("crc", "method", "name", "packed", "size")

    def __init__(self, name: str, data: bytes, deflated: bytes | None = None) -> None:
        self.name = name
        self.size = len(data)
        self.crc = zlib.crc32(data)
        smaller = deflated is not None and len(deflated) < len(data)
        self.method = DEFLATED if smaller else STORED
        self.packed = deflated if deflated is not None and smaller else data


def write(members: Iterable[Member], *, before: bytes = b"") -> bytes:
    """The archive, with `before` in front of it (a `#!` line). Raises ValueError beyond the format's 4 GiB."""
    body = bytearray(before)
    directory = bytearray()
    count = 0
    for member in members:
        name = member.name.encode()
        common = struct.pack(
            "<HHHHHIIIHH",
            20,
            _UTF8,
            member.method,
            0,
            _DATE,
            member.crc,
            len(member.packed),
            member.size,
            len(name),
            0,
        )
        directory += b"PK\x01\x02" + struct.pack("<H", _UNIX | 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, _ATTRIBUTES, len(body)) + name
        body += b"PK\x03\x04" + common + name + member.packed
        count += 1
        if len(body) + len(directory) > 0xFFFFFFFF:
            raise ValueError("the archive would be larger than 4 GiB")
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + b"PK\x05\x06" + end)
