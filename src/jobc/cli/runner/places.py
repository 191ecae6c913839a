"""Where a runner keeps what it has."""

from __future__ import annotations

import argparse
import os

from jobc.cli.context import Context


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="the runner's folder (default: $STATE_DIRECTORY, which systemd sets, else ~/.local/state/jobc-runner)",
    )
    parser.add_argument(
        "--token-file", metavar="FILE", help="the token's file (default: token in the runner's folder)"
    )


def state(args: argparse.Namespace, context: Context) -> str:
    """The absolute path of the runner's folder."""
    given = args.state or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if not given:
        base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        given = os.path.join(base, "jobc-runner")
    return os.path.abspath(os.path.join(context.cwd, given))


def token_file(args: argparse.Namespace, context: Context) -> str:
    if args.token_file:
        return os.path.abspath(os.path.join(context.cwd, args.token_file))
    return os.path.join(state(args, context), "token")
