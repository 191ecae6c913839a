"""The `jobc` command: a table of commands. Each lives in its own module, imported only when it is called.

The part before the command's name is read by hand, so that `--version` and a mistyped command cost
nothing; argparse comes in with the command itself. Exit codes are those of CLI: 0 clean or success,
1 findings or a failed run, 2 wrong usage or unreadable input, 3 a defect of jobc, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost half as much as starting Python
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

#: name → (module, what it does in one line), in the order of `jobc --help`.
COMMANDS: dict[str, tuple[str, str]] = {
    "lint": ("jobc.cli.commands.lint", "check jobs files: what is wrong, where, and how to mend it"),
    "explain": ("jobc.cli.commands.explain", "show a rule's page: what it finds, why, and an example"),
    "compile": ("jobc.cli.commands.compile", "compile to the deterministic IR, a text dump, or a graph"),
    "plan": ("jobc.cli.commands.plan", "say what would run and why, and what a change changes"),
    "run": ("jobc.cli.commands.run", "compile and execute a workflow"),
    "runs": ("jobc.cli.commands.runs", "list, show, follow, compare, cancel and report runs"),
    "cache": ("jobc.cli.commands.cache", "see what jobs have cached, check it, and make room"),
    "runner": ("jobc.cli.commands.runner", "run tasks on this machine for engines elsewhere"),
    "import": ("jobc.cli.commands.import_", "rewrite a workflow of another tool, and report what changed"),
    "completion": ("jobc.cli.commands.completion", "print a completion script for bash, zsh or fish"),
}


def main(argv: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    if list(argv) in (["--version"], ["-V"]):
        from jobc import __version__

        print(f"jobc {__version__}")
        return 0
    from jobc.cli.invocation import invoke

    return invoke(argv, COMMANDS)


def entry() -> NoReturn:
    """The console script."""
    # A stream that the caller has closed: what is opened next must not take its place.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for the life of the process
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while the command itself was being loaded
        code = 130
    sys.exit(code)
