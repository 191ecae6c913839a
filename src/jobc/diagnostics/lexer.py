"""A Pygments lexer for jobs files: YAML, with expressions in it, and with bash and Python in its scripts.

The lexer is a scanner over YAML tokens as they stand on a line. It keeps three things: where the line's
key stands (a block scalar is what is indented further), the key's name (it says what language a script
is in), and how deep in flow brackets it is. A script is lexed as a whole by Pygments' own lexer with every
expression blanked out, and the expressions' tokens are laid over the result, so that a script's strings and
comments stay intact around them.

Any text goes in and comes out whole: the values of the tokens, joined, are the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

Token = tuple[int, Any, str]

_CONTEXTS = frozenset(
    ("params", "matrix", "strategy", "needs", "stages", "job", "run", "env", "secrets", "item", "vars")
)
_SCRIPTS = {"bash": "bash", "run": "python"}
_CONDITIONS = frozenset(("condition", "if", "until"))
_CLOSERS = {"${{": "}}", "$<<": ">>"}

_OPEN = re.compile(r"\$\$(?:\{\{|<<)|\$\{\{|\$<<")
_KEY = re.compile(
    r"(?:[^\s:#,\[\]{}]|:(?![\s,\[\]{}]|$)|(?<!\s)#|[ ](?![ ]*:))[^\n\r:#{}\[\],]*?(?=[ \t]*:(?:\s|$))"
)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'", re.DOTALL)
_BLOCK = re.compile(r"[|>][-+0-9]*(?=[ \t]*(?:#|\r|\n|$))")
_PROPERTY = re.compile(r"[&*!][^\s,\[\]{}]*")
_END = re.compile(r"[\r\n]")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_NUMBER = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)")
_CONSTANT = re.compile(r"true|false|null|~|True|False|TRUE|FALSE|Null|NULL")

_EXPRESSION = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")
    |(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
    |(?P<name>[A-Za-z_][\w]*(?:-[A-Za-z_]\w*)*)
    |(?P<operator>\?\?|\|\||&&|[=!<>]=|[-+*/%!<>?:|])
    |(?P<mark>[.,()\[\]{}])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


class JobcLexer(Lexer):
    """YAML jobs files with `${{ }}` and `$<< >>` expressions and embedded scripts."""

    name = "jobc"
    aliases: ClassVar[list[str]] = ["jobc"]
    filenames: ClassVar[list[str]] = ["*.job.yml", "*.jobs.yml"]
    mimetypes: ClassVar[list[str]] = ["text/x-jobc"]
    url = "https://jobc.readthedocs.io"
    #: Above the YAML lexer, which knows these file names' endings too.
    priority = 0.5

    def get_tokens_unprocessed(self, text: str) -> Iterator[Token]:
        return _whole(_Scanner(text).tokens(), text)

    @staticmethod
    def analyse_text(text: str) -> float:
        return 0.4 if re.search(r"^[ -]*(?:stages|runs[-_]on|trigger[-_]rule):", text, re.MULTILINE) else 0.0


class _Scanner:
    """`indent` is the column of the line's innermost key or dash, `key` the last key's name, `flow` a depth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line_start = 0
        self.line_end = 0
        self.indent = 0
        self.key = ""
        self.flow = 0
        self.fresh = True

    def tokens(self) -> Iterator[Token]:
        text = self.text
        while self.position < len(text):
            start = self.position
            char = text[start]
            if char in "\r\n":
                self.line_start, self.fresh = start + 1, True
                yield self._token(Whitespace, start + 1)
            elif char in " \t":
                end = start + 1
                while end < len(text) and text[end] in " \t":
                    end += 1
                yield self._token(Whitespace, end)
            elif char == "#" and (start == self.line_start or text[start - 1] in " \t"):
                yield self._token(Comment.Single, _line_end(text, start))
            elif start == self.line_start and text[start : start + 3] in ("---", "..."):
                yield self._token(Name.Namespace, start + 3)
            elif (
                char in "-?" and not self.flow and text[start + 1 : start + 2] in ("", " ", "\t", "\r", "\n")
            ):
                self.indent, self.key, self.fresh = start - self.line_start, "", True
                yield self._token(Punctuation.Indicator, start + 1)
            elif char in "[{":
                self.flow += 1
                self.fresh = True
                yield self._token(Punctuation.Indicator, start + 1)
            elif char in "]}," and (self.flow or char == ","):
                self.flow -= char != "," and self.flow > 0
                self.fresh = True
                yield self._token(Punctuation.Indicator, start + 1)
            elif char == ":":
                yield self._token(Punctuation, start + 1)
            elif char in "&*!" and (found := _PROPERTY.match(text, start)):
                kind = {"&": Name.Label, "*": Name.Variable, "!": Keyword.Type}[char]
                yield self._token(kind, found.end())
            elif char in "|>" and not self.flow and (found := _BLOCK.match(text, start)):
                yield self._token(Punctuation.Indicator, found.end())
                yield from self._block()
            elif char in "\"'" and (found := _QUOTED.match(text, start)):
                yield from self._quoted(found.end())
            else:
                yield from self._plain()

    def _token(self, kind: Any, end: int) -> Token:
        start = self.position
        self.position = end
        return start, kind, self.text[start:end]

    def _quoted(self, end: int) -> Iterator[Token]:
        start = self.position
        rest = self.text[end : end + 2].lstrip(" \t")
        if self.fresh and rest[:1] == ":":
            self._take_key(self.text[start + 1 : end - 1])
            yield self._token(Name.Tag, end)
            return
        kind = String.Double if self.text[start] == '"' else String.Single
        self.position = end
        newline = max(self.text.rfind("\n", start, end), self.text.rfind("\r", start, end))
        if newline >= 0:
            self.line_start = newline + 1
        yield from _template(self.text, start, end, kind)

    def _take_key(self, name: str) -> None:
        self.key = name
        self.fresh = False
        if not self.flow:
            self.indent = self.position - self.line_start

    def _plain(self) -> Iterator[Token]:
        start = self.position
        if self.fresh and not _OPEN.match(self.text, start):
            found = _KEY.match(self.text, start)
            if found and found.end() > start:
                self._take_key(found.group())
                yield self._token(Name.Tag, found.end())
                return
        end = self._plain_end(start)
        self.position = end
        self.fresh = self.flow > 0
        words = self.text[start:end]
        language = _SCRIPTS.get(self.key)
        if language and not self.flow:
            yield from _script(self.text, start, end, language)
        elif self.key in _CONDITIONS and not _OPEN.search(words):
            yield from _expression(words, start)
        elif _CONSTANT.fullmatch(words):
            yield start, Keyword.Constant, words
        elif _NUMBER.fullmatch(words):
            yield start, Number, words
        else:
            yield from _template(self.text, start, end, Literal.Scalar.Plain)

    def _plain_end(self, start: int) -> int:
        """Where a plain scalar ends on its line; the inside of an expression does not end it."""
        text = self.text
        if self.line_end <= start:
            self.line_end = _line_end(text, start)
        limit = self.line_end
        position = start
        closed = True
        while position < limit:
            char = text[position]
            opened = _OPEN.match(text, position) if char == "$" and closed else None
            if opened is not None:
                position = opened.end()
                if opened.group() in _CLOSERS:
                    close = _hole_end(text, opened.group(), position, limit)
                    closed = close is not None
                    position = close or position
                continue
            if char == "#" and text[position - 1] in " \t" and position > start:
                break
            if self.flow and (
                char in ",[]{}" or (char == ":" and text[position + 1 : position + 2] in " \t\r\n")
            ):
                break
            position += 1
        end = position
        while end > start + 1 and text[end - 1] in " \t":
            end -= 1
        return max(end, start + 1)

    def _block(self) -> Iterator[Token]:
        """What follows a block scalar's header: the rest of its line, then every line indented further."""
        text = self.text
        start = self.position
        end = _line_end(text, start)
        words = text[start:end]
        blank = len(words) - len(words.lstrip(" \t"))
        if blank:
            yield self._token(Whitespace, start + blank)
        if self.position < end:
            yield self._token(Comment.Single, end)
        first = _LINE.match(text, end)
        if first and first.end() > end:
            yield self._token(Whitespace, first.end())
        begin = position = self.position
        top = text.startswith("---", self.line_start)
        while position < len(text):
            line = _LINE.match(text, position)
            assert line is not None
            content = line.group().rstrip("\r\n")
            inside = len(content) - len(content.lstrip(" "))
            if content.strip(" ") and inside <= self.indent and not top:
                break
            position = line.end()
        self.position = self.line_start = position
        self.fresh = True
        language = _SCRIPTS.get(self.key)
        if language:
            yield from _script(text, begin, position, language)
        else:
            yield from _template(text, begin, position, String)


def _line_end(text: str, start: int) -> int:
    found = _END.search(text, start)
    return found.start() if found else len(text)


def _hole_end(text: str, opener: str, start: int, limit: int) -> int | None:
    """Where the expression opened before `start` ends, its closer included; None where it does not."""
    closer = _CLOSERS[opener]
    if text.find(closer, start, limit) < 0:
        return None
    depth = 0
    position = start
    while position < limit:
        char = text[position]
        if depth <= 0 and text.startswith(closer, position) and position + 2 <= limit:
            return position + 2
        if char in "\"'":
            quoted = _QUOTED.match(text, position, limit)
            position = quoted.end() if quoted else position + 1
            continue
        depth += (char == "{") - (char == "}")
        position += 1
    return None


def _holes(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The places of the expressions, up to one that is not closed: what follows that could be anything."""
    position = start
    while found := _OPEN.search(text, position, end):
        position = found.end()
        if found.group() in _CLOSERS:
            close = _hole_end(text, found.group(), position, end)
            if close is None:
                return
            yield found.start(), close
            position = close


def _template(text: str, start: int, end: int, kind: Any) -> Iterator[Token]:
    position = start
    for begin, close in _holes(text, start, end):
        if begin > position:
            yield position, kind, text[position:begin]
        yield from _hole(text, begin, close)
        position = close
    if position < end:
        yield position, kind, text[position:end]


def _hole(text: str, start: int, end: int) -> Iterator[Token]:
    yield start, String.Interpol, text[start : start + 3]
    yield from _expression(text[start + 3 : end - 2], start + 3)
    yield end - 2, String.Interpol, text[end - 2 : end]


def _expression(source: str, offset: int) -> Iterator[Token]:
    before = ""
    for found in _EXPRESSION.finditer(source):
        words = found.group()
        kind: Any = Text
        if found.lastgroup == "name":
            kind = _name(words, before, source[found.end() :].lstrip()[:1])
        else:
            kinds = {
                "space": Whitespace,
                "string": String,
                "number": Number,
                "operator": Operator,
                "mark": Punctuation,
            }
            kind = kinds.get(found.lastgroup or "", Text)
        if found.lastgroup != "space":
            before = words
        yield offset + found.start(), kind, words


def _name(word: str, before: str, following: str) -> Any:
    if following == "(" or before == "|":
        return Name.Function
    if before == ".":
        return Name.Attribute
    if word in ("and", "or", "not", "in"):
        return Operator.Word
    if word in ("true", "false", "null", "True", "False", "None"):
        return Keyword.Constant
    return Name.Builtin if word in _CONTEXTS else Name


def _script(text: str, start: int, end: int, language: str) -> Iterator[Token]:
    """A script's tokens with the expressions' laid over them."""
    lexer: Lexer
    if language == "bash":
        from pygments.lexers.shell import BashLexer

        lexer = BashLexer()
    else:
        from pygments.lexers.python import PythonLexer

        lexer = PythonLexer()
    holes = list(_holes(text, start, end))
    blanked = []
    position = start
    for begin, close in holes:
        blanked.append(text[position:begin] + "_" * (close - begin))
        position = close
    blanked.append(text[position:end])
    source = "".join(blanked)
    holes.append((end, end))
    index = 0
    for offset, kind, words in _whole(iter(lexer.get_tokens_unprocessed(source)), source):
        at, last = start + offset, start + offset + len(words)
        while at < last:
            begin, close = holes[index]
            if at < begin:
                stop = min(begin, last)
                yield at, kind, text[at:stop]
                at = stop
                continue
            if at == begin:
                yield from _hole(text, begin, close)
            at = min(close, last)
            index += at == close


def _whole(tokens: Iterator[Token], text: str) -> Iterator[Token]:
    """The tokens, with what they leave out of `text` as plain text between them, and nothing twice."""
    position = 0
    for offset, kind, words in tokens:
        if offset > position:
            yield position, Text, text[position:offset]
        if words and offset >= position:
            yield offset, kind, words
            position = offset + len(words)
    if position < len(text):
        yield position, Text, text[position:]
