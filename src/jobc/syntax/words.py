"""A command as its words: split as a POSIX shell splits, nothing else of a shell in it (LANGUAGE §5).

What an expression gives is never split: it is part of a word, or a word of its own, whatever characters it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

P = TypeVar("P")


class UnclosedQuote(ValueError):
    """A quote begins and does not end."""


def split(parts: Sequence[str | P]) -> list[list[str | P]]:
    """The words of a text with expressions in it, each as its parts. Raises UnclosedQuote."""
    words: list[list[str | P]] = []
    word: list[str | P] | None = None
    quote = ""
    escaped = False

    def add(part: str | P) -> None:
        nonlocal word
        if word is None:
            word = []
            words.append(word)
        if isinstance(part, str) and word and isinstance(word[-1], str):
            word[-1] += part
        else:
            word.append(part)

    for part in parts:
        if not isinstance(part, str):
            add(part)
            continue
        for letter in part:
            if escaped:
                add(letter if quote != '"' or letter in '"\\$`' else "\\" + letter)
                escaped = False
            elif letter == "\\" and quote != "'":
                escaped = True
            elif letter == quote:
                quote = ""
            elif not quote and letter in "'\"":
                quote = letter
                add("")
            elif not quote and letter in " \t\r\n":
                word = None
            else:
                add(letter)
    if quote or escaped:
        raise UnclosedQuote
    return words
