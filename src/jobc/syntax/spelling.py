"""The name that a misspelt word most likely means."""

from __future__ import annotations

from collections.abc import Iterable


def distance(a: str, b: str, limit: int) -> int:
    """How many letters to insert, delete, replace or swap with their neighbour; `limit + 1` where it is more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    same = 0
    for letter, other in zip(a, b, strict=False):
        if letter != other:
            break
        same += 1
    a, b = a[same:], b[same:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    if not a or not b:
        return len(a) + len(b)
    # Cells further than `limit` from the diagonal are more than it, and are not filled.
    far = limit + 1
    width = len(b) + 1
    before: list[int] = []
    row = [min(j, far) for j in range(width)]
    for i, letter in enumerate(a, 1):
        last, before, row = before, row, [far] * width
        least = far
        if i <= limit:
            row[0] = least = i
        for j in range(max(1, i - limit), min(width, i + far)):
            other = b[j - 1]
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row[j] = cost
            least = min(least, cost)
        if least >= far:
            return far
    return min(row[-1], far)


def near(word: str, names: Iterable[str]) -> list[str]:
    """The names nearest to `word` (all of them where several are equally near); empty where none is near.

    Near is two letters apart, one for words of up to four letters. Case and `_` for `-` do not count.
    """
    wanted = word.lower().replace("_", "-")
    limit = 2 if len(wanted) > 4 else 1 if len(wanted) > 1 else 0
    best: list[str] = []
    for name in names:
        apart = distance(wanted, name.lower().replace("_", "-"), limit)
        if apart < limit:
            limit = apart
            best = [name]
        elif apart == limit:
            best.append(name)
    return best


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The one name nearest to `word`, or None where none is near."""
    found = near(word, names)
    return found[0] if found else None
