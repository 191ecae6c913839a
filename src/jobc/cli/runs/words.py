"""What the actions on runs share: how a run is named, and how things are said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.context import Context

RUN_HELP = "the run's id, the beginning of it, `latest`, or -2 for the one before"


def write_json(value: Any, context: Context) -> None:
    json.dump(value, context.stdout, indent=2, ensure_ascii=False)
    context.stdout.write("\n")


def short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def seconds_of(text: str, option: str) -> float:
    """A duration given on the command line. Raises UsageError."""
    from jobc.interpreter.durations import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def whole_of(text: str, option: str) -> int:
    """A count given on the command line. Raises UsageError."""
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"{option} cannot be `{text}`", help="give it a whole number from 0 up")
    return int(text)
