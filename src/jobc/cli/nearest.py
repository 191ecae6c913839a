"""The name a person most likely meant."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The closest of `names` to `word`, or None where none is close."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(names), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, names: Iterable[str], otherwise: str) -> str:
    """The remedy for an unknown name: the nearest one, or `otherwise`."""
    match = nearest(word, names)
    return f"did you mean `{match}`?" if match else otherwise
