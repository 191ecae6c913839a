"""Where a bundle begins: `--task` for an engine elsewhere, or the command line of a person.

A task starts in every container and on every node anew, so it loads what it needs and nothing else: no argument parser, no
settings, no help. What it raises is told by the same border as everything else, which is loaded when that happens.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def entry(archive: str, read: Callable[[str], bytes]) -> int:
    """Run the bundle at `archive`; `read` gives its members. The exit code."""
    argv = sys.argv[1:]
    if not any(word.partition("=")[0] == "--task" for word in argv):
        from jobc.cli.bundled.command import command

        return guarded(argv, lambda: command(argv, archive, read))
    from jobc.cli.bundled.task import run_task_files

    try:
        return run_task_files(argv, read)
    except BaseException as error:  # noqa: BLE001 - told below
        raised = error
    return guarded(argv, lambda: _raise(raised))


def guarded(argv: list[str], work: Callable[[], int]) -> int:
    """The exit code of `work`, or of what it raises. No settings are read: they belong to an installed jobc."""
    from jobc.cli.config import Config
    from jobc.cli.context import Context
    from jobc.cli.invocation import guard

    return guard(argv, Context(config=Config()), work)


def _raise(error: BaseException) -> int:
    raise error
