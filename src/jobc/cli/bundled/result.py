"""Where a bundle writes a result: known to be good before anything runs."""

from __future__ import annotations

import os

from jobc.errors import UsageError


def result_path(given: str) -> str:
    """The absolute path of a result. Raises UsageError where no file can be made there."""
    path = os.path.abspath(given)
    folder = os.path.dirname(path)
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        why = "it is a folder" if os.path.isdir(path) else f"there is no folder {folder} that can be written"
        raise UsageError(
            f"the result cannot be written to `{given}`: {why}", help="choose another file for --result"
        )
    return path
