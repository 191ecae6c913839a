"""One command line from its first word to its exit code.

    jobc [-C DIR] [-v|-q] [--color WHEN] COMMAND …

Everything a command raises ends here, as one message and its remedy on standard error: a traceback is
never shown (unless `JOBC_DEBUG=1`), a defect of jobc itself goes to a report file that the message names.
"""

from __future__ import annotations

import codecs
import errno
import os

from jobc.cli.context import Context
from jobc.errors import CompileError, InternalError, JobcError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_COLORS = ("auto", "always", "never")
_OPTIONS = ("--color", "--help", "--quiet", "--verbose", "--version")

HELP = """\
jobc checks, compiles and runs declarative job files: it says what is wrong before anything runs,
and what runs is the same everywhere.

usage: jobc [-C DIR] [-v | -q] [--color WHEN] COMMAND …

commands:
{commands}

global options:
  -C DIR           work as if started in DIR
  -v, --verbose    say more (repeatable)
  -q, --quiet      say only what went wrong
  --color WHEN     auto (default), always or never
  --version        print the version
  -h, --help       print this; `jobc COMMAND --help` for one command

examples:
  jobc lint                            check every jobs file of this project
  jobc run etl.job.yml -p day=monday   run one, with a parameter
  jobc explain JC201                   what a finding means
"""


class Globals:
    """The global options: `folder` of -C, `color` (None: not given), `verbosity` (negative: quiet)."""

    __slots__ = ("color", "folder", "verbosity")

    def __init__(self) -> None:
        self.folder: str | None = None
        self.color: str | None = None
        self.verbosity = 0


def invoke(argv: Sequence[str], commands: Mapping[str, tuple[str, str]]) -> int:
    """Run a command line and return its exit code; nothing is raised."""
    start = os.getcwd()
    context = Context()
    try:
        return guard(argv, context, lambda: _dispatch(list(argv), commands, context))
    finally:
        if os.getcwd() != start:
            os.chdir(start)


def guard(argv: Sequence[str], context: Context, work: Callable[[], int]) -> int:
    """The exit code of `work`, or of what it raises, told to the user; nothing is raised."""
    _accept_any_text(context)
    try:
        code = work()
        context.stdout.flush()
        return code
    except BrokenPipeError:
        give_up_output(context)  # whoever read it has gone
        return 141
    except KeyboardInterrupt:
        context.stderr.write("interrupted\n")
        return 130
    except InternalError as error:
        return _defect(error, argv, context)
    except CompileError as error:
        _tell_findings(error, context)
        return 2
    except JobcError as error:
        _tell(context, str(error), getattr(error, "help", None))
        return 2
    except Exception as error:  # noqa: BLE001 - the border: a defect becomes a report, never a traceback
        if isinstance(error, OSError) and error.filename is not None and not os.environ.get("JOBC_DEBUG"):
            _tell(context, f"{error.filename}: {error.strerror}")
            return 2
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            give_up_output(context)
            _tell(context, f"the output cannot be written: {error.strerror}")
            return 2
        return _defect(error, argv, context)


def give_up_output(context: Context) -> None:
    """Python's own flush at exit must not fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), context.stdout.fileno())


def _accept_any_text(context: Context) -> None:
    """A file's name need not be text, and a terminal need not know every character: neither may end a command."""
    reconfigure = getattr(context.stdout, "reconfigure", None)
    if reconfigure is not None:
        codecs.register_error("jobc", _escaped)
        reconfigure(errors="jobc")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Characters as JSON writes them, so that JSON stays JSON whatever the encoding of the output."""
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


def _dispatch(argv: list[str], commands: Mapping[str, tuple[str, str]], context: Context) -> int:
    options = Globals()
    rest = read_globals(argv, options)
    context.apply(options.color, options.verbosity)
    if options.folder is not None:
        try:
            os.chdir(options.folder)
        except OSError as error:
            raise UsageError(
                f"cannot work in `{options.folder}`: {error.strerror}", help="-C takes an existing folder"
            ) from None
        context.cwd = os.getcwd()
    if not rest:
        context.stderr.write(help_text(commands))
        return 2
    name = rest[0]
    if name in ("-h", "--help"):
        context.stdout.write(help_text(commands))
        return 0
    if name in ("-V", "--version"):
        from jobc import __version__

        context.stdout.write(f"jobc {__version__}\n")
        return 0
    if name not in commands:
        raise _unknown(name, commands)
    module_name, summary = commands[name]
    from jobc.cli.arguments import parser_for

    parser = parser_for(name, summary)
    command = __import__(module_name, fromlist=["run"])  # importlib itself is not free
    command.configure(parser)
    try:
        args = parser.parse_args(rest[1:])
    except SystemExit as stop:  # argparse ends so after printing its help
        return int(stop.code or 0)
    verbosity = -1 if getattr(args, "quiet", False) is True else getattr(args, "verbose", None)
    context.apply(getattr(args, "color", None), verbosity if isinstance(verbosity, int) else None)
    code: int = command.run(args, context)
    return code


def _unknown(name: str, commands: Mapping[str, tuple[str, str]]) -> UsageError:
    from jobc.cli.nearest import did_you_mean

    option = name.startswith("-")
    known = _OPTIONS if option else commands
    return UsageError(
        f"there is no {'option' if option else 'command'} `{name}`",
        help=did_you_mean(name, known, "`jobc --help` lists them"),
    )


def read_globals(argv: list[str], options: Globals) -> list[str]:
    """Read the options before the command's name into `options`; what is left begins with the command."""
    index = 0
    while index < len(argv):
        word = argv[index]
        name, equals, value = word.partition("=")
        if name in ("-C", "--color"):
            if not equals:
                index += 1
                if index == len(argv):
                    raise UsageError(f"`{name}` takes a value", help="`jobc --help` lists the global options")
                value = argv[index]
            if name == "-C":
                options.folder = os.path.join(options.folder or "", value)
            elif value not in _COLORS:
                raise UsageError(f"`--color` cannot be `{value}`", help="use auto, always or never")
            else:
                options.color = value
        elif word.startswith("-C") and not word.startswith("--"):
            options.folder = os.path.join(options.folder or "", word[2:])
        elif word == "--verbose":
            options.verbosity = max(options.verbosity, 0) + 1
        elif word.startswith("-v") and not word.strip("-v"):
            options.verbosity = max(options.verbosity, 0) + len(word) - 1
        elif word in ("-q", "--quiet"):
            options.verbosity = -1
        else:
            return argv[index:]
        index += 1
    return []


def help_text(commands: Mapping[str, tuple[str, str]]) -> str:
    width = max(map(len, commands))
    return HELP.format(
        commands="\n".join(f"  {name:{width}}  {line}" for name, (_, line) in commands.items())
    )


def _tell(context: Context, message: str, remedy: str | None = None) -> None:
    red, blue, reset = (
        ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") if context.color_on(context.stderr) else ("", "", "")
    )
    context.stderr.write(f"{red}error{reset}: {message}\n")
    if remedy:
        context.stderr.write(f"{blue}help{reset}: {remedy}\n")


def _tell_findings(error: CompileError, context: Context) -> None:
    from jobc.diagnostics.diagnostic import Finding

    findings = [item for item in error.diagnostics if isinstance(item, Finding)]
    if findings:
        from jobc.diagnostics.render import render

        paths = {finding.diagnostic.span.file.path for finding in findings}
        color = context.color_on(context.stderr)
        context.stderr.write(
            render(findings, "full", files=len(paths), color=color, width=context.width_of(context.stderr))
        )
    _tell(context, str(error))


def _defect(error: Exception, argv: Sequence[str], context: Context) -> int:
    from jobc.cli.report import write_report

    if os.environ.get("JOBC_DEBUG"):
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__, file=context.stderr)
    where = write_report(error, argv, context)
    _tell(
        context,
        f"jobc itself failed ({type(error).__name__}); the report is in {where}",
        "please send that file with the input that led here",
    )
    return 3
