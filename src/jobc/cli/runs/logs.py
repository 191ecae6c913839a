"""`jobc runs logs`: what the stages of a run wrote; `-f` goes on while the run runs.

The exit code of `logs` is 0; that of `logs -f` is the run's: 0 where it succeeded, 1 where not.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from jobc.cli.runs.words import RUN_HELP, seconds_of, whole_of
from jobc.errors import UsageError

if TYPE_CHECKING:
    from jobc.cli.context import Context
    from jobc.engine.journal.history import History
    from jobc.engine.journal.log_lines import LogLine, LogPlace

#: Seconds that a follower waits for the resume of a run whose engine died under its eyes.
PATIENCE = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "place", nargs="?", metavar="JOB[/COMBINATION][/STAGE]",
        help="of this place only; a combination is its index or values of its matrix (day=monday)",
    )  # fmt: skip
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument(
        "--wait", metavar="DURATION",
        help="with -f: how long to wait for the run to begin (default: not), or to be resumed after its engine died (default: 10s)",
    )  # fmt: skip
    parser.add_argument("--tail", metavar="N", help="the last N lines only")
    parser.add_argument("--since", metavar="WHEN", help="from then on: 10m ago, or 2026-01-31T09:00:00Z")
    parser.add_argument("-t", "--timestamps", action="store_true", help="begin each line with its time")
    parser.add_argument("--job", metavar="ID", help="of this job only")
    parser.add_argument("--stage", metavar="ID", help="of this stage only, by its id or its position")
    parser.add_argument(
        "--format", choices=("plain", "jsonl"), default="plain", help="jsonl: an object a line, for programs"
    )


def run_without_history(args: argparse.Namespace, context: Context) -> int:
    from jobc.engine.journal.history import History

    if args.follow and args.wait is not None:
        end = time.monotonic() + seconds_of(args.wait, "--wait")
        while time.monotonic() < end:
            history = History.open(context.state_dir)
            if history is not None:
                try:
                    return run(args, history, context)
                finally:
                    history.close()
            time.sleep(0.1)
    raise UsageError(
        f"there is no run `{args.run}`", help="no run was made here yet; `jobc run FILE` makes one"
    )


def run(args: argparse.Namespace, history: History, context: Context) -> int:
    from jobc.engine.journal.log_lines import LogReader

    wait = None if args.wait is None else seconds_of(args.wait, "--wait")
    tail = None if args.tail is None else whole_of(args.tail, "--tail")
    since = None if args.since is None else _instant(args.since)
    found = _find(args, history, wait)
    place = _place(args, history, found)
    reader = LogReader(history, found, place, since)
    printer = _Printer(args, context, named=args.follow or reader.several())
    if tail is not None:
        printer.write(reader.tail(tail))
    if not args.follow:
        for line in reader.more():
            printer.write([line])
        return 0
    from jobc.engine.journal.following import Follower

    follower = Follower(history, found, reader, PATIENCE if wait is None else wait)

    def interrupted() -> None:
        context.stdout.flush()
        context.stderr.write(f"the engine of run {found['id']} died; waiting for somebody to resume it\n")
        context.stderr.flush()

    for lines in follower.lines(interrupted):
        printer.write(lines)
        context.stdout.flush()
    if follower.status is None:
        raise UsageError(
            f"run {found['id']} was removed meanwhile", help="`jobc runs list` shows what is there"
        )
    if context.verbosity >= 0:
        from jobc.cli.progress.summary import STATUSES

        context.stderr.write(f"run {found['id']} {STATUSES[follower.status][3]}\n")
    return 0 if follower.status == "success" else 1


def _find(args: argparse.Namespace, history: History, wait: float | None) -> dict[str, Any]:
    """The run; with `-f --wait` it may still begin."""
    end = time.monotonic() + (wait or 0.0 if args.follow else 0.0)
    while True:
        try:
            found = history.find(args.run)
        except UsageError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.1)
            continue
        # The row of a run is there a moment before its jobs are.
        while found["status"] == "running" and not history.rows(
            "SELECT 1 AS begun FROM events WHERE run = ? LIMIT 1", found["run"]
        ):
            time.sleep(0.05)
            found = history.again(found) or found
        return found


def _place(args: argparse.Namespace, history: History, found: dict[str, Any]) -> LogPlace:
    from jobc.engine.journal.history import ended
    from jobc.engine.journal.log_lines import LogPlace

    if args.place is not None and (args.job is not None or args.stage is not None):
        raise UsageError("a place and --job or --stage were given", help="say it once: JOB/STAGE")
    place = LogPlace()
    if args.place is not None or args.job is not None:
        place = LogPlace.parse(args.place or args.job, history, found)
    if args.stage is not None:
        place.stage = args.stage
        if ended(found) or not args.follow:
            place.check(history, found)
    return place


def _instant(text: str) -> float:
    """Seconds since the epoch: a duration ago, or an instant. Raises UsageError."""
    from jobc.interpreter.durations import seconds
    from jobc.interpreter.instants import parse
    from jobc.interpreter.values import EvaluationError

    try:
        return time.time() - seconds(text)
    except ValueError:
        pass
    try:
        return parse(text).timestamp()
    except EvaluationError:
        raise UsageError(f"--since cannot be `{text}`", help="write 10m, or 2026-01-31T09:00:00Z") from None


class _Printer:
    """`named`: say of each line where it comes from."""

    def __init__(self, args: argparse.Namespace, context: Context, *, named: bool) -> None:
        from jobc.cli.progress.summary import painter

        self._out = context.stdout
        self._paint = painter(context.color)
        self._jsonl = args.format == "jsonl"
        self._timestamps = args.timestamps
        self._named = named

    def write(self, lines: list[LogLine]) -> None:
        for line in lines:
            self._out.write((self._object(line) if self._jsonl else self._text(line)) + "\n")

    def _object(self, line: LogLine) -> str:
        from jobc.engine.journal.history import instant

        return json.dumps(
            {
                "time": instant(line.time),
                "job": line.job,
                "combination": line.combination,
                "matrix": line.matrix,
                "attempt": line.attempt,
                "stage": line.stage,
                "name": line.name,
                "stream": line.stream,
                "text": line.text,
            },
            ensure_ascii=False,
        )

    def _text(self, line: LogLine) -> str:
        from jobc.cli.progress.view import matrix_text
        from jobc.engine.journal.history import instant

        head = ""
        if self._timestamps:
            head = self._paint(f"{(instant(line.time) or '')[:23].replace('T', ' ')} ", "2")
        if self._named:
            head += self._paint(f"{line.job}{matrix_text(line.matrix)} > {line.name} | ", "2")
        return head + line.text
