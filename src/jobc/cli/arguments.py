"""The arguments of one command: argparse, with errors in jobc's own form.

The global options may stand after the command's name too; where a command has an option of the same
name, the command's own holds.
"""

from __future__ import annotations

import argparse
import os

from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, at most 110 columns; argparse's own way of asking loads half a compressor."""

    def __init__(self, prog: str) -> None:
        try:
            width = os.get_terminal_size().columns
        except OSError:
            width = 80
        super().__init__(prog, max_help_position=28, width=min(width, 110) - 2)


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors are `UsageError`s with a remedy."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("conflict_handler", "resolve")
        options.setdefault("formatter_class", HelpFormatter)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, help=f"`{self.prog} --help` shows what it takes")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        found, extra = self.parse_known_args(args, namespace)
        if extra:
            from jobc.cli.nearest import did_you_mean

            word = extra[0]
            known = [name for action in self._actions for name in action.option_strings]
            raise UsageError(
                f"`{self.prog}` does not take `{word}`",
                help=did_you_mean(word.partition("=")[0], known, f"`{self.prog} --help` shows what it takes"),
            )
        return found


def parser_for(name: str, summary: str) -> CommandParser:
    """The parser of command `name`, with the global options in it; the command adds its own."""
    parser = CommandParser(prog=f"jobc {name}", description=summary[:1].upper() + summary[1:] + ".")
    shared = parser.add_argument_group("global options")
    shared.add_argument(
        "--color", choices=("auto", "always", "never"), default=argparse.SUPPRESS, help="when to use colour"
    )
    shared.add_argument(
        "-v", "--verbose", action="count", default=argparse.SUPPRESS, help="say more (repeatable)"
    )
    shared.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="say only what went wrong"
    )
    return parser
