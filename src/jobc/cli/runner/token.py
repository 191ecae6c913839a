"""`jobc runner token`: make a token, or another in its place."""

from __future__ import annotations

import argparse

from jobc.cli.context import Context
from jobc.cli.runner import places
from jobc.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    places.configure(parser)
    parser.add_argument("--rotate", action="store_true", help="replace the token that there is")
    parser.add_argument(
        "--overlap",
        metavar="DURATION",
        help="with --rotate: how long the old token stays good (default: not at all)",
    )


def run(args: argparse.Namespace, context: Context) -> int:
    from jobc.interpreter.durations import seconds
    from jobc.runner.tokens import write_new

    overlap = 0.0
    if args.overlap is not None:
        if not args.rotate:
            raise UsageError(
                "--overlap without --rotate", help="there is nothing to overlap with; add --rotate"
            )
        try:
            overlap = seconds(args.overlap)
        except ValueError as error:
            raise UsageError(f"--overlap: {error}") from None
    path = places.token_file(args, context)
    token = write_new(path, rotate=args.rotate, overlap=overlap)
    context.stdout.write(token + "\n")
    context.stdout.flush()
    context.stderr.write(f"its hash is in {path}; the token itself is shown this once: keep it as a secret\n")
    return 0
