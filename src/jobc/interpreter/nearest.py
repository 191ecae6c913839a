"""The name a person most likely meant. Standard library only: it serves the interpreter and all that is built on it."""

from __future__ import annotations

from typing import Iterable, Optional


def nearest(word: str, names: Iterable[str]) -> Optional[str]:
    """The closest of `names` to `word`, or None where none is close."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(names), n=1, cutoff=0.6)
    return found[0] if found else None
