"""`bash`: a script in a file of a private folder, run by the shell.

The file's text is the program's, but for the prelude on its first line (`slots`). The shell is `bash -eo pipefail`
unless `shell` says otherwise: `sh` alone is `sh -e`, a command with arguments stands as it is, `{0}` in it is the
file's place, else the file comes last. Messages of the shell that name a line of the file name the YAML line instead.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from typing import List, Optional

from jobc.interpreter.mark import folder_prefix
from jobc.interpreter.outputs import OutputProblem, read_files
from jobc.interpreter.processes import StartError, run_process, signal_name
from jobc.interpreter.slots import Delivery, SlotProblem
from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.ir.program import BashStage, Script

#: What a shell without arguments is run with.
_FLAGS = {"bash": ["-eo", "pipefail"], "sh": ["-e"], "dash": ["-e"], "zsh": ["-e"], "ksh": ["-e"]}
_LONGEST = 300


def run(stage: BashStage, attempt: Attempt) -> Done:
    shell = _shell(stage, attempt)
    folder = tempfile.mkdtemp(prefix=folder_prefix(attempt.state.inputs.environ))
    try:
        return _run(stage.script, shell, folder, attempt)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _run(script: Script, shell: List[str], folder: str, attempt: Attempt) -> Done:
    path = os.path.join(folder, "script")
    delivery = _deliver(script, shell, folder, attempt)
    with open(path, "wb") as file:
        file.write((delivery.prelude + script.text).encode("utf-8", "surrogateescape"))
    files = os.path.join(folder, "output"), os.path.join(folder, "output.json")
    for name in files:
        with open(name, "wb"):
            pass
    env = attempt.process_env()
    env.update(delivery.env)
    env["JOBC_OUTPUT"], env["JOBC_OUTPUT_JSON"] = files
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


def _deliver(script: Script, shell: List[str], folder: str, attempt: Attempt) -> Delivery:
    delivery = Delivery(folder, os.path.basename(shell[0]))
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

    def line(self, stream: str, text: str) -> None:
        if stream == "stderr":
            if text.startswith(self._path):
                text = self._placed(text)
            if text.strip():
                self.last = text
        self._attempt.emit_line(stream, text)

    def _placed(self, text: str) -> str:
        """`FILE: line 3: message` of bash, `FILE: 3: message` of sh, at the line of the jobs file."""
        rest = text[len(self._path) :]
        number, colon, message = rest[5 if rest.startswith("line ") else 0 :].partition(":")
        if not colon or not number.isdigit():
            return rest
        last = self._script.text.rstrip("\n").count("\n") + 1  # bash finds an unexpected end one line later
        self.yaml_line = self._script.yaml_line(min(int(number), last))
        return "%s:%d:%s" % (self.file, self.yaml_line, message)
