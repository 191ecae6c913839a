"""`image`: a command in a container of its own, beside the job.

The container finds the job's `env` and the stage's, nothing else of this process's environment, and files at `$JOBC_OUTPUT` and
`$JOBC_OUTPUT_JSON`, as a script does. The words of `command` are known before a value is put into them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from jobc.interpreter.containers import ContainerEnd, ContainerOrder, ContainerProblem
from jobc.interpreter.lines import Output
from jobc.interpreter.mark import MARK
from jobc.interpreter.outputs import OutputProblem, parse_json, parse_text
from jobc.interpreter.processes import signal_name
from jobc.interpreter.stages.attempt import Attempt, Cut, Done
from jobc.interpreter.values import to_text
from jobc.ir.program import DockerStage

_LONGEST = 300


def run(stage: DockerStage, attempt: Attempt) -> Done:
    order = _order(stage, attempt)
    log = _Log(attempt)
    output = Output(attempt.state.masker, log.line, attempt.output_limit)
    try:
        ended = attempt.state.host.containers().run(order, output.feed, attempt.cancellation)
    except ContainerProblem as problem:
        message = attempt.state.masker.mask(str(problem))
        raise attempt.failure("lost" if problem.lost else "start", message) from None
    finally:
        output.end()
    if ended.cut:
        raise Cut
    if ended.code != 0:
        failure = attempt.failure("exit", _message(ended, log.last), exit_code=ended.code)
        try:
            failure.outputs = _outputs(ended)
        except OutputProblem as problem:
            attempt.log(str(problem), "stderr")
        raise failure
    try:
        return Done(_outputs(ended))
    except OutputProblem as problem:
        raise attempt.failure("output", str(problem)) from None


def _order(stage: DockerStage, attempt: Attempt) -> ContainerOrder:
    scope, inputs = attempt.scope, attempt.state.inputs
    arguments = {
        **scope.named(stage.options),
        "image": scope.text(stage.image),
        "volume": scope.named(stage.volume),
    }
    whole = attempt.process_env()
    env = {**scope.env, **{name: whole[name] for name in _OWN if name in whole}}
    mask = attempt.state.masker.mask
    hidden = frozenset(name for name, value in env.items() if mask(value) != value)
    place = (inputs.run.get("id"), attempt.state.job.id, inputs.strategy.get("index", 0), attempt.path)
    return ContainerOrder(
        "%s/%s/%s/%s" % place,
        arguments,
        _command(stage, attempt),
        env,
        hidden,
        run=str(inputs.run.get("id") or ""),
        mark=inputs.environ.get(MARK, ""),
        workdir=inputs.workdir,
        grace=inputs.grace,
    )


_OWN = ("JOBC_RUN_ID", "JOBC_JOB", "JOBC_STAGE", "JOBC_ATTEMPT", "TRACEPARENT")


def _command(stage: DockerStage, attempt: Attempt) -> Optional[List[str]]:
    """The words of the command; a list among them is that many words, null is none."""
    if stage.command is None:
        return None
    value = attempt.scope.evaluate(stage.command)
    words: List[str] = []
    for item in value if isinstance(value, list) else [value]:
        words += [to_text(word) for word in (item if isinstance(item, list) else [item]) if word is not None]
    return words


def _outputs(ended: ContainerEnd) -> Dict[str, Any]:
    outputs: Dict[str, Any] = dict(parse_text(_text(ended.text, "JOBC_OUTPUT")))
    raw = _text(ended.json, "JOBC_OUTPUT_JSON")
    if raw.strip():
        outputs.update(parse_json(raw))
    return outputs


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise OutputProblem("$%s is not UTF-8: %s" % (name, error)) from None


def _message(ended: ContainerEnd, last: str) -> str:
    text = "the container ended with exit code %d" % ended.code
    if ended.why:
        return "%s: %s" % (text, ended.why)
    if 128 < ended.code < 160:
        text += " (its command was killed by %s)" % signal_name(ended.code - 128)
    return "%s: %s" % (text, last[:_LONGEST]) if last else text


class _Log:
    """The stage's lines; remembers the last."""

    def __init__(self, attempt: Attempt) -> None:
        self.last = ""
        self._attempt = attempt

    def line(self, stream: str, text: str) -> None:
        if text.strip():
            self.last = text
        self._attempt.emit_line(stream, text)
