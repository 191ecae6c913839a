"""A file as a response, whole or one range of its bytes."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import IO

from starlette.responses import Response, StreamingResponse

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PIECE = 256 * 1024


def answer(file: IO[bytes], wanted: str | None) -> Response:
    """The response for a Range header; `file` is closed by it. A range of several parts, or of no form, is ignored."""
    size = os.fstat(file.fileno()).st_size
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    start, end, status = 0, size, 200
    match = _RANGE.fullmatch(wanted.strip()) if wanted is not None else None
    if match is not None and match[0] != "bytes=-":
        first, last = match.groups()
        if first:
            start = int(first)
            end = min(size, int(last) + 1) if last else size
            if last and int(last) < start:
                start, end = 0, size
                match = None
        else:
            start, end = max(0, size - int(last)), size
        if match is not None:
            if start >= size:
                file.close()
                headers["Content-Range"] = f"bytes */{size}"
                return Response(b"", 416, headers)
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(_pieces(file, start, end), status, headers, "application/octet-stream")


async def _pieces(file: IO[bytes], start: int, end: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while start < end:
            count = min(_PIECE, end - start)
            # What is small and just written comes from memory; a thread costs more than it.
            data = file.read(count) if count < _PIECE else await asyncio.to_thread(file.read, count)
            if not data:
                return  # it was cut off meanwhile; the length says so to the client
            start += len(data)
            yield data
