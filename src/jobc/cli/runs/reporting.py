"""`jobc runs report`: a run as one HTML file."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from jobc.cli.runs.words import RUN_HELP
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.journal.history import History


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to write it (default: RUN.html); - is standard output"
    )


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    found = history.find(args.run)
    if args.output == "-":
        from jobc.report.page import page

        context.stdout.write(page(history, found))
        return 0
    path = args.output or f"{found['id']}.html"
    write_report(history, found["id"], os.path.join(context.cwd, path), path)
    context.stdout.write(f"written: {path}\n")
    return 0


def write_report(history: History, run_id: str, path: str, shown: str) -> None:
    """Write the report of a run to `path`, whole or not at all. Raises UsageError."""
    from jobc.report.page import page

    text = page(history, history.find(run_id))
    partial = f"{path}.{os.getpid()}.part"
    try:
        with open(partial, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        if os.path.exists(partial):
            os.unlink(partial)
        raise UsageError(
            f"the report {shown} cannot be written: {error.strerror}",
            help="choose a file in a folder that can be written",
        ) from None
