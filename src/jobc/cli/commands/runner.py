"""`jobc runner`: the self-hosted runner. Each action is a module of `cli.runner`."""

from __future__ import annotations

import argparse
from importlib import import_module

from jobc.cli.context import Context

#: action → (module, what it does in one line)
ACTIONS = {
    "serve": ("serving", "run tasks on this machine for engines elsewhere"),
    "token": ("token", "make the token that engines send, or another in its place"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (module, summary) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        import_module(f"jobc.cli.runner.{module}").configure(action)


def run(args: argparse.Namespace, context: Context) -> int:
    code: int = import_module(f"jobc.cli.runner.{ACTIONS[args.action][0]}").run(args, context)
    return code
