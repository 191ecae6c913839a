"""The report of a defect: what a maintainer needs to find it, without the values of parameters."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence

from jobc import __version__
from jobc.cli.context import Context


def write_report(error: BaseException, argv: Sequence[str], context: Context) -> str:
    """Write the report beside the state where that exists, else among the temporary files; its path.

    Only the user may read it; of words like `name=value` the value is left out.
    """
    words = [word.partition("=")[0] + "=…" if "=" in word else word for word in argv]
    lines = [
        f"jobc {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: jobc {' '.join(words)}",
        f"folder: {context.cwd}",
        f"executable: {sys.executable}",
        "",
        *traceback.format_exception(type(error), error, error.__traceback__),
    ]
    folder = _state_folder(context)
    try:
        handle, path = tempfile.mkstemp(prefix="jobc-report-", suffix=".txt", dir=folder)
    except OSError:
        handle, path = tempfile.mkstemp(prefix="jobc-report-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write("\n".join(lines))
    return path


def _state_folder(context: Context) -> str | None:
    try:
        folder = context.state_dir
    except Exception:  # noqa: BLE001 - the configuration itself may be what failed
        return None
    return folder if os.path.isdir(folder) else None
