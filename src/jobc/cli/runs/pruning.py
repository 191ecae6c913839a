"""`jobc runs prune`: remove old runs; a run that runs stays."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from jobc.cli.runs.words import seconds_of, whole_of
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.journal.history import History


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", metavar="N", help="the newest N stay")
    parser.add_argument("--older-than", metavar="DURATION", help="only what began longer ago, such as 30d")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")


def run_without_history(args: argparse.Namespace, context: Context) -> int:
    _bounds(args)
    context.stdout.write("no runs yet: nothing to remove\n")
    return 0


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    from jobc.engine.journal import history_pruning
    from jobc.engine.sharing.sweeping import handles, sweep

    keep, age = _bounds(args)
    found = history_pruning.candidates(history, keep, age)
    out = context.stdout
    if args.dry_run:
        for each in found:
            out.write(f"would remove {each['id']} ({each['workflow']}, {each['status']})\n")
        out.write(f"{_runs(len(found))} would be removed\n" if found else "nothing to remove\n")
        return 0
    before = _size(history.journal.path)
    removed = 0
    for each in found:
        mark, tasks = handles(history, each)
        if history_pruning.remove(history, each):
            removed += 1
            for problem in sweep(mark, tasks):
                context.stderr.write(f"warning: {each['id']}: what it left there is not removed: {problem}\n")
            if context.verbosity > 0:
                out.write(f"removed {each['id']}\n")
    freed = 0
    if removed:
        history_pruning.compact(history.journal)
        freed = max(0, before - _size(history.journal.path)) + _artifacts(history, context)
    out.write(f"{_runs(removed)} removed, {freed / 1e6:.1f} MB freed\n" if removed else "nothing to remove\n")
    return 0


def _artifacts(history: History, context: Context) -> int:
    """Remove the files of artifacts that no run and no cached result names any more; the bytes that this gave back."""
    from jobc.engine.storage.store import LocalStore, path_in

    root = path_in(context.state_dir)
    if not os.path.isdir(root):
        return 0
    from jobc.engine.storage.pruning import prune

    return prune(LocalStore(root), history.journal).freed


def _bounds(args: argparse.Namespace) -> tuple[int | None, float | None]:
    if args.keep is None and args.older_than is None:
        raise UsageError(
            "nothing says which runs are to go", help="give --keep 50, --older-than 30d, or both"
        )
    keep = None if args.keep is None else whole_of(args.keep, "--keep")
    return keep, None if args.older_than is None else seconds_of(args.older_than, "--older-than")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _size(path: str) -> int:
    return sum(os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end))
