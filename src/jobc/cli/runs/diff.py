"""`jobc runs diff A B`: what differs from run A to run B."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from jobc.cli.runs.words import RUN_HELP, write_json

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.journal.history import History

_TITLES = {
    "program": "what was run",
    "params": "parameters",
    "failure": "first failure",
    "status": "how it ended",
    "reason": "why",
    "outputs": "outputs",
    "duration": "time",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="A", help=RUN_HELP)
    parser.add_argument("other", metavar="B", help="the run to compare it with")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    from jobc.cli.progress.summary import painter
    from jobc.engine.journal.comparison import differences
    from jobc.engine.journal.history import summary

    first, second = history.find(args.run), history.find(args.other)
    found = differences(history, first, second)
    if args.format == "json":
        runs = [summary(each) for each in (first, second)]
        write_json({"version": 1, "runs": runs, "differences": [each.to_json() for each in found]}, context)
        return 0
    out, paint = context.stdout, painter(context.color)
    if not found:
        out.write(f"nothing differs between {first['id']} and {second['id']}\n")
        return 0
    out.write(f"from {first['id']} to {second['id']}\n")
    for kind, title in _TITLES.items():
        part = [each for each in found if each.kind == kind]
        if part:
            out.write(f"\n{paint(title, '1')}\n")
        for each in part:
            out.write(f"  {each.message}\n")
            for line in each.lines:
                codes = {"+": "32", "-": "31"}.get(line[:1], "2")
                out.write("      " + paint(line, codes) + "\n")
    return 0
