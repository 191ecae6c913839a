"""Why a text is no expression, in words: what stands where, what was expected there, and what was probably meant.

The parser only knows the token that it cannot take and which ones it could. The explanation looks at that token,
the one before it, and the brackets and `?` that are still open. First come slips that have a known remedy (operators
of other languages, quotes of word processors), then what is missing, then what is too much.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from jobc.syntax.lalr import END, MAX_DEPTH, UNKNOWN, Rejected, Token

Related = tuple[int, int, str]

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_OPENERS = {closer: opener for opener, closer in _CLOSERS.items()}
_VALUE_ENDS = frozenset(
    ("NAME", "INT", "FLOAT", "SINGLE", "DOUBLE", "TRUE", "FALSE", "NULL", "PY_TRUE", "PY_FALSE", "PY_NONE")
)
_OPERATORS = frozenset(
    (
        "||",
        "&&",
        "??",
        "?",
        ":",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "|",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=",
        "or",
        "and",
        "not",
        "in",
    )
)
_QUOTES = {"‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'"}


class ExpressionSyntaxError(Exception):
    """`message` states the finding, `help` the remedy; `index:end` are the characters of the text that it is about.

    `related` are (start, end, words) of other places in the text.
    """

    def __init__(
        self, message: str, index: int, end: int, *, help: str = "", related: tuple[Related, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.index = index
        self.end = end
        self.help = help
        self.related = related


def explain(
    source: str, tokens: list[Token], rejected: Rejected, expected: Collection[str]
) -> ExpressionSyntaxError:
    """The error for the token at which the parser stopped; `expected` are the terminals that it could have taken."""
    if rejected.too_deep:
        return ExpressionSyntaxError(
            f"the expression is nested more than {MAX_DEPTH} levels deep",
            0,
            len(source.rstrip()),
            help="split it: give its parts names in `vars` or `outputs`",
        )
    found = _Rejection(source, tokens, rejected.index, expected)
    return found.unknown() or found.foreign() or found.missing() or found.surplus()


class _Rejection:
    """The rejected token, with what stands before it."""

    def __init__(self, source: str, tokens: list[Token], index: int, expected: Collection[str]) -> None:
        self.source = source
        self.kind, self.text, self.start, self.end = tokens[index]
        self.before = tokens[index - 1] if index else None
        if self.kind == END and self.before is not None:
            self.start = self.end = self.before[3]
        self.expected = expected
        self.tokens = tokens[:index]
        self.open, self.inside = _open_brackets(self.tokens)

    def error(
        self, message: str, help: str, related: tuple[Related, ...] = (), *, start: int | None = None
    ) -> ExpressionSyntaxError:
        begin = self.start if start is None else start
        return ExpressionSyntaxError(message, begin, max(self.end, begin), help=help, related=related)

    @property
    def after_value(self) -> bool:
        return self.before is not None and (self.before[0] in _VALUE_ENDS or self.before[1] in _OPENERS)

    def touches(self, text: str) -> bool:
        """Whether the token before is `text` and stands without a blank between."""
        return self.before is not None and self.before[1] == text and self.before[3] == self.start

    # -- slips with a known remedy ------------------------------------------------------------------------

    def unknown(self) -> ExpressionSyntaxError | None:
        """A character that begins no token."""
        if self.kind != UNKNOWN:
            return None
        text = self.text
        if text in ("'", '"'):
            return self._unterminated(text)
        if text in _QUOTES:
            return self.error(f"`{text}` is no quote of expressions", "write `'` around text")
        if text == "&":
            if self.touches("&&"):
                return self.error("`&&&` is not an operator", "did you mean `&&`?")
            return self.error("a single `&` is not an operator", "did you mean `&&`?")
        if text == "$":
            if self.source.startswith(("${{", "$<<"), self.start):
                return self.error(
                    f"`{self.source[self.start : self.start + 3]}` inside an expression",
                    "leave the inner delimiters out: names stand for their values here",
                )
            return self.error("`$` has no meaning in an expression", "write `env.NAME` or `params.name`")
        if text == "#":
            return self.error("an expression cannot hold a comment", "put it on a YAML line of its own")
        if text == ";":
            return self.error("an expression is one value, without `;`", "leave it out")
        shown = text if text.isprintable() else f"U+{ord(text):04X}"
        return self.error(
            f"the character `{shown}` has no meaning in an expression", "text needs quotes: `'…'`"
        )

    def _unterminated(self, quote: str) -> ExpressionSyntaxError:
        twice = "''" if quote == "'" else '\\"'
        hint = f"close it, and write `{twice}` for a quote inside it"
        end = len(self.source.rstrip())
        if self.after_value and self.before is not None and self.before[0] == "NAME" and len(self.tokens) > 1:
            earlier = self.tokens[-2]
            if earlier[0] in ("SINGLE", "DOUBLE") and earlier[3] == self.before[2]:
                hint = f"a quote inside text is written `{twice}`"
        return ExpressionSyntaxError(
            f"the text that begins here has no closing `{quote}`",
            self.start,
            max(end, self.start + 1),
            help=hint,
        )

    def foreign(self) -> ExpressionSyntaxError | None:
        """Operators and words of other languages."""
        two = self.source[self.start - 1 : self.end] if self.start else ""
        if self.text == "=":
            return self._equals_sign()
        if two == "<>":
            return self.error("`<>` is not an operator", "did you mean `!=`?", start=self.start - 1)
        if two == "**":
            return self.error("there is no operator `**`", "write the product out", start=self.start - 1)
        if two == "//":
            return self.error("there is no operator `//`", "`/` divides", start=self.start - 1)
        if two == "?.":
            return self.error(
                "there is no operator `?.`", "write `.`: a property of null is null", start=self.start - 1
            )
        if self.text == "*" and self.before is not None and self.before[1] in (".", "["):
            return self.error("there is no `*` property", "give the index or the key")
        if self.before is not None and self.before[1] == "." and self.kind in ("INT", "FLOAT"):
            word = re.compile(r"[\w-]+").match(self.source, self.start)
            key = word.group() if word else self.text
            written = key if key.isdigit() else f"'{key}'"
            return ExpressionSyntaxError(
                f"a name after `.` cannot begin with a digit: `{key}`",
                self.start,
                self.start + len(key),
                help=f"write `[{written}]` without the dot",
            )
        if self.text in (".", "[") and len(self.tokens) > 1 and self.tokens[-2][1] == "|":
            name = _short(self.before[1]) if self.before else ""
            return self.error(
                f"a filter is one name, but `{name}` goes on with `{self.text}`",
                "for `or` write `||`; put parentheses around the filter's value to go on from it",
            )
        if self.kind == "COMPARE" and self.after_value:
            return self._chained()
        if self.text in ("!", "not") and self.before is not None and self.before[1] in _OPERATORS:
            return self.error(
                f"`{self.text}` cannot stand after `{self.before[1]}`",
                f"put it into parentheses: `({self.text}{' ' if self.text == 'not' else ''}…)`",
            )
        if self.after_value:
            return self._foreign_word()
        return None

    def _equals_sign(self) -> ExpressionSyntaxError:
        before = self.source[: self.start]
        if before.endswith(("==", "!=")) and self.before is not None and self.before[3] == self.start:
            operator = before[-2:]
            return self.error(
                f"`{operator}=` is not an operator", f"did you mean `{operator}`?", start=self.start - 2
            )
        if self.source.startswith(("=>", "=<"), self.start):
            meant = ">=" if self.source[self.start + 1] == ">" else "<="
            return ExpressionSyntaxError(
                f"`{self.source[self.start : self.start + 2]}` is not an operator",
                self.start,
                self.start + 2,
                help=f"did you mean `{meant}`?",
            )
        return self.error("a single `=` does not compare", "did you mean `==`?")

    def _chained(self) -> ExpressionSyntaxError:
        related: tuple[Related, ...] = ()
        for kind, text, start, end in reversed(self.tokens):
            if kind == "COMPARE" or text == "in":
                related = ((start, end, "the first comparison"),)
                break
        return self.error("comparisons cannot be chained", "write `a < b && b < c`", related)

    def _foreign_word(self) -> ExpressionSyntaxError | None:
        word = self.text.lower()
        if word == "if" and self.kind == "NAME":
            return self.error("`x if c else y` is not the form of a choice", "write `c ? x : y`")
        if word in ("then", "else", "elif"):
            return self.error(
                f"`{self.text}` has no meaning in an expression", "write `condition ? value : other`"
            )
        if word == "is":
            return self.error("`is` is not an operator", "write `==` (or `!=` for `is not`)")
        if word in ("eq", "equals"):
            return self.error(f"`{self.text}` is not an operator", "write `==`")
        if word in ("for", "lambda"):
            return self.error(
                f"`{self.text}` has no meaning in an expression", "compute the list in a Python stage"
            )
        if word in ("or", "and") and self.kind == "NAME":
            return self.error(f"`{self.text}` is not an operator", f"write `{word}`")
        return None

    # -- what is missing ----------------------------------------------------------------------------------

    def missing(self) -> ExpressionSyntaxError | None:
        """The text, a bracket or an operation ends before it is complete."""
        if self.before is None and self.kind == END:
            return self.error("the expression is empty", "write a value, such as `params.name`", start=0)
        ends = self.kind == END or self.text in _OPENERS or self.text == ","
        if self.before is None:
            return None
        _, previous, start, _ = self.before
        if previous == ".":
            return self.error(f"expected a name after `.`{self._instead}", "write the name of the property")
        if previous == "|":
            meant = "; for `or` write `||`" if not ends else ""
            return self.error(
                f"expected the name of a filter after `|`{self._instead}", f"write one, such as `json`{meant}"
            )
        if self.open and self.open[-1][1] == "{":
            problem = self._map_entry()
            if problem is not None:
                return problem
        if not self.after_value and not (previous in _CLOSERS and self.text == _CLOSERS[previous]):
            if previous in _OPERATORS or previous == ",":
                words = f"expected a value after `{previous}`{self._instead}"
                return self.error(words, f"write it, or leave the `{previous}` out")
            if previous in _CLOSERS:
                if self.kind == END:
                    return self._unclosed()
                return self.error(f"expected a value after `{previous}`{self._instead}", "write one")
        if previous == "(" and self.text == ")":
            return self.error(
                "expected a value between `(` and `)`", "write one, or leave the parentheses out", start=start
            )
        if previous == "[" and self.text == "]":
            return self.error(
                "expected an index between `[` and `]`", "write one, such as `[0]`", start=start
            )
        if "COLON" in self.expected and self.inside and ends:
            mark = self.inside[-1]
            return self.error(
                f"expected `:` and a second value for `?`{self._instead}",
                "write `condition ? value : other`",
                ((mark[2], mark[3], "the choice begins here"),),
            )
        if ends and self.open and self.text != _CLOSERS[self.open[-1][1]] and self.text != ",":
            return self._unclosed()
        return None

    @property
    def _instead(self) -> str:
        return "" if self.kind in (END, UNKNOWN) else f", but found `{_short(self.text)}`"

    def _unclosed(self) -> ExpressionSyntaxError:
        token = self.open[-1]
        closer = _CLOSERS[token[1]]
        what, name = self._opened()
        return self.error(
            f"expected `{closer}` to close {what}{self._instead}",
            f"write `{closer}` where it ends",
            ((name, token[3], "opened here"),),
        )

    def _opened(self) -> tuple[str, int]:
        """What the innermost open bracket is, and where it begins."""
        token = self.open[-1]
        index = next(i for i, t in enumerate(self.tokens) if t is token)
        if token[1] == "{":
            return "the map", token[2]
        previous = self.tokens[index - 1] if index else None
        follows = previous is not None and (previous[0] in _VALUE_ENDS or previous[1] in _OPENERS)
        if token[1] == "(":
            if previous is not None and follows and previous[0] == "NAME":
                return f"the call of `{previous[1]}`", previous[2]
            return "the parenthesis", token[2]
        return ("the index" if follows else "the list"), token[2]

    def _map_entry(self) -> ExpressionSyntaxError | None:
        assert self.before is not None
        if self.before[1] in ("{", ",") and self.kind != END:
            return self.error(
                f"expected a key{self._instead}",
                "a key is a word or text: `{name: value}` or `{'a name': value}`",
            )
        earlier = self.tokens[-2][1] if len(self.tokens) > 1 else ""
        if (
            earlier in ("{", ",")
            and self.text != ":"
            and self.before[0] in (*_VALUE_ENDS, "OR", "AND", "NOT", "IN")
        ):
            return self.error(
                f"expected `:` after the key `{_short(self.before[1])}`{self._instead}", "write `key: value`"
            )
        return None

    # -- what is too much ---------------------------------------------------------------------------------

    def surplus(self) -> ExpressionSyntaxError:
        """A token that cannot stand here whatever follows."""
        text = _short(self.text)
        if self.text in _OPENERS:
            if not self.open:
                return self.error(f"`{text}` closes nothing", "leave it out, or write the opening one")
            return self._unclosed()
        if self.after_value and self.before is not None:
            before = _short(self.before[1])
            if self.text == "(":
                return self.error(
                    f"`{before}` cannot be called", "only functions and methods can, by their names"
                )
            if self.text in ("!", "not"):
                return self.error(
                    f"expected an operator before `{text}`", f"write `&& {text}…`, `|| {text}…` or `!=`"
                )
            if self.text == ":":
                return self.error(
                    "`:` without `?`", "write `condition ? value : other`, or `{key: value}` for a map"
                )
            if self.text == ",":
                return self.error(
                    "`,` outside of a list, map or call", "an expression is one value: `[a, b]` is a list"
                )
            if self.kind != END and (self.kind in _VALUE_ENDS or self.text in _CLOSERS):
                comma = " or `,`" if self.open else ""
                help = f"write an operator{comma} between them"
                if "SINGLE" in (self.kind, self.before[0]) and self.before[3] == self.start:
                    help += "; a quote inside text is written `''`"
                return self.error(f"expected an operator{comma} between `{before}` and `{text}`", help)
        if self.text in _OPERATORS:
            where = f"`{_short(self.before[1])}`" if self.before else "it"
            words = f"expected a value before `{text}`"
            return self.error(
                words, f"write one after {where}" if self.before else "write one, or leave it out"
            )
        return self.error(f"`{text or 'the end'}` cannot stand here", "see the reference of expressions")


def _short(text: str) -> str:
    text = text if len(text) <= 30 else text[:29] + "…"
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else "␤" if c == "\n" else "�" for c in text)
    )


def _open_brackets(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    """The brackets that are open after `tokens`, and the `?` without `:` inside the innermost of them."""
    stack: list[tuple[Token, list[Token]]] = []
    choices: list[Token] = []
    for token in tokens:
        text = token[1]
        if text in _CLOSERS and token[0] not in ("SINGLE", "DOUBLE"):
            stack.append((token, choices))
            choices = []
        elif text in _OPENERS:
            if stack:
                choices = stack.pop()[1]
        elif text == "?":
            choices.append(token)
        elif text == ":" and choices:
            choices.pop()
    return [token for token, _ in stack], choices
