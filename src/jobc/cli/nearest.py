"""The remedy for a name that is not known."""

from __future__ import annotations

from jobc.interpreter.nearest import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, names: Iterable[str], otherwise: str) -> str:
    """The remedy for an unknown name: the nearest one, or `otherwise`."""
    match = nearest(word, names)
    return f"did you mean `{match}`?" if match else otherwise
