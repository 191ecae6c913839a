"""Durations as people write and read them: a number of seconds, or a text like `500ms`, `90s`, `15m`, `2h`, `1d`, and sums like `1h30m`; and back, as a text to be read."""

from __future__ import annotations

import math
import re
from typing import Any

#: What is longer counts as this much (thirty years): threads cannot wait for ever-growing numbers.
LONGEST = 1e9
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: Any) -> float:
    """The duration in seconds; ValueError, with a remedy, where `value` is none."""
    total = -1.0
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        total = float(value)
    elif isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"\d+(\.\d+)?", text):
            total = float(text)
        elif re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h|d))+", text):
            parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
            total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if total < 0 or not math.isfinite(total):
        from jobc.interpreter.values import describe

        shown = repr(value) if type(value) is str else describe(value)
        raise ValueError("%s is not a duration; write seconds, or a text like 90s, 15m or 1h30m" % shown)
    return min(total, LONGEST)


def duration_text(seconds: float) -> str:
    """`40 ms`, `1.4 s`, `12 s`, `3 min 05 s`, `2 h 04 min`."""
    if seconds < 0.9995:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"
