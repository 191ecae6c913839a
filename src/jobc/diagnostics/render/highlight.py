"""The colours of source lines: Pygments tokens of the whole file, so that a line is coloured as what it is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from jobc.source.file import SourceFile

#: Longer files are shown without colours: lexing them would take longer than linting them.
_LONGEST = 400_000

#: Pygments' short token names → escape codes; a token takes those of its nearest ancestor here.
_CODES = {
    "c": "2",
    "k": "35",
    "kc": "36",
    "kt": "36",
    "nt": "34",
    "na": "34",
    "nb": "36",
    "nf": "36",
    "nv": "33",
    "s": "32",
    "m": "36",
    "o": "35",
    "si": "1;35",
    "cp": "1;35",
}


class Highlighter:
    """Calling it with a file and a line's number (from 1) gives the escape codes of each character of the line."""

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens: dict[int, tuple[SourceFile, list[int], list[str]]] = {}

    def __call__(self, file: SourceFile, number: int) -> Sequence[str]:
        if len(file.text) > _LONGEST:
            return ()
        known = self._tokens.get(id(file))
        if known is None:
            known = self._tokens[id(file)] = (file, *_tokens(file.text))
        _, starts, codes = known
        begin = file.line_starts[number - 1]
        index = bisect_right(starts, begin) - 1
        out = []
        for offset in range(begin, begin + len(file.line_text(number))):
            while index + 1 < len(starts) and starts[index + 1] <= offset:
                index += 1
            out.append(codes[index] if index >= 0 else "")
        return out


def _tokens(text: str) -> tuple[list[int], list[str]]:
    from pygments.token import STANDARD_TYPES

    from jobc.diagnostics.lexer import JobcLexer

    starts: list[int] = []
    codes: list[str] = []
    for start, kind, _ in JobcLexer().get_tokens_unprocessed(text):
        code = _code(kind, STANDARD_TYPES)
        if not codes or codes[-1] != code:
            starts.append(start)
            codes.append(code)
    return starts, codes


def _code(kind: Any, names: Mapping[Any, str]) -> str:
    while kind is not None:
        code = _CODES.get(names.get(kind, ""))
        if code is not None:
            return code
        kind = kind.parent
    return ""
