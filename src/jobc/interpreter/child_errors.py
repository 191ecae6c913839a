"""What a child says of a failure: the error of its reply, and a traceback in the log without jobc's own frames."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import Any, Dict, Optional, Set

from jobc.interpreter import wire


def describe(error: BaseException, filename: str) -> Optional[Dict[str, Any]]:
    """The reply's `error` for what a script raised; None for an exit with code 0. `filename` is the jobs file's name."""
    if isinstance(error, SystemExit):
        return _exit(error)
    return _raised(error, filename)


def not_plain(problem: wire.NotPlain) -> Dict[str, Any]:
    """An error for a value that cannot be carried."""
    message = "%s; use texts, numbers, booleans, null, lists and maps, or write it to a file" % problem
    return {"type": "output", "message": message, "bases": [], "line": None, "code": None}


def _exit(stop: SystemExit) -> Optional[Dict[str, Any]]:
    if stop.code is None or stop.code == 0:
        return None
    if isinstance(stop.code, int):
        return {
            "type": "exit",
            "message": "the script ended with exit code %d" % stop.code,
            "bases": [],
            "line": None,
            "code": stop.code,
        }
    print(stop.code, file=sys.stderr)
    return {"type": "exit", "message": str(stop.code), "bases": [], "line": None, "code": 1}


def _raised(error: BaseException, filename: str) -> Dict[str, Any]:
    """Print the traceback, the script's frames and what it called, and say where in the jobs file it failed."""
    frames = error.__traceback__
    own = os.path.dirname(__file__)
    while frames is not None and os.path.dirname(frames.tb_frame.f_code.co_filename) == own:
        frames = frames.tb_next
    error.__traceback__ = frames
    report = traceback.TracebackException(type(error), error, frames)
    _drop_columns(report, filename, set())
    for text in report.format():
        sys.stderr.write(text)
    sys.stderr.flush()
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 (a broken __str__ of the user)
        message = "(its text cannot be shown)"
    return {
        "type": type(error).__name__,
        "message": message,
        "bases": [cls.__name__ for cls in type(error).__mro__],
        "line": _line(frames, filename),
        "code": None,
    }


def _drop_columns(report: Any, filename: str, seen: Set[int]) -> None:
    """A column of the script is none of the jobs file, so no carets there."""
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    for frame in report.stack:
        if frame.filename == filename and hasattr(frame, "colno"):
            frame.colno = None
    _drop_columns(report.__cause__, filename, seen)
    _drop_columns(report.__context__, filename, seen)


def _line(frames: Optional[TracebackType], filename: str) -> Optional[int]:
    line = None
    while frames is not None:
        if frames.tb_frame.f_code.co_filename == filename:
            line = frames.tb_lineno
        frames = frames.tb_next
    return line
