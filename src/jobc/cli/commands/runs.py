"""`jobc runs`: the history of runs, from the journal of this project. Each action is a module of `cli.runs`."""

from __future__ import annotations

import argparse
from importlib import import_module

from jobc.cli.context import Context
from jobc.errors import UsageError

#: action → (module, what it does in one line)
ACTIONS = {
    "list": ("listing", "all runs, the newest first"),
    "show": ("showing", "one run: its jobs, why they ended so, when they ran, its outputs"),
    "logs": ("logs", "what the stages of a run wrote; -f follows a run while it runs"),
    "artifacts": ("artifacts", "what the jobs of a run published, and a way to get it"),
    "report": ("reporting", "one run as one HTML file that needs no network"),
    "diff": ("diff", "what differs between two runs"),
    "cancel": ("cancelling", "ask the engine that runs a run to end it"),
    "prune": ("pruning", "remove old runs"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (module, summary) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        import_module(f"jobc.cli.runs.{module}").configure(action)


def run(args: argparse.Namespace, context: Context) -> int:
    from jobc.engine.journal.history import History

    module = import_module(f"jobc.cli.runs.{ACTIONS[args.action][0]}")
    history = History.open(context.state_dir)
    if history is None:
        if hasattr(module, "run_without_history"):
            code: int = module.run_without_history(args, context)
            return code
        raise UsageError(
            f"there is no run `{args.run}`", help="no run was made here yet; `jobc run FILE` makes one"
        )
    try:
        ended: int = module.run(args, history, context)
        return ended
    finally:
        history.close()
