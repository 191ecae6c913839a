"""`jobc runs cancel`: ask the engine of a run to end it. Exit code 1 where there is nothing to ask."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from jobc.cli.runs.words import RUN_HELP
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.journal.history import History


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--now", action="store_true", help="end everything at once, clean-up jobs too")


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    from jobc.cli.progress.summary import STATUSES
    from jobc.engine.journal.history import INTERRUPTED, RUNNING
    from jobc.engine.sharing.remote_control import AT_ONCE, GRACEFULLY, ask_to_end

    found = history.find(args.run)
    id = found["id"]
    if found["parent"] is not None:
        root = history.root(found)["id"]
        raise UsageError(
            f"run {id} is a part of run {root} and ends with it", help=f"`jobc runs cancel {root}` ends both"
        )
    if found["status"] not in (RUNNING, INTERRUPTED):
        context.stderr.write(f"run {id} has ended: {STATUSES[found['status']][3]}\n")
        return 1
    try:
        asked = ask_to_end(found, AT_ONCE if args.now else GRACEFULLY)
    except PermissionError:
        raise UsageError(
            f"run {id} belongs to another user: its process {found['pid']} takes no signal from you",
            help="ask that user, or root",
        ) from None
    if not asked:
        context.stderr.write(
            f"nothing was cancelled: the engine of run {id} (process {found['pid']}) is dead\n"
            f"help: `jobc run --resume {id}` goes on with it; `jobc runs show {id}` says how far it came\n"
        )
        return 1
    how = "to end at once" if args.now else "to end; clean-up jobs still run (--now ends those too)"
    context.stdout.write(f"run {id} was asked {how}\n")
    if context.verbosity >= 0:
        context.stderr.write(
            f"help: `jobc run --resume {id} --failed-only` goes on with what is cancelled, once it has ended\n"
        )
    return 0
