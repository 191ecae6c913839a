"""`jobc runs list`: a line a run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from jobc.cli.runs.words import whole_of, write_json

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.journal.history import History

STATUSES = ("success", "failed", "skip", "cancel", "running", "interrupted")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--limit", default=None, metavar="N", help="the newest N only")
    parser.add_argument("--status", choices=STATUSES, help="those of this status only")
    parser.add_argument("--format", choices=("text", "json", "ids"), default="text")


def run_without_history(args: argparse.Namespace, context: Context) -> int:
    words = {"json": "[]\n", "ids": "", "text": "no runs yet; `jobc run FILE` makes one\n"}
    context.stdout.write(words[args.format])
    return 0


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    from jobc.engine.journal.history import summary

    limit = None if args.limit is None else whole_of(args.limit, "--limit")
    found = history.runs(limit if args.status is None else None)
    if args.status is not None:
        found = [each for each in found if each["status"] == args.status][:limit]
    runs = [summary(each) for each in found]
    if args.format == "json":
        write_json(runs, context)
    elif args.format == "ids":
        context.stdout.writelines(f"{each['run_id']}\n" for each in runs)
    elif not runs:
        words = f"no run is {args.status}" if args.status else "no runs yet; `jobc run FILE` makes one"
        context.stdout.write(words + "\n")
    else:
        _write_table(runs, context)
    return 0


def _write_table(runs: list[dict[str, Any]], context: Context) -> None:
    from jobc.cli.progress.summary import STATUSES, glyph, painter
    from jobc.interpreter.durations import duration_text

    paint = painter(context.color)
    rows = [("RUN", "STATUS", "STARTED", "TOOK", "WORKFLOW", "FILE")]
    for each in runs:
        word = f"{glyph(each['status'], context.stdout)} {STATUSES[each['status']][3]}"
        took = "" if each["duration_s"] is None else duration_text(each["duration_s"])
        started = each["started_at"][:19].replace("T", " ")
        rows.append((each["run_id"], word, started, took, each["workflow"], each["file"]))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for number, row in enumerate(rows):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        if number == 0:
            cells = [paint(cell, "2") for cell in cells]
        else:
            cells[1] = paint(cells[1], STATUSES[runs[number - 1]["status"]][2])
        context.stdout.write("  ".join(cells).rstrip() + "\n")
