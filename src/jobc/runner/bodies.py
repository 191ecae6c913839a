"""Bodies of requests, read as they come: never more of one in memory than a piece, never longer than it may take."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import math
import time
from collections.abc import AsyncIterator
from typing import IO, Any

from starlette.requests import Request

from jobc.backends.self_hosted import protocol
from jobc.backends.self_hosted.protocol import HEAD_BYTES, Head
from jobc.runner.folders import KEY, TaskFolder, is_name
from jobc.runner.refusal import Refused
from jobc.runner.settings import Settings
from jobc.runner.tasks import disk_full

#: Largest body of a request that carries no file, in bytes.
SMALL = 1024 * 1024
_MOST_FILES = 64


class Disconnected(Exception):
    """The client has gone away in the middle of its body."""


async def chunks(request: Request, settings: Settings, most: int) -> AsyncIterator[bytes]:
    """The body, piece by piece. Raises Refused where it is too long or too slow, Disconnected."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most:
        raise _too_large(most)
    started, received = time.monotonic(), 0
    while True:
        try:
            message = await asyncio.wait_for(request.receive(), settings.body_silence)
        except TimeoutError:
            raise _too_slow() from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        received += len(chunk)
        if received > most:
            raise _too_large(most)
        if time.monotonic() - started > settings.body_silence + received / settings.body_rate:
            raise _too_slow()
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


async def document(request: Request, settings: Settings) -> dict[str, Any]:
    """A small JSON object; an empty body is an empty one."""
    data = b"".join([chunk async for chunk in chunks(request, settings, SMALL)])
    try:
        found = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        raise _invalid("the body is no JSON") from None
    if not isinstance(found, dict):
        raise _invalid("the body is no JSON object")
    return found


async def bundle(request: Request, settings: Settings, hash: str, path: str) -> None:
    """Write a bundle to `path`. Raises Refused where it is not what its name says."""
    seen = hashlib.sha256()
    with open(path, "wb") as file:
        async for chunk in chunks(request, settings, settings.largest_bundle):
            seen.update(chunk)
            _write(file, chunk)
    if seen.hexdigest() != hash:
        raise Refused(
            422,
            protocol.BAD_HASH,
            f"the bundle's SHA-256 is {seen.hexdigest()}, not {hash}",
            "it was damaged on its way; send it again",
        )


class Submission:
    """A submission that comes in: `head` once its first line is there, the files into a folder then."""

    def __init__(self, request: Request, settings: Settings) -> None:
        self._chunks = chunks(request, settings, settings.largest_task)
        self._held = b""

    async def head(self) -> Head:
        """Raises Refused where it is not whole or not sound."""
        async for chunk in self._chunks:
            self._held += chunk
            end = self._held.find(b"\n", 0, HEAD_BYTES)
            if end >= 0:
                line, self._held = self._held[:end], self._held[end + 1 :]
                return parse_head(line)
            if len(self._held) > HEAD_BYTES:
                raise _invalid(f"the head of the submission is longer than {HEAD_BYTES} bytes")
        raise _invalid("the submission has no head")

    async def files(self, head: Head, folder: TaskFolder) -> None:
        """Write the files into the box of `folder`."""
        held = self._held
        try:
            for name, size in head.files:
                with folder.create(name) as file:
                    while size > 0:
                        if not held:
                            held = await anext(self._chunks)
                        part, held = held[:size], held[size:]
                        _write(file, part)
                        size -= len(part)
        except StopAsyncIteration:
            raise _invalid("the submission is cut off: its files are shorter than its head says") from None
        async for chunk in self._chunks:
            held += chunk
            if held:
                break
        if held:
            raise _invalid("the submission is longer than its head says")


def parse_head(line: bytes) -> Head:
    """The head of a submission, all of it checked. Raises Refused."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise _invalid("the head of the submission is no JSON") from None
    if not isinstance(found, dict):
        raise _invalid("the head of the submission is no JSON object")
    unknown = sorted(set(found) - set(Head.__slots__))
    if unknown:
        raise _invalid(f"the head has a key `{unknown[0][:64]}` that this runner does not know")
    name, bundle = found.get("name"), found.get("bundle")
    if not isinstance(name, str) or not 0 < len(name) <= 4096:
        raise _invalid("`name` is no text of 1 to 4096 characters")
    if not isinstance(bundle, str) or not KEY.fullmatch(bundle):
        raise _invalid("`bundle` is no SHA-256")
    return Head(
        name,
        bundle,
        _files(found.get("files")),
        run=_run(found.get("run", "")),
        environ=_environ(found.get("environ", {})),
        labels=_labels(found.get("labels", [])),
        cpu=_number(found.get("cpu"), "cpu"),
        memory=_whole(found.get("memory"), "memory"),
        timeout=_number(found.get("timeout"), "timeout"),
        grace=_number(found.get("grace"), "grace") or 0.0,
    )


def _files(value: Any) -> list[tuple[str, int]]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_FILES:
        raise _invalid(f"`files` is no list of 1 to {_MOST_FILES} files")
    files: list[tuple[str, int]] = []
    for item in value:
        if not isinstance(item, list) or len(item) != 2:
            raise _invalid("a file is a name and a size")
        name, size = item
        if not isinstance(name, str) or not is_name(name):
            raise _invalid("a file has a name that cannot be one here")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise _invalid("the size of a file is no number of bytes")
        if name in (known for known, _ in files):
            raise _invalid("two files have one name")
        files.append((name, size))
    return files


def _environ(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > _MOST_FILES:
        raise _invalid("`environ` is no map of variables")
    for name, text in value.items():
        # Others could change how the task's process itself is started.
        if not (name.startswith("JOBC_") and name.isascii() and name.replace("_", "").isalnum()):
            raise _invalid("`environ` may only have variables that begin with JOBC_")
        if not isinstance(text, str) or "\0" in text or not _encodable(text):
            raise _invalid(f"the value of {name} is no text that a variable can have")
    return value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _run(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4096:
        raise _invalid("`run` is no text of at most 4096 characters")
    return value


def _labels(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _invalid("`labels` is no list of texts")
    return value


def _number(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise _invalid(f"`{what}` is no number from 0 up")
    try:
        found = float(value)
    except OverflowError:
        raise _invalid(f"`{what}` is too large") from None
    if found > 1e12:
        raise _invalid(f"`{what}` is too large")
    return found


def _whole(value: Any, what: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**62:
        raise _invalid(f"`{what}` is no number of bytes")
    return value


def _write(file: IO[bytes], data: bytes) -> None:
    try:
        file.write(data)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise disk_full() from None
        raise


def _invalid(message: str) -> Refused:
    return Refused(400, protocol.INVALID, message, "use the same version of jobc on both sides")


def _too_large(most: int) -> Refused:
    return Refused(
        413,
        protocol.TOO_LARGE,
        f"the body is larger than the {most} bytes that the runner takes",
        "send less, or start the runner with a higher --max-upload",
    )


def _too_slow() -> Refused:
    return Refused(
        408,
        protocol.TOO_SLOW,
        "the body came in too slowly",
        "look at the connection to the runner",
        retry_after=1,
    )
