"""The YAML event stream, and the text that is given to the parser.

The parser reads a *stand-in* for the file's text that has the same length, so every mark is an
offset into the file. In the stand-in some characters are replaced by unused private-use characters,
and replaced back in the content of scalars:

- U+0085, U+2028 and U+2029, which the C parser takes for line breaks, as YAML 1.1 did;
- colons and question marks inside text, which it does not take in flow collections, as YAML 1.1
  did not: `{image: python:3.12}`, `[a?b]`;
- characters that recovery takes the syntax from, such as a `@` at the start of a plain value.

A byte order mark becomes an empty line, as the parser does not count it.
The C parser is used where its extension is installed, else the pure one, which gives the same events.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jobc.source.cparser import load

#: The parser takes the square of the depth, so a file is read up to here and no further.
HOPELESS = 1_000

_OTHER_BREAKS = "\x85\u2028\u2029"
_INNER = re.compile(
    r"!<[^>\r\n]*>"
    r"|(?:(?<=[^\s:'\"\[\]{},*&!])|(?<=[\[{,])\s*|(?<=:)[ \t]+)(:+)(?=[^\s,\[\]{}:])"
    r"|(?<=[^\s,\[\]{}:?-])[ \t]*(\?+)"
    r"|(\?+)(?=[^\s,\[\]{}?])"
)
_FLOW_QUESTION = re.compile(r"(?:^[ \t]*|[\[{,]\s*)\?[^\s,\[\]{}]", re.MULTILINE)
_VERSION = re.compile(r"^%YAML[ \t][^\r\n]*", re.MULTILINE)
_PRIVATE_FIRST, _PRIVATE_LAST = 0xE000, 0xF8FF


class Standin:
    """The text the parser reads. `back` maps private characters to the file's; empty if there are none."""

    __slots__ = ("back", "forth", "original", "text")

    def __init__(self, text: str) -> None:
        self.original = text
        self.text = "\n" + text[1:] if text.startswith("\ufeff") else text
        self.back: dict[int, str] = {}
        self.forth: dict[str, str] = {}
        if not text.isascii():
            for char in _OTHER_BREAKS:
                if char in text:
                    self.text = self.text.replace(char, self._private(char))
        if "?" in text and _FLOW_QUESTION.search(text):
            self.free_inner()  # the C parser would take `[?a]` for a key without a word

    def substitute(self, offset: int) -> None:
        """Take its syntax from the character at `offset`; scalars still have it in their text."""
        private = self._private(self.original[offset])
        self.text = self.text[:offset] + private + self.text[offset + 1 :]

    def free_inner(self) -> bool:
        """Substitute the colons and question marks inside text; whether there were any."""
        pieces: list[str] = []
        position = 0
        for match in _INNER.finditer(self.text):
            if match.lastindex:
                chars = match[match.lastindex]
                pieces += (
                    self.text[position : match.end() - len(chars)],
                    self._private(chars[0]) * len(chars),
                )
                position = match.end()
        pieces.append(self.text[position:])
        self.text = "".join(pieces)
        return position > 0

    def blank(self, start: int, end: int) -> None:
        """Replace a range by spaces; its line ends stay."""
        middle = "".join(c if c in "\r\n" else " " for c in self.text[start:end])
        self.text = self.text[:start] + middle + self.text[end:]

    def restore(self, text: str) -> str:
        return text if text.isascii() else text.translate(self.back)

    def _private(self, char: str) -> str:
        private = self.forth.get(char)
        if private is None:
            code = _PRIVATE_FIRST + len(self.back)
            while chr(code) in self.original or code in self.back:
                code = code + 1 if code < _PRIVATE_LAST else 0xF0000
            private = chr(code)
            self.back[code] = char
            self.forth[char] = private
        return private


def pull(standin: Standin) -> Callable[[], Any]:
    """A function that gives the next event each time, and None at the end."""
    parser = load()
    if parser is None:
        return pull_pure(standin.text)
    get: Callable[[], Any] = parser(standin.text).get_event
    return get


def pull_pure(text: str) -> Callable[[], Any]:
    """`pull` with the parser that is written in Python."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.parser import Parser
    from ruamel.yaml.reader import Reader
    from ruamel.yaml.scanner import Scanner

    # It would read the file as YAML 1.1 where a directive says so; the C parser does not.
    text = _VERSION.sub(lambda match: " " * len(match[0]), text)
    loader: Any = YAML(typ="safe", pure=True)
    loader._reader = Reader(text, loader=loader)
    loader._scanner = Scanner(loader=loader)
    loader._parser = Parser(loader=loader)

    def get() -> Any:
        try:
            return loader._parser.get_event() if loader._parser.check_event() else None
        except YAMLError:
            raise
        except Exception as error:
            # The pure scanner lets go of stray exceptions, IndexError for one, on some broken input.
            raise YAMLError(str(error)) from error

    return get
