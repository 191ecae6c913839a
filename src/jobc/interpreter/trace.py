"""The names of spans in a distributed trace (W3C Trace Context), so that what a stage starts can belong to its span.

A span's id is made from what it stands for, not drawn: whoever runs a stage, wherever that is, and whoever records its span
find the same one without talking. Python 3.9, standard library only.
"""

from __future__ import annotations

import hashlib
from typing import Union


def span_id(trace: str, *parts: Union[str, int]) -> str:
    """16 hexadecimal digits, never all 0. `trace` is the trace's id."""
    text = "\0".join([trace, *map(str, parts)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16].replace("0" * 16, "1" * 16)


def trace_id(run: str) -> str:
    """32 hexadecimal digits: of the trace of a run that no other trace leads to."""
    text = hashlib.sha256(("jobc run " + run).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return text.replace("0" * 32, "1" * 32)


def traceparent(trace: str, *parts: Union[str, int]) -> str:
    """The value of `TRACEPARENT` for a span. `trace` is `<id of the trace>-<flags>`."""
    id, _, flags = trace.partition("-")
    return "00-%s-%s-%s" % (id, span_id(id, *parts), flags)
