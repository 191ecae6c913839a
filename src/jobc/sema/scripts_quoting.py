"""How each marked place of a shell script is quoted: a small scanner of the shell's quoting rules.

It walks the script once, with one method for each kind of surrounding text (commands, double quotes,
`${…}`, arithmetic, here-documents), each of which calls the others as the shell nests them. It knows
nothing of commands' meaning. Its findings must agree with the full parse (`scripts_bash`); where the
two differ, nothing is lifted.

A mark is found as one of:

    word single double ansi     by the quotes around it
    heredoc quoted-heredoc      in a here-document's text, by its delimiter's quotes
    delimiter                   in a here-document's delimiter
    arithmetic                  where the shell computes: $(( )), (( )), $[ ], ${v:n}
    subscript                   in ${v[…]}
    name                        where a ${…} has its variable's name
    backquote                   in `…`, anywhere but in a plain word
    comment

A mark that the scanner does not come by (after a backslash, say) is not in the result.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

_COMMAND_WORDS = frozenset(("if", "then", "else", "elif", "do", "while", "until", "time", "!", "{"))
# Characters that mean nothing by themselves: inside a word, and inside double quotes.
_IN_WORD = re.compile(r"""[^ \t\n;&|()<\\$`"']+""")
_IN_STRING = re.compile(r"""[^"\\$`]+""")
_IDENTIFIER = re.compile(r"\w+")
# Words and what stands between them, where neither here-documents nor the words themselves matter.
_PLAIN = re.compile(r"""(?:[^ \t\n;&|()<\\$`"'#][^ \t\n;&|()<\\$`"']*+|[ \t\n;&|]++)++""")
_BETWEEN = " \t\n;&|"
_SPECIAL_NAMES = frozenset("*@#?-$!")


def scan(text: str, starts: Sequence[int], ends: Sequence[int]) -> dict[int, str]:
    """The quoting of each mark (`text[starts[i]:ends[i]]`, ascending), by its number."""
    scanner = _Scanner(text, starts, ends)
    try:
        scanner.code(0, "")
    except RecursionError:
        return {}
    return scanner.found


class _Scanner:
    __slots__ = ("_backquotes", "_by_start", "_cases", "_ends", "_pending", "_starts", "_text", "found")

    def __init__(self, text: str, starts: Sequence[int], ends: Sequence[int]) -> None:
        self._text = text
        self._starts = starts
        self._ends = ends
        self._by_start = {start: number for number, start in enumerate(starts)}
        self._pending: list[tuple[str, bool, bool]] = []
        self._backquotes = 0
        #: Only where there may be a `case` it matters which words begin a command.
        self._cases = "case" in text
        self.found: dict[int, str] = {}

    def _mark(self, at: int, quoting: str) -> int:
        """Record the mark at `at`; its end, or -1 where there is none."""
        number = self._by_start.get(at)
        if number is None:
            return -1
        if self._backquotes and quoting != "word":
            quoting = "backquote"
        self.found[number] = quoting
        return self._ends[number]

    def _past(self, at: int, ordinary: re.Pattern[str]) -> int:
        """The index after the ordinary characters that stand at `at`, at the next mark at the latest."""
        number = bisect_left(self._starts, at)
        limit = self._starts[number] if number < len(self._starts) else len(self._text)
        match = ordinary.match(self._text, at, limit)
        return match.end() if match else at

    def _marks_between(self, start: int, end: int, quoting: str) -> None:
        number = bisect_left(self._starts, start)
        while number < len(self._starts) and self._starts[number] < end:
            self._mark(self._starts[number], quoting)
            number += 1

    # ------------------------------------------------------------------ commands

    def code(self, at: int, close: str) -> int:
        """Commands up to an unquoted `close` (`)`, a backquote, or the end of the script); the index after it."""
        text, size = self._text, len(self._text)
        word_start = command_start = True
        cases: list[str] = []
        while at < size:
            if not word_start:
                at = self._past(at, _IN_WORD)
            if not self._cases and not self._pending and (after := self._past(at, _PLAIN)) > at:
                at, word_start = after, text[after - 1] in _BETWEEN
            if at == size:
                break
            after = self._mark(at, "word")
            if after >= 0:
                at, word_start, command_start = after, False, False
                continue
            char = text[at]
            if char == close == "`":
                return at + 1
            if char in " \t":
                at += 1
                word_start = True
            elif char == "\n":
                at = self._bodies(at + 1)
                word_start = command_start = True
            elif char in ";&|":
                if text.startswith(";;", at) and cases:
                    cases[-1] = "pattern"
                at += 1
                word_start = command_start = True
            elif char == "#" and word_start:
                at = self._comment(at, close)
            elif char == "(":
                at = self._parenthesis(at, word_start)
                word_start = command_start = True
            elif char == ")":
                if cases and cases[-1] == "pattern":
                    cases[-1] = "body"
                elif close == ")":
                    return at + 1
                at += 1
                word_start = command_start = True
            elif char == "<":
                at = self._redirect(at)
                word_start = True
            elif word_start and char.isalpha():
                end = self._past(at, _IDENTIFIER)
                word, whole = (
                    text[at:end],
                    end == size or (text[end] in " \t\n;&|()<>`" and end not in self._by_start),
                )
                if whole and command_start and word == "case":
                    cases.append("subject")
                elif whole and cases and cases[-1] == "subject" and word == "in":
                    cases[-1] = "pattern"
                elif whole and cases and word == "esac" and (command_start or cases[-1] == "pattern"):
                    cases.pop()
                command_start = whole and command_start and word in _COMMAND_WORDS
                at, word_start = end, False
            else:
                if word_start:
                    command_start = command_start and char in "!{"
                at = self._quoted(at, double=False)
                word_start = False
        return at

    def _quoted(self, at: int, *, double: bool) -> int:
        """One character, escape, string or expansion, as it is read outside (or inside) double quotes."""
        text = self._text
        char = text[at]
        if char == "\\":
            return at + 1 if at + 1 in self._by_start else at + 2
        if char == "$":
            return self._dollar(at, double=double)
        if char == "`":
            return self._backquote(at, double=double)
        if double:
            return at + 1
        if char == '"':
            return self._double(at + 1)
        if char == "'":
            end = text.find("'", at + 1)
            if end < 0:
                return len(text)
            self._marks_between(at, end, "single")
            return end + 1
        return at + 1

    def _comment(self, at: int, close: str) -> int:
        end = self._text.find("\n", at)
        end = len(self._text) if end < 0 else end
        if close == "`":
            quote = self._text.find("`", at, end)
            end = end if quote < 0 else quote
        self._marks_between(at, end, "comment")
        return end

    def _parenthesis(self, at: int, word_start: bool) -> int:
        if word_start and self._text.startswith("((", at):
            before, pending = dict(self.found), list(self._pending)
            end, closed = self._arithmetic(at + 2, "))")
            if closed:
                return end
            self.found, self._pending = before, pending
        return self.code(at + 1, ")")

    def _redirect(self, at: int) -> int:
        """Past `<`, `<<<`, or `<<` with its delimiter, whose document then waits for the end of the line."""
        text, size = self._text, len(self._text)
        if text.startswith("<<<", at):
            return at + 3
        if not text.startswith("<<", at):
            return at + 1
        at += 2
        tabs = text.startswith("-", at)
        at += tabs
        while at < size and text[at] in " \t":
            at += 1
        word: list[str] = []
        quoted = False
        while at < size and text[at] not in " \t\n;&|()<>":
            char = text[at]
            after = self._mark(at, "delimiter")
            if after >= 0:
                word.append(text[at:after])
                at = after
            elif char == "\\":
                quoted = True
                word.append(text[at + 1 : at + 2])
                at += 2
            elif char in "'\"":
                quoted = True
                end = text.find(char, at + 1)
                end = size if end < 0 else end
                self._marks_between(at, end, "delimiter")
                word.append(text[at + 1 : end])
                at = end + 1
            else:
                word.append(char)
                at += 1
        self._pending.append(("".join(word), quoted, tabs))
        return at

    def _bodies(self, at: int) -> int:
        """The here-documents that wait, from the start of a line; the index after the last one's delimiter."""
        pending, self._pending = self._pending, []
        text, size = self._text, len(self._text)
        for delimiter, quoted, tabs in pending:
            start = at
            end = after = size
            while at < size:
                line_end = text.find("\n", at)
                line_end = size if line_end < 0 else line_end
                line = text[at:line_end]
                if (line.lstrip("\t") if tabs else line) == delimiter:
                    end, after = at, min(size, line_end + 1)
                    break
                at = line_end + 1
            if quoted:
                self._marks_between(start, end, "quoted-heredoc")
            else:
                self._document(start, end)
            at = after
        return at

    def _document(self, at: int, end: int) -> None:
        while at < end:
            after = self._mark(at, "heredoc")
            at = after if after >= 0 else self._quoted(at, double=True)

    # ------------------------------------------------------------------ strings and expansions

    def _double(self, at: int) -> int:
        text, size, start = self._text, len(self._text), at
        while at < size:
            after = self._mark(at, "double")
            if after >= 0 or (after := self._past(at, _IN_STRING)) > at:
                at = after
            elif text[at] == '"':
                return at + 1
            else:
                at = self._quoted(at, double=True)
        return self._unclosed(start)

    def _unclosed(self, start: int) -> int:
        """Forget what was found in a string that never ends."""
        for number in range(bisect_left(self._starts, start), len(self._starts)):
            self.found.pop(number, None)
        return len(self._text)

    def _dollar(self, at: int, *, double: bool) -> int:
        text = self._text
        following = text[at + 1 : at + 2]
        if at + 1 in self._by_start:
            return at + 1
        if following == "(":
            if text.startswith("$((", at):
                before, pending = dict(self.found), list(self._pending)
                end, closed = self._arithmetic(at + 3, "))")
                if closed:
                    return end
                self.found, self._pending = before, pending
            return self.code(at + 2, ")")
        if following == "{":
            return self._parameter(at + 2, double=double)
        if following == "[":
            return self._arithmetic(at + 2, "]")[0]
        if following == '"' and not double:
            return self._double(at + 2)
        if following == "'" and not double:
            return self._ansi(at + 2)
        return at + 1

    def _ansi(self, at: int) -> int:
        text, size, start = self._text, len(self._text), at
        while at < size:
            after = self._mark(at, "ansi")
            if after >= 0:
                at = after
            elif text[at] == "'":
                return at + 1
            elif text[at] == "\\" and at + 1 not in self._by_start:
                at += 2
            else:
                at += 1
        return self._unclosed(start)

    def _backquote(self, at: int, *, double: bool) -> int:
        self._backquotes += 1
        before = dict(self.found)
        end = self.code(at + 1, "`")
        self._backquotes -= 1
        if double:
            for number in self.found.keys() - before.keys():
                self.found[number] = "backquote"
        return end

    def _parameter(self, at: int, *, double: bool) -> int:
        """`${…}` from its name on: the operator says how the rest is read."""
        text, size = self._text, len(self._text)
        if at < size and text[at] in "!#" and text[at + 1 : at + 2] not in ("", "}", ":", "-"):
            at += 1
        while at < size:
            after = self._mark(at, "name")
            if after >= 0:
                at = after
            elif text[at].isalnum() or text[at] == "_":
                at += 1
            else:
                break
        if at < size and text[at] in _SPECIAL_NAMES and text[at - 1] in "{!#":
            at += 1
        if text.startswith("[", at):
            at = self._until(at + 1, "]", "subscript", double=False)
        if text.startswith(":", at) and text[at + 1 : at + 2] not in ("-", "=", "?", "+"):
            return self._until(at + 1, "}", "arithmetic", double=False)
        if at < size and text[at] in "#%/^,@":
            return self._until(at + 1, "}", "word", double=False)
        return self._until(at, "}", "double" if double else "word", double=double)

    def _until(self, at: int, close: str, quoting: str, *, double: bool) -> int:
        text, size = self._text, len(self._text)
        while at < size:
            after = self._mark(at, quoting)
            if after >= 0:
                at = after
            elif text[at] == close:
                return at + 1
            elif double and text[at] == '"':
                at = self._double(at + 1)
            else:
                at = self._quoted(at, double=double)
        return at

    def _arithmetic(self, at: int, close: str) -> tuple[int, bool]:
        """Up to `close` outside parentheses, and whether it was found."""
        text, size = self._text, len(self._text)
        depth = 0
        while at < size:
            after = self._mark(at, "arithmetic")
            char = text[at]
            if after >= 0:
                at = after
            elif depth == 0 and text.startswith(close, at):
                return at + len(close), True
            elif char in "([":
                depth += 1
                at += 1
            elif char in ")]":
                if depth == 0:
                    return at, False
                depth -= 1
                at += 1
            elif char == '"':
                at += 1
            else:
                at = self._quoted(at, double=True)
        return at, False
