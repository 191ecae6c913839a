"""ShellCheck on the shell scripts of a run: one process for all of them, or one a core where they are many.

Each script becomes a file of a private folder, its expressions lifted as the runner has them, under a first line that
says which shell runs it and that a failing command ends it. The answers are kept by script for the time of the
process, so whoever asks again, for one file or for many, starts nothing anew.

What is kept are errors and warnings, and of the rest what can be mended on the spot (`_MENDED`). Some are not for jobs
files (`_OFF`): variables that come from the environment are `unset-variable`'s, files that are sourced cannot be followed.
Scripts that are one plain command hold nothing to find and are not sent.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise

from jobc import programs
from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobc.sema.model import SemanticModel
    from jobc.sema.scripts import ScriptPlacement
    from jobc.syntax.ast import Stage

#: Not assigned, maybe misspelt (2154, 2153); sourced files (1090, 1091); shebang lines (2096, 2148, 2239, 1128).
_OFF = "1090,1091,1128,2096,2148,2153,2154,2239"
#: What ShellCheck takes for information and has a fix for: unquoted expansions, which split and glob.
_MENDED = (2086, 2295)
_HEADS = {
    "bash": "#!/bin/bash -e\n",
    "sh": "#!/bin/sh -e\n",
    "dash": "#!/bin/dash -e\n",
    "ash": "#!/bin/dash -e\n",
    "ksh": "#!/bin/ksh -e\n",
}
#: Of scripts with more lines it is not followed where their values go: that takes it minutes for a few thousand.
_LONG = 250
_BRIEFLY = "# shellcheck extended-analysis=false\n"
_ONE_COMMAND = r"\s*(?!(?:local|let|declare|typeset|sudo|export|read|trap|unset|return|rm|find)\b)[\w./-]+(?: +[\w./:=@%+,-]+)*\s*"
#: A script with any of these is more than one plain command.
_MORE = frozenset("$`\"'|&;<>()[]{}*?!#\\\n")

#: A script as it is sent: its shell and its text.
Script = tuple[str, str]

#: Scripts from which on a further process pays for its start.
WORTH = 20

_answers: dict[Script, list[Comment]] = {}
_begun: _Run | None = None


class Comment:
    """One answer: `start:end` are indices in the script; `code` is ShellCheck's number, `level` its word for severity.

    `replacements` mend it: (start, end, text), in order, none beside another.
    """

    __slots__ = ("code", "end", "level", "message", "replacements", "start")

    def __init__(
        self, code: int, message: str, start: int, end: int, level: str, replacements: Sequence[Replacement]
    ) -> None:
        self.code = code
        self.message = message
        self.start = start
        self.end = end
        self.level = level
        self.replacements = replacements


#: `text` for the characters from one index of the script to another.
Replacement = tuple[int, int, str]


def placed(model: SemanticModel) -> list[tuple[Script, ScriptPlacement, Stage]]:
    """The shell scripts of a model that are worth asking about."""
    from jobc.sema.scripts import script_stages, shell_of
    from jobc.syntax.ast import BashStage

    found: list[tuple[Script, ScriptPlacement, Stage]] = []
    if any(diagnostic.rule == "yaml-syntax" for diagnostic in model.diagnostics):
        # Where a quote is not closed, no script is what its author meant.
        return found
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            for stage in script_stages(job):
                script = workflow.scripts.get(id(stage))
                if script is None or not isinstance(stage, BashStage):
                    continue
                shell = shell_of(stage, workflow)
                if shell in _HEADS and not _is_plain(script.text):
                    found.append(((shell, script.text), script, stage))
    return found


def _is_plain(text: str) -> bool:
    """Whether a script is one command of plain words, in which there is nothing to find."""
    text = text.rstrip()
    return _MORE.isdisjoint(text) and re.fullmatch(_ONE_COMMAND, text, re.ASCII) is not None


def begin(scripts: Iterable[Script]) -> None:
    """Start ShellCheck on scripts that `answers` is going to be asked for, and go on meanwhile.

    Whoever begins calls `answers` or `abandon`. Raises UsageError where it cannot be started.
    """
    global _begun
    new = [script for script in dict.fromkeys(scripts) if script not in _answers]
    path = programs.shellcheck() if new and _begun is None else None
    if path is not None:
        _begun = _Run(path, new)


def abandon() -> None:
    """Let go of what was begun and is not asked for after all."""
    global _begun
    if _begun is not None:
        run, _begun = _begun, None
        run.output()


def answers(scripts: Iterable[Script]) -> dict[Script, list[Comment]]:
    """What ShellCheck says of each script (nothing, where it is not installed); nothing is asked twice.

    Raises UsageError where it does not work.
    """
    global _begun
    if _begun is not None:
        run, _begun = _begun, None
        _read(run)
    wanted = dict.fromkeys(scripts)
    new = [script for script in wanted if script not in _answers]
    if new:
        path = programs.shellcheck()
        if path is None:
            _answers.update((script, []) for script in new)
        else:
            _ask(path, new)
    return {script: _answers[script] for script in wanted}


def _ask(path: str, scripts: list[Script]) -> None:
    """Ask about scripts, dealt to as many processes as are worth it."""
    count = max(1, min(programs.cores(), len(scripts) // WORTH))
    runs: list[_Run] = []
    try:
        for number in range(count):
            runs.append(_Run(path, scripts[number::count]))
        while runs:
            _read(runs.pop(0))
    finally:
        for run in runs:
            run.output()


class _Run:
    """ShellCheck at work on the files of a private folder, one for each script."""

    __slots__ = ("_files", "_folder", "_pid", "path", "scripts")

    def __init__(self, path: str, scripts: list[Script]) -> None:
        self.path = path
        self.scripts = scripts
        self._folder = os.path.join(
            os.environ.get("TMPDIR") or "/tmp", f"jobc-{os.getpid()}-{os.urandom(6).hex()}"
        )
        self._files = [os.path.join(self._folder, str(number)) for number in range(len(scripts))]
        os.mkdir(self._folder, 0o700)
        try:
            for name, (shell, text) in zip(self._files, scripts, strict=True):
                with open(name, "wb") as file:
                    file.write((_head(shell, text) + text).encode("utf-8", "replace"))
            self._pid = self._start()
        except BaseException:
            self._remove()
            raise

    def _start(self) -> int:
        """`subprocess` would take as long to load as this takes to run."""
        argv = [self.path, "--norc", "-f", "json1", "-S", "info", "-e", _OFF, "--", *self._files]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.path.join(self._folder, "output"), flags, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, os.path.join(self._folder, "errors"), flags, 0o600),
        ]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SHELLCHECK_")}
        try:
            return os.posix_spawn(self.path, argv, environ, file_actions=actions)
        except OSError as error:
            raise self._failure(error) from None

    def output(self) -> bytes:
        """What it printed, once it is done; the folder is removed."""
        try:
            os.waitpid(self._pid, 0)
            with open(os.path.join(self._folder, "output"), "rb") as file:
                return file.read()
        except OSError as error:
            raise self._failure(error) from None
        finally:
            self._remove()

    def _failure(self, error: OSError) -> UsageError:
        return UsageError(
            f"shellcheck cannot be run: {error.strerror}",
            help=f"check {self.path}, or lint with `--ignore JC401`",
        )

    def _remove(self) -> None:
        for place in (*self._files, *(os.path.join(self._folder, name) for name in ("output", "errors"))):
            if os.path.exists(place):
                os.unlink(place)
        os.rmdir(self._folder)


def _read(run: _Run) -> None:
    """Wait for a run and keep its answers."""
    output = run.output()
    _answers.update((script, []) for script in run.scripts)
    if output.strip() == b'{"comments":[]}':
        return
    import json

    try:
        comments = json.loads(output)["comments"]
        for comment in comments:
            script = run.scripts[int(os.path.basename(comment["file"]))]
            made = _comment(comment, script)
            if made is not None:
                _answers[script].append(made)
    except (ValueError, LookupError, TypeError):
        raise UsageError(
            "shellcheck gave no answer that can be read",
            help=f"check that `{run.path} --version` is 0.9 or newer, or lint with `--ignore JC401`",
        ) from None


def _head(shell: str, text: str) -> str:
    """What stands above a script where it is asked about."""
    return _HEADS[shell] + (_BRIEFLY if text.count("\n") > _LONG else "")


def _comment(comment: dict[str, object], script: Script) -> Comment | None:
    """An answer at its place in the script's own text."""
    shell, text = script
    above = _head(shell, text).count("\n")
    lines = text.split("\n")
    starts = [0]
    for each in lines:
        starts.append(starts[-1] + len(each) + 1)

    def index(line: object, column: object) -> int:
        assert isinstance(line, int)
        assert isinstance(column, int)
        number = min(max(line - 1 - above, 0), len(lines) - 1)
        return min(starts[number] + max(column - 1, 0), starts[number] + len(lines[number]))

    code, line, level = comment["code"], comment["line"], str(comment["level"])
    assert isinstance(code, int)
    assert isinstance(line, int)
    if line <= above or (level not in ("error", "warning") and code not in _MENDED):
        return None
    start = index(line, comment["column"])
    end = index(comment["endLine"], comment["endColumn"])
    if end <= start and (word := re.compile(r"\w+").match(text, start)):
        end = word.end()
    elif end <= start and not text[start:].strip():
        # What is missing at the end is told at the last character, which belongs to the script and its entry.
        end = len(text.rstrip())
        start = max(0, end - 1)
    fix = comment["fix"]
    found: list[Replacement] = []
    for part in fix["replacements"] if isinstance(fix, dict) else ():
        if part["line"] <= above or part["line"] != part["endLine"]:
            found = []
            break
        place = index(part["line"], part["column"]), index(part["endLine"], part["endColumn"])
        found.append((*place, str(part["replacement"])))
    found.sort()
    if any(second[0] <= first[1] for first, second in pairwise(found)):
        found = []
    return Comment(code, str(comment["message"]), start, max(end, start), level, found)
