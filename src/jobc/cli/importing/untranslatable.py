"""Raised where an expression of the original has no counterpart."""

from __future__ import annotations


class Untranslatable(Exception):
    """`str(error)` says why, `help` what the user must do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help
