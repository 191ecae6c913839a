"""Bytes of a process's streams in, masked lines out; and how much of them goes out.

A line goes out when its newline has come; a longer one than `LINE_BOUND` goes out in pieces, never cut inside a
character or a secret. Of a line that a progress bar wrote over and over with carriage returns, the last state is the
line. Bytes that are no UTF-8, and NUL, become U+FFFD.

`Output` bounds what a stage may write. The first half of the limit goes out as it comes. What follows is kept back
as raw bytes, of which the last half of the limit stays; at the end it is told how much was dropped, and the
tail goes out, each line with the instant at which it was read. So a flood costs the reader a copy, not a line's work for each line, and its memory is bounded.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Callable, Deque, Dict, Mapping, Optional, Set, Tuple

from jobc.interpreter.masking import Masker

LINE_BOUND = 64 * 1024
#: How many bytes of a stage's output are kept where `JOBC_OUTPUT_LIMIT` says nothing.
LIMIT = 10 * 1024 * 1024
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}

#: Takes the stream, the line, and when it was read (`instant`).
LineSink = Callable[[str, str, float], None]


def instant() -> float:
    """Now, in seconds since the epoch, to the millisecond: what is read at once is of one instant."""
    return round(time.time(), 3)


def output_limit(environ: Mapping[str, str]) -> int:
    """The bytes that `JOBC_OUTPUT_LIMIT` allows (`500000`, `64K`, `10M`, `1G`); 10 MiB where it is unset or no size."""
    return size(environ.get("JOBC_OUTPUT_LIMIT", "")) or LIMIT


def size(text: str) -> Optional[int]:
    """Bytes from digits with a unit; None for anything else."""
    digits = text.strip().upper()
    for ending in ("IB", "B"):
        if digits.endswith(ending):
            digits = digits[: -len(ending)]
            break
    unit = digits[-1:] if digits[-1:] in ("K", "M", "G") else ""
    digits = digits[: len(digits) - len(unit)].strip()
    return int(digits) * _UNITS[unit] if digits.isascii() and digits.isdigit() else None


class Lines:
    """Bytes of one stream in, lines out."""

    __slots__ = ("_at", "_buffer", "_masker", "_sink", "_stream")

    def __init__(self, stream: str, masker: Masker, sink: LineSink) -> None:
        self._buffer = bytearray()
        self._masker = masker
        self._sink = sink
        self._stream = stream
        self._at = 0.0

    def feed(self, chunk: bytes, at: float) -> None:
        """Take what was read at the instant `at`."""
        self._at = at
        if b"\n" not in chunk:
            self._buffer += chunk
        else:
            head, _, rest = chunk.rpartition(b"\n")
            block = bytes(self._buffer) + head if self._buffer else head
            self._buffer = bytearray(rest)
            for line in block.split(b"\n"):
                self._line(line)
        room = LINE_BOUND + self._masker.reach
        if len(self._buffer) > room:
            overwritten = self._buffer.rfind(b"\r", 0, len(self._buffer) - 1)
            if overwritten >= 0:
                del self._buffer[: overwritten + 1]
            if len(self._buffer) > room:
                self._buffer = bytearray(self._pieces(bytes(self._buffer), room))

    def end(self) -> None:
        rest = self.take()
        if rest:
            self._line(rest)

    def take(self) -> bytes:
        """The beginning of a line that has not ended; it is no longer here then."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _line(self, line: bytes) -> None:
        if b"\r" in line:
            line = line.rstrip(b"\r").rpartition(b"\r")[2]
        if len(line) > LINE_BOUND:
            line = self._pieces(line, LINE_BOUND)
        self._emit(line)

    def _pieces(self, data: bytes, room: int) -> bytes:
        """Emit the front of `data` until at most `room` bytes are left; gives those."""
        at = 0
        while len(data) - at > room:
            cut = at + LINE_BOUND
            while cut > at + 1 and cut < len(data) and data[cut] & 0xC0 == 0x80:
                cut -= 1
            cut = self._masker.safe_cut(data, at, cut)
            self._emit(data[at:cut])
            at = cut
        return data[at:]

    def _emit(self, data: bytes) -> None:
        text = self._masker.mask(data.decode("utf-8", "replace"))
        self._sink(self._stream, text.replace("\0", "\ufffd") if "\0" in text else text, self._at)


class Output:
    """Both streams of one process, at most about `limit` bytes of them."""

    __slots__ = (
        "_flooded",
        "_half",
        "_held",
        "_held_bytes",
        "_lines",
        "_masker",
        "_seen",
        "_sink",
        "_torn",
        "dropped",
    )

    def __init__(self, masker: Masker, sink: LineSink, limit: int = LIMIT) -> None:
        self._lines = {name: Lines(name, masker, sink) for name in ("stdout", "stderr")}
        self._masker = masker
        self._sink = sink
        self._half = max(1, limit // 2)
        self._seen = 0
        self._flooded = False
        #: Stream, bytes, when they were read.
        self._held: Deque[Tuple[str, bytes, float]] = deque()
        self._held_bytes = 0
        self._torn: Set[str] = set()
        #: Bytes that are lost.
        self.dropped = 0

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take what was just read."""
        at = instant()
        if self._flooded:
            self._hold(stream, chunk, at)
            return
        room = self._half - self._seen
        self._seen += len(chunk)
        if len(chunk) <= room:
            self._lines[stream].feed(chunk, at)
            return
        whole = chunk.rfind(b"\n", 0, room) + 1
        self._lines[stream].feed(chunk[:whole], at)
        self._flooded = True
        for name, lines in self._lines.items():
            rest = lines.take()
            if rest:
                self._hold(name, rest, at)
        self._hold(stream, chunk[whole:], at)
        self._tell(
            "the stage has written more than %s; what follows is kept back, and its last %s come at the end"
            % (shown(self._half), shown(self._half))
        )

    def _hold(self, stream: str, chunk: bytes, at: float) -> None:
        self._held.append((stream, chunk, at))
        self._held_bytes += len(chunk)
        while self._held_bytes - len(self._held[0][1]) >= self._half:
            torn, lost, _ = self._held.popleft()
            self._torn.add(torn)
            self._held_bytes -= len(lost)
            self.dropped += len(lost)

    def end(self) -> None:
        """Say what is still to say."""
        if self._held:
            self._release()
        for lines in self._lines.values():
            lines.end()

    def _release(self) -> None:
        torn: Dict[str, bytes] = {}
        held, self._held, self._held_bytes = self._held, deque(), 0
        if self.dropped:
            torn = dict.fromkeys(self._torn, b"")
            self._tell(
                "%d bytes of output are dropped here; the first and the last %s are kept"
                " (JOBC_OUTPUT_LIMIT sets another limit)" % (self.dropped, shown(self._half))
            )
        for stream, chunk, at in held:
            if stream in torn:
                chunk = torn[stream] + chunk
                start = self._whole(chunk)
                if start is None:
                    torn[stream] = chunk
                    continue
                del torn[stream]
                chunk = chunk[start:]
            self._lines[stream].feed(chunk, at)
        for stream, rest in torn.items():
            self._lines[stream].feed(
                rest[self._masker.safe_cut(rest, 0, min(self._masker.reach, len(rest))) :], instant()
            )

    def _whole(self, data: bytes) -> Optional[int]:
        """Where the first line begins whose beginning was not dropped; of a line without end, where no secret is cut."""
        newline = data.find(b"\n", 0, LINE_BOUND)
        if newline >= 0:
            return newline + 1
        if len(data) < LINE_BOUND + self._masker.reach:
            return None
        return self._masker.safe_cut(data, 0, self._masker.reach) if self._masker.reach else 0

    def _tell(self, text: str) -> None:
        self._sink("stderr", text, instant())


def shown(count: int) -> str:
    """Bytes for people."""
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count >= factor:
            return "%.4g %s" % (count / factor, unit)
    return "%d bytes" % count
