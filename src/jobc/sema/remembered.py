"""What was found out about texts, kept so that the same text is not read twice.

Several phases and rules ask for the tree of the same script, and files repeat scripts. A table is full once its texts
have `limit` characters; it takes nothing more then, and is emptied before the next file (`make_room`). So a walk
over more scripts than fit finds the first of them again, and a process that reads thousands of files holds little.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_tables: list[Remembered[object, object]] = []


class Remembered(Generic[Key, Value]):
    """Values by key; `limit` bounds the characters of the texts that they were made from."""

    __slots__ = ("_found", "_held", "_limit")

    def __init__(self, limit: int) -> None:
        self._found: dict[Key, Value] = {}
        self._held = 0
        self._limit = limit
        _tables.append(self)  # type: ignore[arg-type]

    def get(self, key: Key) -> Value | None:
        return self._found.get(key)

    def keep(self, key: Key, value: Value, size: int) -> Value:
        """Keep what was made from a text of `size` characters, if there is room; returns it."""
        if self._held + size <= self._limit:
            self._held += size
            self._found[key] = value
        return value

    def clear(self) -> None:
        self._found.clear()
        self._held = 0

    @property
    def is_full(self) -> bool:
        return self._held > self._limit // 2


def make_room() -> None:
    """Empty the tables that have little room left."""
    for table in _tables:
        if table.is_full:
            table.clear()


def forget() -> None:
    """Empty all tables."""
    for table in _tables:
        table.clear()
