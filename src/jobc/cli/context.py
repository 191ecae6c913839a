"""What a command is given beside its own arguments: where it stands, how it may speak, and its settings."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from jobc.cli.config import Config


class Context:
    """`cwd` is absolute. `verbosity`: -1 quiet, 0 usual, 1 and up more. The streams are text streams.

    The settings are read when first asked for.
    """

    __slots__ = ("_color_flag", "_config", "cwd", "stderr", "stdin", "stdout", "verbosity")

    def __init__(
        self,
        cwd: str | None = None,
        *,
        color: str | None = None,
        verbosity: int = 0,
        config: Config | None = None,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.cwd = os.path.abspath(cwd) if cwd is not None else os.getcwd()
        self.verbosity = verbosity
        self.stdin = stdin if stdin is not None else sys.stdin
        self.stdout = stdout if stdout is not None else sys.stdout
        self.stderr = stderr if stderr is not None else sys.stderr
        self._color_flag = color
        self._config = config

    def apply(self, color: str | None, verbosity: int | None) -> None:
        """Take over options that were given; None leaves what holds."""
        if color is not None:
            self._color_flag = color
        if verbosity is not None:
            self.verbosity = verbosity

    @property
    def config(self) -> Config:
        """The settings in force (`cli.config`). Raises UsageError where a configuration file is wrong."""
        if self._config is None:
            from jobc.cli.config import load

            self._config = load(self.cwd)
        return self._config

    @property
    def color(self) -> bool:
        """Whether standard output may hold colour."""
        return self.color_on(self.stdout)

    def color_on(self, stream: TextIO) -> bool:
        """Whether `stream` may hold colour: flag, JOBC_COLOR, settings, NO_COLOR, FORCE_COLOR, terminal."""
        for choice in (self._color_flag, os.environ.get("JOBC_COLOR"), self._configured_color()):
            if choice in ("always", "never"):
                return choice == "always"
            if choice == "auto":
                break
        if os.environ.get("NO_COLOR"):
            return False
        forced = os.environ.get("FORCE_COLOR")
        if forced:
            return forced != "0"
        return is_terminal(stream) and os.environ.get("TERM") != "dumb"

    def _configured_color(self) -> str | None:
        from jobc.errors import UsageError

        try:
            return self.config.color
        except UsageError:
            # Said by whoever needs the settings themselves; how to colour that message must not fail.
            return None

    @property
    def width(self) -> int | None:
        """Columns of the terminal that standard output is; None where it is none."""
        return self.width_of(self.stdout)

    def width_of(self, stream: TextIO) -> int | None:
        """Columns of the terminal that `stream` is; None where it is none."""
        if not is_terminal(stream):
            return None
        columns = os.environ.get("COLUMNS", "")
        if columns.isdigit() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(stream.fileno()).columns or None
        except (OSError, ValueError):
            return None

    @property
    def interactive(self) -> bool:
        """Whether progress may be drawn: standard error is a terminal and not a dumb one."""
        return is_terminal(self.stderr) and os.environ.get("TERM") != "dumb"

    @property
    def root(self) -> str:
        """The folder of the project's configuration file, else the working folder: globs are relative to it."""
        return self.config.root or self.cwd

    @property
    def state_dir(self) -> str:
        """`.jobc` in the project's root. It may not exist yet."""
        return os.path.join(self.root, ".jobc")

    @property
    def cache_dir(self) -> str:
        """`$XDG_CACHE_HOME/jobc`. It may not exist yet."""
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        return os.path.join(base, "jobc")


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # a closed stream
        return False
