"""The names that an unknown one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LEAST = 0.7
#: Among more names than this none is looked for by likeness: each finding would take longer than a file.
MOST = 1_000


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The one candidate that `name` is close to; None where none is, or several are as close."""
    known = list(dict.fromkeys(candidates))
    plain = _plain(name)
    same = [other for other in known if _plain(other) == plain]
    if same:
        return same[0] if len(same) == 1 else None
    if len(known) > MOST:
        return None
    scored = sorted(_scored(plain, known), reverse=True)
    if not scored or (len(scored) > 1 and scored[0][0] - scored[1][0] < 0.02):
        return None
    return scored[0][1]


def _scored(plain: str, known: list[str]) -> Iterator[tuple[float, str]]:
    """Those alike enough, with their likeness. What its quick upper bounds rule out is not measured."""
    from difflib import SequenceMatcher

    bounds = SequenceMatcher(None, "", plain)
    for other in known:
        bounds.set_seq1(_plain(other))
        if bounds.real_quick_ratio() >= LEAST and bounds.quick_ratio() >= LEAST:
            score = SequenceMatcher(None, plain, _plain(other)).ratio()
            if score >= LEAST:
                yield score, other


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
