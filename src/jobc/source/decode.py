"""Bytes to a `SourceFile`: UTF-8 with or without a byte order mark, or UTF-16 with one.

Line ends stay as they are. The byte order mark is no part of the text, so columns are those that
an editor shows.
"""

from __future__ import annotations

import codecs

from jobc.errors import UsageError
from jobc.source.file import SourceFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NAMES = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


def read_file(path: str, shown: str | None = None) -> SourceFile:
    """Read the file at `path`; `shown` is how messages name it. UsageError where it cannot be read."""
    shown = path if shown is None else shown
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except FileNotFoundError:
        raise UsageError(
            f"{shown}: no such file", help="check the spelling, and the folder the command runs in"
        ) from None
    except IsADirectoryError:
        raise UsageError(
            f"{shown}: is a folder, not a file", help="name the files in it, for example with a pattern"
        ) from None
    except NotADirectoryError:
        raise UsageError(
            f"{shown}: a part of this path is a file, not a folder", help="check the path"
        ) from None
    except PermissionError:
        raise UsageError(
            f"{shown}: no permission to read it", help="change the file's mode or owner"
        ) from None
    except ValueError:
        raise UsageError(f"{shown!r}: not a valid path", help="a path holds no NUL character") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{shown}: cannot be read: {reason}", help="check the path and its medium") from None
    return decode(data, shown)


def decode(data: bytes, shown: str) -> SourceFile:
    """Decode the content of the file named `shown`; UsageError at the first byte that is no text."""
    encoding, start = "utf-8", 0
    for mark, name in _MARKS:
        if data.startswith(mark):
            encoding, start = name, len(mark)
            break
    if encoding == "utf-32":
        raise UsageError(f"{shown}: is encoded as UTF-32", help="save the file as UTF-8")
    if not start and b"\0" in data[:2] and data[:2] != b"\0\0":
        raise UsageError(f"{shown}: is encoded as UTF-16 without its mark", help="save the file as UTF-8")
    body = data[start:]
    try:
        return SourceFile(shown, body.decode(encoding))
    except UnicodeDecodeError as error:
        before = SourceFile(shown, body[: error.start].decode(encoding, "replace"))
        line, column = before.position(len(before.text))
        byte = body[error.start]
        raise UsageError(
            f"{shown}:{line}:{column}: byte 0x{byte:02x} is not valid {_NAMES[encoding]}",
            help="save the file as UTF-8",
        ) from None
