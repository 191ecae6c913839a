"""One line of an import's report."""

from __future__ import annotations

from jobc.source.file import Span

CHANGED = "changed"
ATTENTION = "attention"
DROPPED = "dropped"


class Item:
    """What happened at one place of the original.

    `severity`: `changed` (carried over; nothing to do), `attention` (the user must decide or complete something), or
    `dropped` (no counterpart; it is left out). `was` is the original's text, `now` what stands there now (empty where
    nothing does), `message` says what differs and why, `help` what the user must do (empty where nothing).
    """

    __slots__ = ("help", "message", "now", "severity", "span", "was")

    def __init__(self, severity: str, span: Span, was: str, now: str, message: str, help: str = "") -> None:
        self.severity = severity
        self.span = span
        self.was = was
        self.now = now
        self.message = message
        self.help = help
