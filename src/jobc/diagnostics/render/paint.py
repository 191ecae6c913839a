"""Colour for a terminal, or none; and words made safe to print on one line."""

from __future__ import annotations

_RESET = "\x1b[0m"
_SEVERITY = {"error": "1;31", "warning": "1;33", "info": "1;34"}


class Paint:
    """Wraps words in escape codes, or returns them as they are."""

    __slots__ = ("on",)

    def __init__(self, on: bool) -> None:
        self.on = on

    def _wrap(self, codes: str, words: str) -> str:
        return f"\x1b[{codes}m{words}{_RESET}" if self.on and words else words

    def severity(self, severity: str, words: str) -> str:
        return self._wrap(_SEVERITY.get(severity, "1"), words)

    def gutter(self, words: str) -> str:
        return self._wrap("1;34", words)

    def place(self, words: str) -> str:
        return self._wrap("1", words)

    def strong(self, words: str) -> str:
        return self._wrap("1", words)

    def related(self, words: str) -> str:
        return self._wrap("1;36", words)

    def remedy(self, words: str) -> str:
        return self._wrap("1;32", words)


def one_line(words: str) -> str:
    """The words with line ends and control characters made visible: a message can never draw on the terminal."""
    if words.isprintable():
        return words
    return "".join(char if char.isprintable() else _visible(char) for char in words)


def _visible(char: str) -> str:
    code = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
