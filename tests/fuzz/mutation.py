"""Changes to jobs files that leave most of them understood: words, lines and blocks rather than bytes."""

from __future__ import annotations

import random
import re

_WORD = re.compile(r"[A-Za-z0-9_][\w.-]*")


def mutated(data: bytes, others: tuple[bytes, ...], words: tuple[str, ...], random_: random.Random) -> bytes:
    """The data after a few changes, mostly one or two; blocks of `others` and `words` are put into it."""
    text = data.decode("utf-8", "surrogateescape")
    for _ in range(random_.choice((1, 1, 1, 2, 2, 3, 5))):
        text = random_.choice(_CHANGES)(text, others, words, random_)
    return text.encode("utf-8", "surrogateescape")


Others = tuple[bytes, ...]
Words = tuple[str, ...]


def _word(text: str, others: Others, words: Words, random_: random.Random) -> str:
    """Another word in the place of one."""
    found = list(_WORD.finditer(text))
    if not found:
        return text + random_.choice(words)
    match = random_.choice(found)
    return text[: match.start()] + random_.choice(words) + text[match.end() :]


def _own_word(text: str, others: Others, words: Words, random_: random.Random) -> str:
    """A word of the text itself in the place of another: names that exist, where they do not belong."""
    found = list(_WORD.finditer(text))
    if len(found) < 2:
        return text
    match = random_.choice(found)
    return text[: match.start()] + random_.choice(found)[0] + text[match.end() :]


def _insert(text: str, others: Others, words: Words, random_: random.Random) -> str:
    place = random_.randrange(len(text) + 1)
    return text[:place] + random_.choice(words) + text[place:]


def _expression(text: str, others: Others, words: Words, random_: random.Random) -> str:
    """An expression in the place of a word."""
    found = list(_WORD.finditer(text))
    if not found:
        return text
    match = random_.choice(found)
    inner = " ".join(random_.choice(words) for _ in range(random_.randint(1, 4)))
    return f"{text[: match.start()]}${{{{ {inner} }}}}{text[match.end() :]}"


def _blocks(text: str, others: Others, words: Words, random_: random.Random) -> str:
    """A block (a line, with the deeper ones below it) left out, said twice, or moved."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    start, end = _block(lines, random_)
    block = lines[start:end]
    kind = random_.randrange(3)
    if kind == 0:
        return "".join(lines[:start] + lines[end:])
    if kind == 1:
        return "".join(lines[:end] + block + lines[end:])
    rest = lines[:start] + lines[end:]
    return _put(rest, block, random_) if rest else text


def _graft(text: str, others: Others, words: Words, random_: random.Random) -> str:
    """A block of another file, at the indentation of its new place."""
    lines = text.splitlines(keepends=True)
    donor = random_.choice(others).decode("utf-8", "replace").splitlines(keepends=True)
    if not lines or not donor:
        return text
    start, end = _block(donor, random_)
    return _put(lines, donor[start:end], random_)


def _indentation(text: str, others: Others, words: Words, random_: random.Random) -> str:
    """A line or two moved to the left or right."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    start = random_.randrange(len(lines))
    end = start + random_.randint(1, 2)
    shift = random_.choice((-2, -1, 1, 2, 4))
    moved = [
        " " * shift + line if shift > 0 else line.removeprefix(" " * -shift) for line in lines[start:end]
    ]
    return "".join(lines[:start] + moved + lines[end:])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _block(lines: list[str], random_: random.Random) -> tuple[int, int]:
    start = random_.randrange(len(lines))
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or _depth(lines[end]) > _depth(lines[start])):
        end += 1
    return start, end


def _put(lines: list[str], block: list[str], random_: random.Random) -> str:
    """The lines with a block before one of them, as deep as that one."""
    place = random_.randrange(len(lines))
    shift = _depth(lines[place]) - _depth(block[0])
    moved = [" " * shift + line if shift >= 0 else line.removeprefix(" " * -shift) for line in block]
    if not moved[-1].endswith("\n"):
        moved[-1] += "\n"
    return "".join(lines[:place] + moved + lines[place:])


def _cut(text: str, others: Others, words: Words, random_: random.Random) -> str:
    place = random_.randrange(len(text) + 1)
    return text[:place] + text[place + random_.randint(1, 12) :]


_CHANGES = (
    *(_word, _word, _own_word, _own_word, _expression, _expression, _blocks, _blocks, _graft, _graft),
    *(_insert, _indentation, _cut),
)
