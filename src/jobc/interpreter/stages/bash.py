"""`bash`: a script, run by the shell in a process of its own.

The script's text is the program's, but for the prelude on its first line (`slots`). The shell is `bash -eo pipefail`
unless `shell` says otherwise: `sh` alone is `sh -e`, a command with arguments stands as it is, `{0}` in it is the
file's place, else the file comes last. Messages of the shell that name a line of the script name the YAML line instead.

bash is given the script as an argument: no file to write, and the script's last command needs no process beside the
shell's. A bash before 5.1, which would not tell the lines of an argument, another shell, and a script that is too long get
a file. Files lie in this process's temporary folder and are made when they are needed: those of `$JOBC_OUTPUT`
beforehand only if the script names them, so that it may read them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from typing import Dict, List, Optional

from jobc.interpreter import scratch
from jobc.interpreter.cgroups import groups
from jobc.interpreter.outputs import OutputProblem, read_files
from jobc.interpreter.processes import StartError, run_process, signal_name
from jobc.interpreter.slots import Delivery, SlotProblem
from jobc.interpreter.spawning import find, prepare
from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.ir.program import BashStage, Script

#: What a shell without arguments is run with.
_FLAGS = {"bash": ["-eo", "pipefail"], "sh": ["-e"], "dash": ["-e"], "zsh": ["-e"], "ksh": ["-e"]}
_LONGEST = 300
#: The longest script that is an argument, in bytes; Linux allows 128 KiB.
_ARGUMENT = 100 * 1024
#: What a script that is an argument is called: `$0`, and the beginning of the shell's messages.
_NAME = "jobc"
_VERSION = re.compile(rb"@\(#\)Bash version (\d+)\.(\d+)")


def run(stage: BashStage, attempt: Attempt) -> Done:
    shell = _shell(stage, attempt)
    base = scratch.path("stage")
    delivery = _deliver(stage.script, shell, base, attempt)
    try:
        return _run(stage.script, shell, base, delivery, attempt)
    finally:
        for suffix in (*delivery.files, *_SUFFIXES):
            with contextlib.suppress(OSError):
                os.unlink(base + suffix)


_SUFFIXES = (".script", ".output", ".output.json")


def _shell(stage: BashStage, attempt: Attempt) -> List[str]:
    try:
        parts = ["bash"] if stage.shell is None else shlex.split(attempt.scope.text(stage.shell))
    except ValueError as error:
        raise attempt.failure("start", "`shell` is no command: %s" % error) from None
    if not parts:
        raise attempt.failure("start", "`shell` is empty; name a shell, or leave it out for bash")
    if len(parts) == 1:
        parts += _FLAGS.get(os.path.basename(parts[0]), [])
    return parts


def _run(script: Script, shell: List[str], base: str, delivery: Delivery, attempt: Attempt) -> Done:
    known = shell[1:] == _FLAGS.get(os.path.basename(shell[0]))
    prepare()
    group = groups.take() if known else None
    doors = [] if group is None else group.doors
    enter = "".join("{ echo 0 >%s; } 2>/dev/null || :; " % shlex.quote(door) for door in doors)
    text = (enter + delivery.prelude + script.text).encode("utf-8", "surrogateescape")
    files = base + ".output", base + ".output.json"
    if "JOBC_OUTPUT" in script.text:
        for name in files:
            with open(name, "wb"):
                pass
    env = attempt.process_env()
    env.update(delivery.env)
    env["JOBC_OUTPUT"], env["JOBC_OUTPUT_JSON"] = files
    if known and len(text) <= _ARGUMENT and b"\0" not in text and _tells_lines(shell[0], env):
        path = _NAME
        argv = [*shell, "-c", os.fsdecode(text), path]
    else:
        path = base + ".script"
        with open(path, "wb") as file:
            file.write(text)
        argv = [part.replace("{0}", path) for part in shell]
        if argv == shell:
            argv.append(path)
    log = _Log(path, script, attempt)
    try:
        ended = run_process(
            argv,
            env=env,
            cwd=attempt.state.inputs.workdir,
            cancellation=attempt.cancellation,
            grace=attempt.state.inputs.grace,
            masker=attempt.state.masker,
            sink=log.line,
            family=attempt.state.family,
            limit=attempt.output_limit,
            group=group,
        )
    except StartError as error:
        raise attempt.failure("start", str(error)) from None
    attempt.after(ended)
    if ended.code == 0:
        try:
            return Done(read_files(*files))
        except OutputProblem as problem:
            raise attempt.failure("output", str(problem)) from None
    failure = (
        attempt.death(ended)
        if ended.code is None
        else attempt.failure("exit", _message(ended.code, log.last), exit_code=ended.code)
    )
    if log.yaml_line is not None:
        failure.error.line = log.yaml_line
        failure.error.path = log.file
    try:
        failure.outputs = read_files(*files)
    except OutputProblem as problem:
        attempt.log(str(problem), "stderr")
    raise failure


_told: Dict[str, bool] = {}


def _tells_lines(shell: str, env: Dict[str, str]) -> bool:
    """Whether a shell names the lines of a script that is an argument: bash does from version 5.1 on."""
    if os.path.basename(shell) != "bash":
        return False
    try:
        path = find(shell, env)
        if path not in _told:
            with open(path, "rb") as file:
                version = _VERSION.search(file.read())
            _told[path] = version is not None and tuple(map(int, version.groups())) >= (5, 1)
        return _told[path]
    except OSError:
        return False


def _deliver(script: Script, shell: List[str], base: str, attempt: Attempt) -> Delivery:
    delivery = Delivery(base, os.path.basename(shell[0]))
    for slot in script.slots:
        value = attempt.scope.evaluate(slot.code)
        try:
            if slot.use == "words":
                delivery.words(slot.name, value)
            elif slot.use == "integers":
                delivery.integers(slot.name, value)
            elif slot.use == "integer":
                delivery.integer(slot.name, value)
            else:
                delivery.word(slot.name, value)
        except SlotProblem as problem:
            failure = attempt.scope.fault(slot.code, str(problem))
            failure.error.type = "slot"
            raise failure from None
    return delivery


def _message(code: int, last: str) -> str:
    text = "the script ended with exit code %d" % code
    if code == 127:
        text += " (a command was not found; install it, or check PATH)"
    elif code == 126:
        text += " (a command may not be executed; check its permissions)"
    elif 128 < code < 160:
        text += " (a command was killed by %s)" % signal_name(code - 128)
    return "%s: %s" % (text, last[:_LONGEST]) if last else text


class _Log:
    """The stage's lines; remembers the last on standard error, and the line that the shell complained about."""

    def __init__(self, path: str, script: Script, attempt: Attempt) -> None:
        self.last = ""
        self.yaml_line: Optional[int] = None
        self.file = attempt.state.program.files[script.file]
        self._path = path + ": "
        self._script = script
        self._attempt = attempt

    def line(self, stream: str, text: str, at: float) -> None:
        if stream == "stderr":
            if text.startswith(self._path):
                text = self._placed(text)
            if text.strip():
                self.last = text
        self._attempt.emit_line(stream, text, at)

    def _placed(self, text: str) -> str:
        """`FILE: line 3: message` of bash, `FILE: 3: message` of sh, at the line of the jobs file."""
        rest = text[len(self._path) :]
        if rest.startswith("-c: "):
            rest = rest[4:]
        number, colon, message = rest[5 if rest.startswith("line ") else 0 :].partition(":")
        if not colon or not number.isdigit():
            return rest
        last = self._script.text.rstrip("\n").count("\n") + 1  # bash finds an unexpected end one line later
        self.yaml_line = self._script.yaml_line(min(int(number), last))
        return "%s:%d:%s" % (self.file, self.yaml_line, message)
