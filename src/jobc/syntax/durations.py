"""Durations: a number of seconds, or text such as `500ms`, `90s`, `15m`, `2h`, `1d`, and sums like `1h30m`."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WHOLE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")


def seconds(text: str) -> float | None:
    """The seconds that a text stands for, or None where it is no duration. `90` without a unit is seconds."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if _WHOLE.fullmatch(text) is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
