"""Source lines with marks under them.

A mark within one line is underlined, `^` where the finding is and `-` where it is related; its words stand
behind the rightmost underline or hang below the others:

    12 |     needs: [tset, tset]
       |             ----  ^^^^ again here
       |             |
       |             first here

A mark over several lines is drawn in a margin left of the text, one margin column a mark, outer ones left:

     3 | /   script: |
     4 | |     echo
       | |________^ this script

Lines between marks are left out as `...`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from jobc.diagnostics.render.columns import Line
from jobc.diagnostics.render.paint import Paint, one_line
from jobc.source.file import SourceFile, Span

#: Highlighting: the escape codes (`"1;31"`, or "" for none) of each character of a line.
Highlight = Callable[[SourceFile, int], Sequence[str]]

_ALL_LINES_UP_TO = 5


class Mark:
    """A span as lines (from 1) and character indices (from 0), its words, and its severity (None: related)."""

    __slots__ = ("end", "end_line", "severity", "start", "start_line", "words")

    def __init__(self, span: Span, words: str, severity: str | None) -> None:
        file = span.file
        end = span.end
        if "\n" in span.text or "\r" in span.text:
            end = span.start + max(len(span.text.rstrip()), 1)
        self.start_line, column = file.position(span.start)
        self.start = column - 1
        self.end_line, column = file.position(max(end, span.start))
        self.end = column - 1
        if self.end == 0 and self.end_line > self.start_line:
            self.end_line -= 1
            self.end = len(file.line_text(self.end_line))
        self.words = one_line(words)
        self.severity = severity

    @property
    def sign(self) -> str:
        return "^" if self.severity else "-"


class Row:
    """Cells of one line of output, each with its mark (None: no colour)."""

    __slots__ = ("cells",)

    def __init__(self) -> None:
        self.cells: list[tuple[str, Mark | None]] = []

    def put(self, column: int, text: str, mark: Mark | None, *, over: bool = True) -> None:
        while len(self.cells) < column + len(text):
            self.cells.append((" ", None))
        for index, char in enumerate(text, column):
            if over or self.cells[index][0] == " ":
                self.cells[index] = (char, mark)

    def text(self, paint: Paint) -> str:
        if not paint.on:
            return "".join(char for char, _ in self.cells)
        runs: list[tuple[str, Mark | None]] = []
        for char, mark in self.cells:
            if runs and runs[-1][1] is mark:
                runs[-1] = (runs[-1][0] + char, mark)
            else:
                runs.append((char, mark))
        return "".join(text if mark is None else _ink(paint, mark, text) for text, mark in runs)


def _ink(paint: Paint, mark: Mark, text: str) -> str:
    return paint.severity(mark.severity, text) if mark.severity else paint.related(text)


def snippet(
    file: SourceFile,
    marks: Sequence[Mark],
    *,
    gutter: int,
    room: int,
    paint: Paint,
    highlight: Highlight | None,
) -> list[str]:
    """The lines of output for all `marks` of a file. `gutter` is the width of line numbers, `room` of the text."""
    drawing = _Drawing(file, marks, gutter, room, paint, highlight)
    return drawing.lines()


class _Drawing:
    """One snippet being drawn from top to bottom; `open` are the marks that have begun in the margin and not ended."""

    def __init__(
        self,
        file: SourceFile,
        marks: Sequence[Mark],
        gutter: int,
        room: int,
        paint: Paint,
        highlight: Highlight | None,
    ) -> None:
        self.file = file
        self.gutter = gutter
        self.paint = paint
        self.highlight = highlight
        self.single = [mark for mark in marks if mark.start_line == mark.end_line]
        self.multi = sorted(
            (mark for mark in marks if mark.start_line != mark.end_line),
            key=lambda mark: (mark.start_line, -mark.end_line),
        )
        self.depth = _depths(self.multi)
        self.margin = 2 * (max(self.depth.values(), default=-1) + 1)
        self.room = max(20, room - self.margin)
        self.open: list[Mark] = []

    def lines(self) -> list[str]:
        out = []
        previous = 0
        for number in self._shown():
            if previous and number == previous + 2:
                out += self._line(previous + 1)
            elif previous and number > previous + 2:
                dots = self.paint.gutter("...") + " " * (self.gutter - 1)
                out.append(f"{dots}{self._margin().text(self.paint)}".rstrip())
            out += self._line(number)
            previous = number
        return out

    def _shown(self) -> list[int]:
        numbers = {mark.start_line for mark in self.single}
        for mark in self.multi:
            if mark.end_line - mark.start_line < _ALL_LINES_UP_TO:
                numbers.update(range(mark.start_line, mark.end_line + 1))
            else:
                numbers.update((mark.start_line, mark.start_line + 1, mark.end_line))
        return sorted(numbers)

    def _line(self, number: int) -> list[str]:
        text = self.file.line_text(number)
        single = [mark for mark in self.single if mark.start_line == number]
        starting = [mark for mark in self.multi if mark.start_line == number]
        ending = [mark for mark in self.multi if mark.end_line == number]
        line = Line(text, self.room, _focus(single, starting, ending, len(text)))
        margin = self._margin()
        late = []
        for mark in starting:
            if text[: mark.start].strip():
                late.append(mark)
            else:
                margin.put(2 * self.depth[mark], "/", mark)
                self.open.append(mark)
        out = [self._source(number, line, margin)]
        out += self._below(self._underlines(single, line))
        for mark in late:
            row = self._margin()
            here = 2 * self.depth[mark] + 1
            target = self.margin + line.column(mark.start)
            row.put(here, "_" * (target - here), mark, over=False)
            row.put(target, mark.sign, mark)
            out += self._below([row])
            self.open.append(mark)
        for mark in sorted(ending, key=lambda mark: -self.depth[mark]):
            row = self._margin()
            here = 2 * self.depth[mark] + 1
            target = self.margin + max(line.column(mark.end) - 1, 0)
            row.put(here, "_" * (target - here), mark, over=False)
            row.put(target, f"{mark.sign} {mark.words}".rstrip(), mark)
            out += self._below([row])
            self.open.remove(mark)
        return out

    def _margin(self) -> Row:
        row = Row()
        row.put(self.margin, "", None)
        for mark in self.open:
            row.put(2 * self.depth[mark], "|", mark)
        return row

    def _source(self, number: int, line: Line, margin: Row) -> str:
        cut = "…" if line.cut_left else ""
        end = "…" if line.cut_right else ""
        if self.highlight is None:
            body = "".join(line.prints)
        else:
            styles = self.highlight(self.file, number)
            body = _painted(line.prints, styles[line.first : line.first + len(line.prints)])
        head = self.paint.gutter(f"{number:>{self.gutter}} |")
        return f"{head} {margin.text(self.paint)}{cut}{body}{end}".rstrip()

    def _below(self, rows: Iterable[Row]) -> list[str]:
        head = self.paint.gutter(" " * self.gutter + " |")
        return [f"{head} {row.text(self.paint)}".rstrip() for row in rows]

    def _underlines(self, marks: list[Mark], line: Line) -> list[Row]:
        if not marks:
            return []
        marks = sorted(marks, key=lambda mark: (line.column(mark.start), mark.severity is not None))
        columns = {mark: self.margin + line.column(mark.start) for mark in marks}
        row = self._margin()
        for mark in sorted(marks, key=lambda mark: mark.severity is not None):
            length = max(1, line.column(mark.end) - line.column(mark.start))
            row.put(columns[mark], mark.sign * length, mark)
        rows = [row]
        hanging = [mark for mark in marks[:-1] if mark.words]
        last = marks[-1]
        if last.words:
            row.put(len(row.cells) + 1, last.words, last)
        if hanging:
            rows.append(self._hangers(hanging, columns))
        while hanging:
            mark = hanging.pop()
            row = self._hangers(hanging, columns)
            row.put(columns[mark], mark.words, mark)
            rows.append(row)
        return rows

    def _hangers(self, marks: list[Mark], columns: dict[Mark, int]) -> Row:
        row = self._margin()
        for mark in marks:
            row.put(columns[mark], "|", mark)
        return row


def _depths(marks: list[Mark]) -> dict[Mark, int]:
    """A margin column for each mark, so that marks that share a line have different ones."""
    depth: dict[Mark, int] = {}
    for mark in marks:
        taken = {depth[other] for other in depth if other.end_line >= mark.start_line}
        depth[mark] = next(column for column in range(len(marks)) if column not in taken)
    return depth


def _focus(single: list[Mark], starting: list[Mark], ending: list[Mark], length: int) -> tuple[int, int]:
    ranges = [(mark.start, mark.end, mark.severity is not None) for mark in single]
    ranges += [(mark.start, mark.start + 1, mark.severity is not None) for mark in starting]
    ranges += [(mark.end - 1, mark.end, mark.severity is not None) for mark in ending]
    chosen = [item for item in ranges if item[2]] or ranges
    if not chosen:
        return 0, 0
    return min(item[0] for item in chosen), min(max(item[1] for item in chosen), length)


def _painted(prints: Sequence[str], styles: Sequence[str]) -> str:
    out = []
    current = ""
    for index, shown in enumerate(prints):
        style = styles[index] if index < len(styles) else ""
        if style != current:
            out.append("\x1b[0m" if current else "")
            out.append(f"\x1b[{style}m" if style else "")
            current = style
        out.append(shown)
    if current:
        out.append("\x1b[0m")
    return "".join(out)
