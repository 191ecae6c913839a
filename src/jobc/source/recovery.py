"""Several syntax errors of one file: explain the first, mend the stand-in text, parse again.

The parser stops at its first error. `wording` says what that error is in the user's words and which
of three repairs takes it away without moving a character:

- *substitute*: a character loses its meaning to YAML but stays in the value (`@home`, `a: b: c`);
- *untab*: tabs at the start of a run of lines become spaces;
- *blank*: the entry that begins at a place is left out, that is, its line and those indented deeper.

An error that comes up where a repair was made is a consequence of it: it is not reported, and the
repair is widened instead, from the place to the entry around it, then to the entry around that one,
up to the rest of the file. So each pass reports one true error or widens one repair, and ends.
A pass reads events up to its error and builds nothing; there are at most PASSES of them, so a
file costs at most that many readings.
"""

from __future__ import annotations

import re
from typing import Any

from jobc.source.events import HOPELESS, Standin, pull
from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Problem
from jobc.source.wording import BLANK, SUBSTITUTE, Failure, explain

PASSES = 60
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_FORBIDDEN = 20
_CLOSERS = re.compile(r"[ \t]*[\]}][\]},\s]*(#.*)?")
_DASHES = re.compile(r"[ \t]*(?:- +)*")


class _Repair:
    """Lines `first` to `last` (exclusive, from 1) that a repair may have changed; `column` is its entry's."""

    __slots__ = ("column", "first", "last")

    def __init__(self, first: int, last: int, column: int) -> None:
        self.first = first
        self.last = last
        self.column = column


def recover(file: SourceFile, standin: Standin) -> tuple[list[Problem], list[Span]]:
    """Mend `standin` until it parses; returns the problems and the parts of the file that were left out."""
    return _Recovery(file, standin).run()


class _Recovery:
    def __init__(self, file: SourceFile, standin: Standin) -> None:
        self.file = file
        self.standin = standin
        self.problems: list[Problem] = []
        self.repairs: list[_Repair] = []
        self.blanked: list[tuple[int, int]] = []

    def run(self) -> tuple[list[Problem], list[Span]]:
        self._remove_forbidden()
        for _ in range(PASSES):
            failure = read(self.file, self.standin)
            if failure is None:
                return self.problems, self._holes()
            self._mend(failure)
        failure = read(self.file, self.standin)
        if failure is not None:
            self._give_up(failure)
        return self.problems, self._holes()

    def _holes(self) -> list[Span]:
        return [Span(self.file, start, end) for start, end in sorted(self.blanked)]

    def _remove_forbidden(self) -> None:
        for count, match in enumerate(_FORBIDDEN.finditer(self.file.text)):
            self.standin.substitute(match.start())
            if count < _MOST_FORBIDDEN:
                code = ord(match[0])
                self.problems.append(
                    Problem(
                        "yaml-syntax",
                        f"character U+{code:04X} is not allowed in YAML",
                        Span(self.file, match.start(), match.end()),
                        f'remove it; in double quotes it is written "\\u{code:04x}"',
                    )
                )

    def _mend(self, failure: Failure) -> None:
        finding = explain(failure)
        line = self.file.position(finding.culprit)[0]
        at = self.file.position(failure.offset)[0]
        repair = self._caused_by(line, at)
        if repair is not None and line >= repair.last:
            repair.last = line + 1
            self._blank(line, line + 1, 0)
            return
        if repair is not None:
            self._widen(repair, min(line, repair.first), max(line, at))
            return
        self.problems.append(finding.problem)
        column = self._entry_column(line, finding.culprit)
        if finding.repair == BLANK:
            last = self._entry_end(line, max(column, finding.inner_column))
            self.repairs.append(_Repair(line, last, column))
            self._blank(line, last, column)
        elif finding.repair == SUBSTITUTE:
            for offset in finding.places:
                if offset < len(self.file.text):
                    self.standin.substitute(offset)
            self.repairs.append(_Repair(line, self._entry_end(line, column), column))
        else:
            self._untab(line)

    def _caused_by(self, line: int, at: int) -> _Repair | None:
        for repair in self.repairs:
            if repair.first <= line < repair.last or repair.first <= at < repair.last:
                return repair
            if self._next_line(repair.last) == line and _CLOSERS.fullmatch(self.file.line_text(line)):
                return repair
        return None

    def _widen(self, repair: _Repair, first: int, last: int) -> None:
        """Blank a repair's whole entry; if that was done, the entry around it; at last, all to the end."""
        column = repair.column
        blank = self.standin.text[self._start(repair.first) + column : self._start(repair.last)].isspace()
        if blank:
            if first <= 1 or column == 0:
                repair.first, repair.column, repair.last = first, 0, self._line_count() + 1
                self._blank(first, repair.last, 0)
                return
            first, column = self._parent(first, column)
        repair.first, repair.column = first, column
        repair.last = max(repair.last, last + 1, self._entry_end(first, column))
        self._blank(first, repair.last, column)

    def _parent(self, line: int, column: int) -> tuple[int, int]:
        for above in range(line - 1, 0, -1):
            text = self.file.line_text(above)
            if text.strip() and not text.lstrip().startswith("#") and _indent(text) < column:
                return above, _indent(text)
        return 1, 0

    def _untab(self, line: int) -> None:
        """Tabs at the start of this line, and of those after it that begin with one too, become spaces."""
        first = line
        while line <= self._line_count():
            text = self.file.line_text(line)
            lead = text[: len(text) - len(text.lstrip(" \t"))]
            if text.strip() and "\t" not in lead:
                break
            start = self._start(line)
            self.standin.blank(start, start + len(lead))
            line += 1
        self.repairs.append(_Repair(first, line, 0 if first == 1 else _indent(self.file.line_text(first))))

    def _entry_column(self, line: int, culprit: int) -> int:
        """The column (from 0) of the entry that holds `culprit`: after the dashes that its line begins with."""
        match = _DASHES.match(self.file.line_text(line))
        assert match is not None
        return min(match.end(), max(culprit - self._start(line), 0))

    def _entry_end(self, line: int, column: int) -> int:
        """The first line after `line` that is not part of the entry at `column`."""
        first = self.file.line_text(line)
        # The items of a key's list may stand as far left as the key.
        opens_list = (
            first.rstrip().endswith(":") and first[column : column + 1] != "-" and _indent(first) == column
        )
        after = line + 1
        end = after
        while after <= self._line_count():
            text = self.file.line_text(after)
            bare = text.strip()
            if bare and not bare.startswith("#"):
                indent = _indent(text)
                is_item = bare.startswith("- ") or bare == "-"
                if indent < column or (indent == column and not (is_item and opens_list)):
                    break
                end = after + 1
            after += 1
        return end

    def _next_line(self, line: int) -> int:
        while line <= self._line_count() and not self.file.line_text(line).strip():
            line += 1
        return line

    def _blank(self, first: int, last: int, column: int) -> None:
        start = min(self._start(first) + column, len(self.file.text))
        end = self._start(last)
        self.standin.blank(start, end)
        self.blanked = [(a, b) for a, b in self.blanked if not (start <= a and b <= end)]
        if start < end:
            self.blanked.append((start, end))

    def _give_up(self, failure: Failure) -> None:
        line = self.file.position(failure.offset)[0]
        while line > 1 and (self.file.line_text(line)[:1] in ("", " ", "\t", "#", "-", "]", "}")):
            line -= 1
        self.problems.append(
            Problem(
                "yaml-syntax",
                "too many YAML errors: the file was not read from here on",
                Span(self.file, self._start(line), self._start(line) + len(self.file.line_text(line))),
                "mend the errors above first",
            )
        )
        self._blank(line, self._line_count() + 1, 0)
        if read(self.file, self.standin) is not None:
            self._blank(1, self._line_count() + 1, 0)

    def _line_count(self) -> int:
        return len(self.file.line_starts)

    def _start(self, line: int) -> int:
        return self.file.line_starts[line - 1] if line <= self._line_count() else len(self.file.text)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))


def read(file: SourceFile, standin: Standin) -> Failure | None:
    """Read the events of a stand-in text up to its first error; None where it has none."""
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.events import (
        AliasEvent,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        SequenceStartEvent,
    )

    stack: list[tuple[int, bool]] = []
    token: Any = None
    try:
        get = pull(standin)
        for event in iter(get, None):
            kind = type(event)
            if kind is ScalarEvent or kind is AliasEvent:
                token = event
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                flow = bool(event.flow_style)
                # A flow collection's mark begins at its anchor or tag, and ends after its bracket.
                stack.append((event.end_mark.index - 1 if flow else event.start_mark.index, flow))
                if len(stack) > HOPELESS:
                    return None  # composing it says so
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                start, flow = stack.pop()
                if flow:
                    token = (start, event.end_mark.index)
    except YAMLError as error:
        return _failure(file, standin, error, stack, token)
    return None


def _token_kind(token: Any) -> str:
    if not hasattr(token, "value"):
        return "alias"
    if not token.style:
        return "plain"
    return "quoted" if token.style in "'\"" else "block"


def _failure(
    file: SourceFile, standin: Standin, error: Any, stack: list[tuple[int, bool]], token: Any
) -> Failure:
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    place = mark if mark is not None else context
    last = token.end_mark.index if hasattr(token, "end_mark") else token[1] if token else 0
    offset = place.index if place is not None else last
    flow = [start for start, is_flow in stack if is_flow]
    failure = Failure(file, standin.text, getattr(error, "problem", None) or "", min(offset, len(file.text)))
    failure.context = getattr(error, "context", None) or ""
    failure.opened = context.index if context is not None else None
    failure.flow = flow[-1] if flow else None
    if isinstance(token, tuple):
        failure.token, failure.token_kind = token, "flow"
    elif token is not None:
        failure.token = (token.start_mark.index, token.end_mark.index)
        failure.token_kind = _token_kind(token)
    return failure
