"""What changed, told to who follows it, as server-sent events.

A client follows all its tasks with one stream. A stream remembers which of them changed since it told of them last, so
a follower that is slow, or a task that writes a lot, costs one event where there could have been thousands. An event says a task's
state and how much it wrote; what is new of the output stands in it where that is little and follows on what was told before. The rest
is read by byte ranges.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

#: The most of an output that one event carries, in bytes.
INLINE = 64 * 1024
#: The least time between two turns of a stream, in seconds.
PAUSE = 0.01

#: (key, offset, most) → (state and so on, output from there on); None for a task that is gone.
Look = Callable[[str, int, int], tuple[dict[str, Any], bytes] | None]


class Stream:
    """One client's stream: the tasks that it follows, and for each the offset that it was told up to."""

    def __init__(self) -> None:
        self.told: dict[str, int] = {}
        self.changed: dict[str, None] = {}
        self.waking = asyncio.Event()

    def touch(self, key: str) -> None:
        self.changed[key] = None
        self.waking.set()


class Feed:
    """All streams. `look` says how a task is."""

    def __init__(self, look: Look, heartbeat: float) -> None:
        self._look = look
        self._heartbeat = heartbeat
        self._streams: dict[str, Stream] = {}
        self._followers: dict[str, set[Stream]] = {}
        self._closed = False

    @property
    def count(self) -> int:
        return len(self._streams)

    def follow(self, id: str, tasks: Mapping[str, int]) -> bool:
        """Have a stream tell of tasks, from these offsets on; False where there is no such stream."""
        stream = self._streams.get(id)
        if stream is None:
            return False
        for key, offset in tasks.items():
            stream.told[key] = offset
            self._followers.setdefault(key, set()).add(stream)
            stream.touch(key)
        return True

    def follows(self, id: str, key: str) -> bool:
        stream = self._streams.get(id)
        return stream is not None and key in stream.told

    def changed(self, key: str) -> None:
        for stream in self._followers.get(key, ()):
            stream.touch(key)

    def forget(self, key: str) -> None:
        for stream in self._followers.pop(key, ()):
            stream.told.pop(key, None)
            stream.changed.pop(key, None)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for stream in self._streams.values():
            stream.waking.set()

    async def events(self, id: str) -> AsyncIterator[bytes]:
        """The stream `id`, for as long as its client listens. A newer one of that name takes over."""
        stream = self._streams[id] = Stream()
        try:
            yield b"retry: 1000\nevent: hello\ndata: {}\n\n"
            while not self._closed and self._streams.get(id) is stream:
                try:
                    await asyncio.wait_for(stream.waking.wait(), self._heartbeat)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                stream.waking.clear()
                keys, stream.changed = list(stream.changed), {}
                for key in keys:
                    event = self._event(stream, key)
                    if event is not None:
                        yield event
                await asyncio.sleep(PAUSE)
        finally:
            if self._streams.get(id) is stream:
                del self._streams[id]
            for key in stream.told:
                followers = self._followers.get(key)
                if followers is not None:
                    followers.discard(stream)
                    if not followers:
                        del self._followers[key]

    def _event(self, stream: Stream, key: str) -> bytes | None:
        if key not in stream.told:
            return None
        offset = stream.told[key]
        seen = self._look(key, offset, INLINE)
        if seen is None:
            return _encoded("task", {"task": key, "state": "unknown"})
        document, data = seen
        if offset + len(data) < document["size"]:
            data = b""  # too much to stand here: it is read from the output
        stream.told[key] = document["size"]
        return _encoded("task", {"task": key, **document, **inline(offset, data)})

    async def output(self, key: str, offset: int) -> AsyncIterator[bytes]:
        """The whole output of one task from an offset on, as events whose ids are offsets, until the task has ended."""
        stream = Stream()
        self._followers.setdefault(key, set()).add(stream)
        stream.told[key] = offset
        try:
            while not self._closed:
                seen = self._look(key, offset, INLINE)
                if seen is None:
                    return
                document, data = seen
                if data:
                    yield _encoded("output", inline(offset, data), id=offset + len(data))
                    offset += len(data)
                elif document["state"] not in ("queued", "running"):
                    yield _encoded("end", {"task": key, **document}, id=offset)
                    return
                else:
                    try:
                        await asyncio.wait_for(stream.waking.wait(), self._heartbeat)
                        stream.waking.clear()
                    except TimeoutError:
                        yield b": still here\n\n"
        finally:
            followers = self._followers.get(key)
            if followers is not None:
                followers.discard(stream)
                if not followers:
                    del self._followers[key]


def inline(offset: int, data: bytes) -> dict[str, Any]:
    """Output as part of an event: as text where it is UTF-8, else in Base64."""
    if not data:
        return {}
    try:
        return {"from": offset, "text": data.decode()}
    except UnicodeDecodeError:
        return {"from": offset, "base64": base64.b64encode(data).decode("ascii")}


def _encoded(event: str, document: dict[str, Any], *, id: int | None = None) -> bytes:
    head = f"event: {event}\n" + ("" if id is None else f"id: {id}\n")
    return f"{head}data: {json.dumps(document, separators=(',', ':'))}\n\n".encode()
