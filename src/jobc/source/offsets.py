"""From an index into a scalar's decoded text to the offset in the file where that character is written.

The parser gives the decoded text but not how it came about. So the token's source is read once more,
in step with the decoded text, after the rules of its style:

- *plain, quoted*: a line break with the blanks around it is one folded space, at the first of
  those characters; where n empty lines follow it, it is n line feeds instead, each at its own break;
- *single*: `''` is one quote; *double*: an escape is one character, an escaped line break is none;
- *literal*: each line without its indentation;
- *folded*: the same, but a break between two lines of text that do not start with a blank is a
  space, or vanishes before empty lines.

A map is a list of runs: from index i on, characters stand at consecutive offsets. Only a
scalar that holds an expression gets one, and reading it takes time linear in the token.
Most scalars stand in the file as they are, on one line or, in literal style, on indented lines: whether one
does is seen by comparing its text with the source, and its map follows without a second reading.
The index `len(text)` maps to the end of the content: the closing quote, or the end of the last line.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from jobc.source.nodes import Scalar

_BREAK = re.compile(r"[ \t]*(?:\r\n|\n|\r)(?:[ \t]*(?:\r\n|\n|\r))*[ \t]*")
_ONE_BREAK = re.compile(r"\r\n|\n|\r")
_SINGLE_STOP = re.compile(r"''|[ \t]*[\r\n]")
_DOUBLE_STOP = re.compile(r"\\|[ \t]*[\r\n]")
_PLAIN_STOP = re.compile(r"[ \t]*[\r\n]")
_ESCAPED_BREAK = re.compile(r"\\(?:\r\n|\n|\r)[ \t]*")
_HEADER = re.compile(r"[|>]([-+]?)([1-9]?)([-+]?)[^\r\n]*(?:\r\n|\n|\r|$)")
# What a repaired file may hold in quotes without its meaning there.
_REREAD = re.compile(r"\\|''")
_LITERAL_HEADER = re.compile(r"\|-?(?:[ \t][^\r\n]*)?\n(?= *[^ \r\n])( *)")
_BLOCK_LINE = re.compile(r"( *)([^\r\n]*)(\r\n|\n|\r|$)")
_TAIL = re.compile(r"[ \t\r\n]*")
_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


class OffsetMap:
    """Maps an index into a scalar's decoded text (0…len, the end included) to a character offset in the file."""

    __slots__ = ("_end", "_indices", "_length", "_offsets")

    def __init__(self, indices: list[int], offsets: list[int], length: int, end: int) -> None:
        self._indices = indices
        self._offsets = offsets
        self._length = length
        self._end = end

    def at(self, index: int) -> int:
        if index >= self._length or not self._indices:
            return self._end
        if index < 0:
            index = 0
        run = bisect_right(self._indices, index) - 1
        offset = self._offsets[run] + index - self._indices[run]
        return offset if offset < self._end else self._end


def offset_map(scalar: Scalar) -> OffsetMap:
    """The map from the scalar's decoded text to the file."""
    return _as_written(scalar) or OffsetMap(*_read(scalar).result())


def _as_written(scalar: Scalar) -> OffsetMap | None:
    """The map of a scalar that stands in the file as it is; None for any other."""
    source, text = scalar.file.text, scalar.text
    if scalar.style == "literal":
        return _literal(scalar, source, text)
    if scalar.style == "folded":
        return None
    quote = scalar.style != "plain"
    start, end = scalar.start + quote, scalar.end - quote
    if len(text) != end - start or not source.startswith(text, start) or (quote and _REREAD.search(text)):
        return None
    return OffsetMap([0], [start], len(text), end)


def _literal(scalar: Scalar, source: str, text: str) -> OffsetMap | None:
    """Lines of one indentation, with LF ends and without an indicator in the header."""
    header = _LITERAL_HEADER.match(source, scalar.start)
    if header is None or not text or text[0] == "\n":
        return None
    indices: list[int] = []
    offsets: list[int] = []
    index, begin, blanks = 0, header.start(1), header[1]
    for line in text.split("\n"):
        if line:
            offset = begin + len(blanks)
            end = offset + len(line)
            if not source.startswith(blanks + line, begin) or source[end : end + 1] not in ("\n", ""):
                return None
        elif index == len(text):
            break
        else:
            offset = end = source.find("\n", begin)
            if not 0 <= end - begin <= len(blanks):
                return None
        indices.append(index)
        offsets.append(offset)
        index += len(line) + 1
        begin = end + 1
    last = offsets[-1] + len(text) - 1 - indices[-1]
    if last < scalar.end - 1:
        return None
    return OffsetMap(indices, offsets, len(text), max(scalar.end, last))


def decoded(scalar: Scalar) -> str:
    """The scalar's text as the map reads it; equal to `scalar.text`, which is how the map is tested."""
    return "".join(_read(scalar).pieces)


def _read(scalar: Scalar) -> _Reader:
    reader = _Reader(scalar)
    if scalar.style == "plain":
        reader.flow(scalar.start, scalar.end, _PLAIN_STOP)
    elif scalar.style == "single":
        reader.flow(scalar.start + 1, scalar.end - 1, _SINGLE_STOP)
    elif scalar.style == "double":
        reader.flow(scalar.start + 1, scalar.end - 1, _DOUBLE_STOP)
    else:
        reader.block(scalar.style == "folded")
    return reader


class _Reader:
    """Reads a token and keeps runs; `pieces` is the decoded text so far."""

    def __init__(self, scalar: Scalar) -> None:
        self.scalar = scalar
        self.source = scalar.file.text
        self.pieces: list[str] = []
        self.indices: list[int] = []
        self.offsets: list[int] = []
        self.length = 0
        self.end = scalar.end

    def result(self) -> tuple[list[int], list[int], int, int]:
        return self.indices, self.offsets, self.length, self.end

    def put(self, text: str, offset: int) -> None:
        if not text:
            return
        if not self.indices or self.offsets[-1] - self.indices[-1] != offset - self.length:
            self.indices.append(self.length)
            self.offsets.append(offset)
        self.pieces.append(text)
        self.length += len(text)

    def flow(self, start: int, end: int, stop: re.Pattern[str]) -> None:
        """A plain or quoted scalar whose content is `start:end`."""
        source, position = self.source, start
        self.end = end
        while position < end:
            match = stop.search(source, position, end)
            if match is None:
                self.put(source[position:end], position)
                return
            here = match.start()
            self.put(source[position:here], position)
            if match[0] == "''":
                self.put("'", here)
                position = here + 2
            elif match[0] == "\\":
                position = self.escape(here, end)
            else:
                position = self.fold(here, end)

    def escape(self, here: int, end: int) -> int:
        match = _ESCAPED_BREAK.match(self.source, here, end)
        if match is not None:
            position = match.end()
            # Empty lines after an escaped break are still line feeds.
            while (empty := re.compile(r"(\r\n|\n|\r)[ \t]*").match(self.source, position, end)) is not None:
                self.put("\n", position)
                position = empty.end()
            return position
        length = _ESCAPE_LENGTHS.get(self.source[here + 1 : here + 2], 2)
        # What the escape stands for is of no matter here: it is the next character of the text.
        self.put(self.scalar.text[self.length : self.length + 1], here)
        return here + length

    def fold(self, here: int, end: int) -> int:
        match = _BREAK.match(self.source, here, end)
        assert match is not None
        breaks = [b.start() for b in _ONE_BREAK.finditer(self.source, here, match.end())]
        if len(breaks) == 1:
            self.put(" ", here)
        for offset in breaks[1:]:
            self.put("\n", offset)
        return match.end()

    def block(self, folded: bool) -> None:
        source, scalar = self.source, self.scalar
        header = _HEADER.match(source, scalar.start)
        if header is None:
            return
        lines = self.block_lines(header.end(), bool(header[2]))
        # Offsets of breaks not yet written: that of the last line of text, then those of empty lines.
        gaps: list[int] = []
        led_by_blank = seen_text = False
        for text, offset, line_end in lines:
            if text:
                blank = text[0] in " \t"
                if folded and seen_text and not blank and not led_by_blank:
                    if len(gaps) == 1:
                        self.put(" ", gaps[0])
                    gaps = gaps[1:]
                for gap in gaps:
                    self.put("\n", gap)
                self.put(text, offset)
                gaps = []
                led_by_blank = blank
                seen_text = True
            if line_end >= 0:
                gaps.append(line_end)
        chomping = header[1] or header[3]
        if chomping == "+":
            kept = len(gaps)
        else:
            kept = 1 if seen_text and not chomping else 0
        for gap in gaps[:kept]:
            self.put("\n", gap)
        last = self.offsets[-1] + self.length - 1 - self.indices[-1] if self.indices else 0
        self.end = max(scalar.end, last)

    def block_lines(self, start: int, indicated: bool) -> list[tuple[str, int, int]]:
        """(text without indentation, its offset, offset of its break or -1) of each line after the header.

        Trailing empty lines are among them, though they stand after the scalar's end.
        """
        source = self.source
        tail = _TAIL.match(source, max(self.scalar.end, start))
        assert tail is not None
        stop = tail.end()
        if stop < len(source):
            # What follows the last break is the indentation of something else.
            stop = max(source.rfind("\n", start, stop), source.rfind("\r", start, stop)) + 1
        lines: list[tuple[int, int, int]] = []
        position = start
        while position < stop:
            match = _BLOCK_LINE.match(source, position)
            assert match is not None
            lines.append((position, len(match[1]), match.end(2)))
            position = match.end()
        indent = self.indentation(lines, indicated)
        cut = []
        for begin, spaces, end in lines:
            offset = begin + min(indent, spaces)
            cut.append((source[offset:end], offset, end if end < len(source) else -1))
        return cut

    def indentation(self, lines: list[tuple[int, int, int]], indicated: bool) -> int:
        """The number of spaces before each line."""
        content = self.scalar.text.lstrip("\n")
        empty = len(self.scalar.text) - len(content)
        if indicated and content and empty < len(lines):
            # An indicator counts from the parent's indentation. But the text itself tells: the empty
            # lines it begins with lead to its first line, and that one's blanks are known.
            return max(lines[empty][1] - (len(content) - len(content.lstrip(" "))), 0)
        for begin, spaces, end in lines:
            if begin + spaces < end:
                return spaces
        return max((spaces for _, spaces, _ in lines), default=0)
