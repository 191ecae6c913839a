"""`# jobc: allow[rule]`: findings that an author has looked at and wants to keep.

A comment at the end of a line covers what begins on that line, and the whole of a block scalar whose
header stands there. A comment on a line of its own covers the entry or the list item that begins on
the next line that holds more than a comment, to its very end: one above a job covers the job, one above a
`run: |` covers the script, in which there can be no YAML comments. What looks like such a comment
inside a scalar is text (a comment of the script, say) and suppresses nothing: the places of the YAML
nodes decide that, so quoting and block styles need no second reading here.

Files without the word `jobc:` cost one search of their text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Fix
from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Mapping, Node, Scalar

MARK = "jobc:"
_COMMENT = r"(?:^|(?<=[\s]))#[ \t]*jobc:[ \t]*allow\[([^\]\n]*)\]"


class Suppression:
    """One comment: `names` are codes and rule names, `start:end` the characters that it covers.

    `comment` is where the comment itself stands, up to its closing bracket; `used` are the rules and codes that it silenced.
    """

    __slots__ = ("comment", "end", "names", "start", "used")

    def __init__(self, names: frozenset[str], start: int, end: int, comment: tuple[int, int]) -> None:
        self.names = names
        self.start = start
        self.end = end
        self.comment = comment
        self.used: set[str] = set()

    def covers(self, diagnostic: Diagnostic, code: str) -> bool:
        return self.start <= diagnostic.span.start < self.end and (
            diagnostic.rule in self.names or code in self.names
        )


class Covering:
    """The suppressions of a file, found by place; `all` are in file order."""

    __slots__ = ("_by_start", "_furthest", "_starts", "all")

    def __init__(self, found: Sequence[Suppression]) -> None:
        self.all = found
        self._by_start = sorted(found, key=lambda suppression: suppression.start)
        self._starts = [suppression.start for suppression in self._by_start]
        self._furthest: list[int] = []
        for suppression in self._by_start:
            self._furthest.append(max(suppression.end, self._furthest[-1] if self._furthest else 0))

    def of(self, diagnostic: Diagnostic, code: str) -> list[Suppression]:
        """Those that cover a finding."""
        place = diagnostic.span.start
        at = bisect_right(self._starts, place) - 1
        found: list[Suppression] = []
        while at >= 0 and self._furthest[at] > place:
            if self._by_start[at].covers(diagnostic, code):
                found.append(self._by_start[at])
            at -= 1
        return found


def suppressions(file: SourceFile, roots: Sequence[Node | None]) -> list[Suppression]:
    """The suppressions of a file whose documents have these root nodes, in file order."""
    if MARK not in file.text:
        return []
    matches = list(re.finditer(_COMMENT, file.text, re.MULTILINE))
    if not matches:
        return []
    scalars, openings = _survey(file, roots)
    starts = [scalar.start for scalar in scalars]
    found: list[Suppression] = []
    for match in matches:
        names = frozenset(name.strip() for name in match[1].split(",") if name.strip())
        place = match.start()
        i = bisect_right(starts, place) - 1
        around = scalars[i] if i >= 0 and place < scalars[i].end else None
        if around is not None and not _in_header(around, place):
            continue
        start, end = _covered(file, place, around, openings)
        found.append(Suppression(names, start, end, match.span()))
    return found


def stale(
    file: SourceFile, found: Sequence[Suppression], unavailable: frozenset[str]
) -> Iterator[Diagnostic]:
    """What the suppressions of a file name and did not silence; `unavailable` are rules and codes that could not run."""
    for suppression in found:
        listed = [name.strip() for name in _listed(file, suppression).split(",") if name.strip()]
        kept = [
            name
            for name in listed
            if name in suppression.used or name in unavailable or name in ("stale-suppression", "JC704")
        ]
        idle = [name for name in listed if name not in kept]
        if not listed:
            yield _stale(file, suppression, "this comment names no rule, so it silences nothing", kept)
        elif idle:
            names = ", ".join(f"`{name}`" for name in idle)
            yield _stale(file, suppression, f"there is nothing here that allowing {names} silences", kept)


def _listed(file: SourceFile, suppression: Suppression) -> str:
    start, end = suppression.comment
    return file.text[start:end].partition("[")[2].rstrip("]")


def _stale(file: SourceFile, suppression: Suppression, message: str, kept: list[str]) -> Diagnostic:
    start, end = suppression.comment
    if kept:
        inner = end - 1 - len(_listed(file, suppression))
        edit = Edit(file.span(inner, end - 1), ", ".join(kept))
        fix = Fix("keep " + ", ".join(f"`{name}`" for name in kept), [edit], safe=True)
    else:
        fix = Fix("remove the comment", [Edit(_whole_comment(file, start), "")], safe=True)
    return Diagnostic(
        "stale-suppression",
        message,
        file.span(start, end),
        help="remove it, or write the name of the rule that was meant",
        fix=fix,
    )


def _whole_comment(file: SourceFile, start: int) -> Span:
    """The comment to the end of its line with the blanks before it; the line, where it holds nothing else."""
    line = file.position(start)[0]
    begin = file.line_starts[line - 1]
    end = begin + len(file.line_text(line))
    if not file.text[begin:start].strip():
        return file.span(begin, min(_line_end(file, line), len(file.text)))
    return file.span(begin + len(file.text[begin:start].rstrip()), end)


def _in_header(scalar: Scalar, place: int) -> bool:
    """Whether a place inside a scalar's span is on the header line of a block scalar (`run: |  # …`)."""
    if scalar.style not in ("literal", "folded"):
        return False
    head = scalar.file.text[scalar.start : place]
    return "\n" not in head and "\r" not in head


def _covered(
    file: SourceFile, place: int, block: Scalar | None, openings: dict[int, tuple[int, int]]
) -> tuple[int, int]:
    line = file.position(place)[0]
    begin = file.line_starts[line - 1]
    if file.text[begin:place].strip():
        end = _line_end(file, line)
        if block is None:
            scalar = openings.get(-line)
            block_end = scalar[1] if scalar else end
        else:
            block_end = block.end
        return begin, max(end, block_end)
    count = len(file.line_starts)
    line += 1
    while line <= count and file.line_text(line).strip()[:1] in ("", "#"):
        line += 1
    if line > count:
        return place, place
    begin, end = file.line_starts[line - 1], _line_end(file, line)
    return begin, max(end, openings.get(line, (0, 0))[1])


def _line_end(file: SourceFile, line: int) -> int:
    starts = file.line_starts
    return starts[line] if line < len(starts) else len(file.text) + 1


def _survey(
    file: SourceFile, roots: Sequence[Node | None]
) -> tuple[list[Scalar], dict[int, tuple[int, int]]]:
    """The scalars of a file by their places, and for each line the widest entry or list item that begins on it.

    Under the negative of a line stands the block scalar whose header is on that line.
    """
    scalars: dict[int, Scalar] = {}
    openings: dict[int, tuple[int, int]] = {}
    for node, start in _nodes(roots):
        line = file.position(start)[0]
        if node.end > openings.get(line, (0, -1))[1]:
            openings[line] = (start, node.end)
        if isinstance(node, Scalar):
            scalars[node.start] = node
            if node.style in ("literal", "folded"):
                openings[-file.position(node.start)[0]] = (node.start, node.end)
    return [scalars[start] for start in sorted(scalars)], openings


def _nodes(roots: Sequence[Node | None]) -> Iterator[tuple[Node, int]]:
    """Every key, value and list item, with the place where its entry or item begins; what an alias repeats, once."""
    todo: list[Node] = [root for root in roots if root is not None]
    for root in todo:
        if isinstance(root, Scalar):
            yield root, root.start
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            for entry in node.entries:
                if not entry.merged:
                    yield entry.key, entry.key.start
                    if entry.value.start > entry.key.start:
                        yield entry.value, entry.key.start
                        todo.append(entry.value)
        elif not isinstance(node, Scalar):
            for item in node.items:
                if item.start >= node.start:
                    yield item, item.start
                    todo.append(item)
