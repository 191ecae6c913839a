"""Where the characters of a line stand on a terminal.

A line is laid out in display cells: a tab reaches to the next multiple of four, wide characters take two
cells, combining ones none, and what a terminal would obey instead of show (control characters, direction
overrides) is replaced by a visible sign. A line longer than the room for it is cut to a window around
the columns that matter, with `…` where something was left out.
"""

from __future__ import annotations

from unicodedata import category, east_asian_width

_TAB = 4
_JOINERS = "\u200c\u200d"


def cell(char: str, column: int) -> tuple[str, int]:
    """(what to print, its cells) for a character that would begin at `column`."""
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        width = _TAB - column % _TAB
        return " " * width, width
    if char < " ":
        return chr(0x2400 + ord(char)), 1
    if char == "\x7f":
        return "\u2421", 1
    if char == "\ufeff":
        return "", 0
    kind = category(char)
    if kind in ("Mn", "Me") or char in _JOINERS:
        return char, 0
    if kind in ("Cc", "Cf", "Cs", "Zl", "Zp") and char != "\xad":
        return "\ufffd", 1
    return char, 2 if east_asian_width(char) in "WF" else 1


class Line:
    """A line laid out in at most `room` cells: `prints[i]` is what character `first + i` prints as.

    `focus` is the range of character indices to keep in view where the line is too long.
    """

    __slots__ = ("_starts", "_window", "cut_left", "cut_right", "first", "prints")

    def __init__(self, text: str, room: int, focus: tuple[int, int]) -> None:
        prints: list[str] = []
        starts = [0]
        for char in text:
            shown, width = cell(char, starts[-1])
            prints.append(shown)
            starts.append(starts[-1] + width)
        first, last = 0, len(text)
        if starts[-1] > room:
            first, last = _window(starts, room, focus)
        self.first = first
        self.prints = prints[first:last]
        self.cut_left = first > 0
        self.cut_right = last < len(text)
        self._starts = starts
        self._window = (first, last)

    def column(self, index: int) -> int:
        """The cell (from 0) where character `index` begins; an index outside the window is at its edge."""
        first, last = self._window
        index = max(first, min(index, last))
        return self._starts[index] - self._starts[first] + self.cut_left


def _window(starts: list[int], room: int, focus: tuple[int, int]) -> tuple[int, int]:
    """The characters to show: a third of the room before the focus, unless the line's end is near."""
    room -= 2  # the two `…`
    count = len(starts) - 1
    begin, end = (max(0, min(place, count)) for place in focus)
    length = starts[end] - starts[begin]
    before = room // 3 if length > room - room // 3 else (room - length) // 2
    wanted = max(0, min(starts[begin] - before, starts[-1] - room))
    first = 0
    while starts[first] < wanted:
        first += 1
    last = first
    while last < count and starts[last + 1] - starts[first] <= room:
        last += 1
    return first, last
