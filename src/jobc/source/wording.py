"""A syntax error in the user's words, and the repair that lets the parser go on.

The parser's own message only says which of a few situations it is in. What the user did wrong is
read off the text around the place, the token before it and the bracket that is open there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Problem

BLANK, SUBSTITUTE, UNTAB = "blank", "substitute", "untab"

_GLUED = re.compile(r"[ \t]*(?:- +)*([A-Za-z_][\w.-]*):(?=[^\s:/])")
_KEY = re.compile(r"[ \t]*(?:- +)*([^\s:#'\"\[\]{}][^:#]*?)[ \t]*:(?=\s|$)")
_ENTRY = re.compile(r"\s*(?:- +)*[\w.-]+[ \t]*:(?:\s|$)|\s*- ")
_ESCAPE = re.compile(r"\\(?:([\"\\/abtnvfre0 N_LP\t\r\n]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|)")
_HOLE = re.compile(r"\$\{\{.*?\}\}|\$<<.*?>>")
_FLOW_MEANING = re.compile(r"[\[\]{},:]")


class Failure:
    """Where the parser stopped: its message, the offsets it names, and what it had read before."""

    __slots__ = ("context", "file", "flow", "offset", "opened", "problem", "text", "token", "token_kind")

    def __init__(self, file: SourceFile, text: str, problem: str, offset: int) -> None:
        self.file = file
        self.text = text
        self.problem = problem
        self.offset = offset
        self.context = ""
        self.opened: int | None = None
        self.flow: int | None = None
        self.token: tuple[int, int] | None = None
        self.token_kind = ""

    def line_start(self, offset: int) -> int:
        starts = self.file.line_starts
        return starts[self.file.position(offset)[0] - 1]

    def line_of(self, offset: int) -> str:
        return self.file.line_text(self.file.position(offset)[0])

    def line_end(self, offset: int) -> int:
        return self.line_start(offset) + len(self.line_of(offset).rstrip())

    def same_line(self, a: int, b: int) -> bool:
        return self.file.position(a)[0] == self.file.position(b)[0]


class Finding:
    """The problem, and its repair: at `culprit`, or at `places` for a substitution.

    `inner_column`: lines indented up to there are kept although the entry's own column is smaller.
    """

    __slots__ = ("culprit", "inner_column", "places", "problem", "repair")

    def __init__(
        self,
        problem: Problem,
        culprit: int,
        repair: str = BLANK,
        places: Iterable[int] = (),
        inner_column: int = -1,
    ) -> None:
        self.problem = problem
        self.culprit = culprit
        self.repair = repair
        self.places = list(places)
        self.inner_column = inner_column


def explain(failure: Failure) -> Finding:
    """What the error is, and how to go on after it."""
    for case in (_tab, _quoted, _flow, _value, _line):
        finding = case(failure)
        if finding is not None:
            return finding
    return _finding(
        failure,
        "this line is not valid YAML",
        failure.offset,
        max(failure.line_end(failure.offset), failure.offset),
        "check its indentation, and quote values with special characters",
    )


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that is most likely meant by a misspelt one."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return close[0] if close else None


def _finding(
    failure: Failure,
    message: str,
    start: int,
    end: int,
    help: str,
    *,
    repair: str = BLANK,
    places: Iterable[int] = (),
    culprit: int | None = None,
    related: tuple[tuple[Span, str], ...] = (),
    inner_column: int = -1,
) -> Finding:
    size = len(failure.file.text)
    start = min(start, size)
    span = Span(failure.file, start, max(start, min(end, size)))
    problem = Problem("yaml-syntax", message, span, help, related)
    return Finding(problem, start if culprit is None else culprit, repair, places, inner_column)


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"


def _tab(failure: Failure) -> Finding | None:
    start = failure.line_start(failure.offset)
    line = failure.text[start : start + len(failure.line_of(failure.offset))]
    lead = line[: len(line) - len(line.lstrip(" \t"))]
    if "\t" in lead:
        return _finding(
            failure,
            "a tab is used for indentation",
            start + lead.index("\t"),
            start + len(lead.rstrip(" ")),
            "indent with spaces: YAML allows no tabs there",
            repair=UNTAB,
        )
    if failure.text.startswith("\t", failure.offset):
        return _finding(
            failure,
            "a tab stands before a token",
            failure.offset,
            failure.offset + 1,
            "use spaces instead",
        )
    return None


def _quoted(failure: Failure) -> Finding | None:
    text = failure.file.text
    if "quoted scalar" in failure.context and failure.opened is not None:
        quote = text[failure.opened]
        if "unexpected" in failure.problem:
            return _unclosed_quote(failure, failure.opened)
        places = [
            match.start()
            for match in _ESCAPE.finditer(text, failure.opened, failure.line_end(failure.offset))
            if match[1] is None and match.start() >= failure.offset - 1
        ] or [failure.offset]
        bad = text[places[0] : places[0] + 2]
        return _finding(
            failure,
            f"`{bad}` is no escape sequence",
            places[0],
            places[0] + len(bad),
            f"write `\\\\` for a backslash, or use single quotes in place of {quote}",
            repair=SUBSTITUTE,
            places=places,
        )
    if failure.token_kind == "quoted" and failure.token is not None:
        start, end = failure.token
        if failure.same_line(end, failure.offset) and not text[end : failure.offset].strip():
            if not failure.same_line(start, end):
                after = text[start:end].splitlines()[1:]
                if any(_ENTRY.match(line) for line in after):
                    return _unclosed_quote(failure, start)
            if failure.flow is None and failure.offset < failure.line_end(end):
                if text[start] == "'":
                    help = (
                        "write `''` for a quote inside single quotes, or put the whole value in double quotes"
                    )
                else:
                    help = 'write `\\"` for a quote inside double quotes, or put the whole value in single quotes'
                return _text_after(failure, start, end, "the closing quote", help)
    return None


def _unclosed_quote(failure: Failure, opening: int) -> Finding:
    text = failure.file.text
    while text[opening] not in "'\"" and opening < len(text) - 1:
        opening += 1
    quote = text[opening]
    return _finding(
        failure,
        f"the quote `{quote}` is never closed",
        opening,
        failure.line_end(opening),
        f"add a closing `{quote}` at the end of the value",
        repair=SUBSTITUTE,
        places=(opening,),
    )


def _text_after(failure: Failure, start: int, end: int, what: str, help: str) -> Finding:
    end_of_line = failure.line_end(failure.offset)
    return _finding(
        failure,
        f"`{_shorten(failure.file.text[failure.offset : end_of_line])}` stands after {what}",
        failure.offset,
        end_of_line,
        help,
        repair=SUBSTITUTE,
        places=(start,),
        culprit=start,
        related=((Span(failure.file, start, end), "this is the whole value to YAML"),),
    )


def _flow(failure: Failure) -> Finding | None:
    if failure.flow is None and not failure.context.startswith("while parsing a flow"):
        return None
    opening = failure.flow if failure.flow is not None else failure.opened
    if opening is None:
        return None
    text, offset = failure.file.text, failure.offset
    line = failure.line_start(offset)
    hole = max(text.rfind("${{", line, offset + 2), text.rfind("$<<", line, offset + 2))
    if hole >= 0:
        match = _HOLE.match(failure.text, hole)
        if match and hole < offset <= match.end():
            opening_delimiter = match[0][:3]
            other = ", or write `$<< … >>`" if opening_delimiter == "${{" else ""
            places = [hole + m.start() for m in _FLOW_MEANING.finditer(match[0])]
            return _finding(
                failure,
                "this expression cannot stand without quotes inside `[ ]` or `{ }`",
                hole,
                match.end(),
                f"put it in quotes{other}",
                repair=SUBSTITUTE,
                places=places,
            )
    bracket = text[opening] if text[opening] in "[{" else "["
    closing = "]" if bracket == "[" else "}"
    entry = failure.line_of(opening)
    indent = len(entry) - len(entry.lstrip())
    here = failure.line_of(offset)
    ended = offset >= len(text.rstrip()) or (
        not failure.same_line(opening, offset) and len(here) - len(here.lstrip()) <= indent
    )
    if ended or ("simple key" in failure.context and not failure.same_line(opening, offset)):
        return _finding(
            failure,
            f"this `{bracket}` is never closed",
            opening,
            opening + 1,
            f"add the closing `{closing}`",
            related=(
                (Span(failure.file, min(offset, len(text)), min(offset + 1, len(text))), "noticed here"),
            )
            if offset < len(text)
            else (),
        )
    word = re.compile(r"\S+").match(text, offset)
    return _finding(
        failure,
        f"expected `,` or `{closing}` before `{_shorten(word[0] if word else text[offset : offset + 1])}`",
        offset,
        word.end() if word else offset + 1,
        f"separate the items with `,`, close the bracket with `{closing}`, or quote the value",
        related=((Span(failure.file, opening, opening + 1), "the bracket opens here"),),
        culprit=opening,
    )


_INDICATORS = {
    "@": "a value cannot start with `@`",
    "`": "a value cannot start with a backtick",
    "%": "a value cannot start with `%`",
    "*": "a value that starts with `*` is an alias to YAML, and this is no name of one",
    "&": "a value that starts with `&` is an anchor to YAML, and this is no name of one",
    "!": "a value that starts with `!` is a tag to YAML",
    "|": "text cannot follow `|` on its line",
    ">": "text cannot follow `>` on its line",
    "]": "`]` closes no bracket",
    "}": "`}` closes no bracket",
    ",": "a value cannot start with `,`",
}


def _value(failure: Failure) -> Finding | None:
    """A value that cannot stand without quotes."""
    text = failure.file.text
    start = failure.offset
    if failure.opened is not None and ("scanning a" in failure.context or "parsing a tag" in failure.context):
        if any(word in failure.context for word in ("alias", "anchor", "tag", "block scalar", "directive")):
            start = failure.opened
    elif failure.token_kind in ("flow", "alias") and failure.token is not None:
        first, end = failure.token
        if failure.same_line(end, start) and not text[end:start].strip() and start < failure.line_end(end):
            if text.startswith("{{", first):
                return _finding(
                    failure,
                    "a value that starts with `{{` is a map to YAML, not text",
                    first,
                    failure.line_end(start),
                    "put the whole value in quotes; an expression is written `${{ … }}`",
                    repair=SUBSTITUTE,
                    places=(first,),
                )
            what = "the alias" if failure.token_kind == "alias" else "the closing bracket"
            rest = text[start : failure.line_end(start)]
            extra = not rest.strip("]} ,")
            help = "remove it" if extra else "put the whole value in quotes"
            return _text_after(failure, first, end, what, help)
    char = text[start : start + 1]
    if char in _INDICATORS and failure.text[start] == char and not _misplaced_key(failure):
        if char == "%" and start == failure.line_start(start):
            message, help = (
                "a line that starts with `%` is a directive to YAML",
                "indent it, or put the text in quotes",
            )
            return _finding(failure, message, start, failure.line_end(start), help)
        help = "put the value in quotes"
        if char in "|>":
            help = f"start the text on the next line, or put a value that starts with `{char}` in quotes"
        elif char in "]}":
            help = "remove it, or quote the value"
        return _finding(
            failure,
            _INDICATORS[char],
            start,
            failure.line_end(start),
            help,
            repair=SUBSTITUTE,
            places=(start,),
        )
    return None


def _misplaced_key(failure: Failure) -> bool:
    return "mapping values" in failure.problem or "simple key" in failure.context


def _line(failure: Failure) -> Finding | None:
    """A line that does not fit where it stands."""
    if "mapping values" in failure.problem:
        return _colon(failure)
    if "simple key" in failure.context and failure.opened is not None:
        return _no_colon(failure, failure.opened)
    if "sequence entries" in failure.problem:
        return _finding(
            failure,
            "a list cannot start on the line of its key",
            failure.offset,
            failure.line_end(failure.offset),
            "put each `- item` on a line of its own below the key, or write `key: [item, item]`",
        )
    first = failure.line_start(failure.offset)
    line = failure.line_of(failure.offset)
    if failure.offset == first + len(line) - len(line.lstrip()) and line.strip():
        return _indentation(failure, line)
    return None


def _glued(failure: Failure, line_start: int) -> Finding | None:
    match = _GLUED.match(failure.file.text, line_start)
    if match is None:
        return None
    key, rest = match[1], failure.file.text[match.end() : failure.line_end(line_start)]
    return _finding(
        failure,
        f"no space after the colon of `{key}`",
        match.end() - 1,
        match.end(),
        f"write `{key}: {_shorten(rest)}`",
        culprit=match.start(1),
    )


def _no_colon(failure: Failure, start: int) -> Finding:
    glued = _glued(failure, failure.line_start(start))
    if glued is not None:
        return glued
    end = failure.line_end(start)
    words = _shorten(failure.file.text[start:end])
    return _finding(
        failure,
        f"`{words}` is no `key: value`",
        start,
        end,
        "add the colon and a value; a text that goes on here must be indented deeper than its key",
    )


def _colon(failure: Failure) -> Finding:
    text, offset = failure.file.text, failure.offset
    token = failure.token
    if token is not None and failure.token_kind == "plain" and token[0] < offset:
        start, end = token
        if failure.same_line(start, offset):
            return _finding(
                failure,
                "a value with `: ` in it needs quotes",
                start,
                failure.line_end(offset),
                "put the whole value in quotes",
                repair=SUBSTITUTE,
                places=(offset,),
            )
        if not text[end:offset].strip(" \t"):
            return _continued(failure, start)
    key = _KEY.match(text, failure.line_start(offset))
    start = key.start(1) if key and key.start(1) < offset else offset
    name = _shorten(text[start:offset]) or ":"
    return _finding(
        failure,
        f"key `{name}` cannot stand here",
        start,
        offset + 1,
        "check its indentation, or quote the value if it is text",
    )


def _continued(failure: Failure, start: int) -> Finding:
    """A key that the parser took for the next line of a plain text."""
    text, offset = failure.file.text, failure.offset
    first = failure.line_start(start)
    if not text[first:start].strip(" \t-"):
        glued = _glued(failure, first)
        if glued is not None:
            return glued
        end = failure.line_end(start)
        word = _shorten(text[start:end])
        if parted := re.match(r"([\w-]+)[ \t]+(?=[\[{\"'])", text[start:end]):
            shown = _shorten(f"{parted[1]}: {text[start + parted.end() : end]}")
            return _finding(
                failure, f"`{parted[1]}` lacks its colon", start, start + len(parted[1]), f"write `{shown}`"
            )
        return _finding(failure, f"`{word}` lacks its colon", start, end, f"write `{word}:`")
    here = failure.line_start(offset)
    line = failure.line_of(offset)
    begin = here + len(line) - len(line.lstrip())
    above = _KEY.match(text, first)
    owner = f" of `{above[1]}`" if above else ""
    return _finding(
        failure,
        f"`{_shorten(text[begin:offset])}` is indented like a part of the text{owner}",
        begin,
        offset + 1,
        "indent it like the keys around it; or, for a map, leave the line above without a value",
        related=(
            (Span(failure.file, start, max(start, failure.line_end(start))), "this text goes on to YAML"),
        ),
    )


def _indentation(failure: Failure, line: str) -> Finding:
    """A line whose indentation matches none of the blocks above it."""
    text, offset = failure.file.text, failure.offset
    column = len(line) - len(line.lstrip())
    end = failure.line_end(offset)
    block = failure.opened
    related: tuple[tuple[Span, str], ...] = ()
    outer = -1
    if block is not None and "block" in failure.context:
        outer = block - failure.line_start(block)
        related = (
            (Span(failure.file, block, failure.line_end(block)), f"this block is indented by {outer}"),
        )
    is_item = line.lstrip().startswith(("- ", "-\n")) or line.strip() == "-"
    key = _KEY.match(line)
    name = "this list item" if is_item else f"`{key[1]}`" if key else f"`{_shorten(text[offset:end])}`"
    inner = _sibling_indent(failure, offset, column)
    if outer == column and not is_item and "'-'" in failure.problem:
        message, help = f"{name} stands among the items of a list", "indent it deeper, or start it with `- `"
    elif outer == column and is_item:
        message, help = f"{name} stands among the keys of a map", "indent it below the key that it belongs to"
    else:
        message = f"{name} is indented by {column}, which fits no block above"
        choices = sorted({indent for indent in (outer, inner) if 0 <= indent != column})
        words = " or ".join(str(indent) for indent in choices)
        help = f"indent it by {words}" if words else "indent it like the lines it belongs to"
    return _finding(failure, message, offset, end, help, related=related, inner_column=max(outer, -1))


def _sibling_indent(failure: Failure, offset: int, column: int) -> int:
    """The smallest deeper indentation among the lines right above: that of the block just left."""
    number = failure.file.position(offset)[0]
    best = -1
    for above in range(number - 1, 0, -1):
        line = failure.file.line_text(above)
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if indent <= column:
            break
        best = indent if best < 0 else min(best, indent)
    return best
