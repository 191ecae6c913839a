"""The public exceptions.

JobcError                   anything jobc raises on purpose
├── UsageError              wrong arguments or unreadable input (exit 2)
│   └── ParamError          a parameter is missing, unknown, or of the wrong type
├── CompileError            a file with errors was to be compiled or run (exit 2); carries its diagnostics
├── StateError              the state directory or its journal cannot be used (exit 2)
└── InternalError           a defect of jobc itself (exit 3)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class JobcError(Exception):
    """Base of every exception that jobc raises on purpose."""


class UsageError(JobcError):
    """Wrong arguments, or input that cannot be read.

    `help`, where given, is the remedy in one line; surfaces print it after the message.
    """

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


class ParamError(UsageError):
    """A parameter is missing, unknown, or its value does not fit its declaration."""


class CompileError(JobcError):
    """A file with errors cannot be compiled or run; `diagnostics` holds its findings."""

    def __init__(self, message: str, diagnostics: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class StateError(JobcError):
    """The state directory or the journal in it cannot be read or written."""

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


class InternalError(JobcError):
    """A defect of jobc itself."""
