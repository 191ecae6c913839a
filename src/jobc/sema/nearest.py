"""The names that an unknown one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The one candidate that `name` is close to; None where none is, or several are as close."""
    known = list(dict.fromkeys(candidates))
    plain = _plain(name)
    same = [other for other in known if _plain(other) == plain]
    if same:
        return same[0] if len(same) == 1 else None
    from difflib import SequenceMatcher

    scored = sorted(
        ((SequenceMatcher(None, plain, _plain(other)).ratio(), other) for other in known), reverse=True
    )
    scored = [(score, other) for score, other in scored if score >= 0.7]
    if not scored or (len(scored) > 1 and scored[0][0] - scored[1][0] < 0.02):
        return None
    return scored[0][1]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
