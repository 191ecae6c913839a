"""A task and its result as files: what the engine sends to an environment elsewhere, and what comes back from it.

    task     JSON: which combination of which job, its inputs, its time. Where the value of a secret stands in them, its
             name stands in the file, and the value travels by another way.
    events   JSON lines, as `run --format jsonl` writes them; a line that is none is a line of a log
    result   JSON: the combination's result, whole

Values that JSON lacks (datetimes, Decimals) are tagged as in `wire`. Both ends check what they read: the file may be cut
off, or of another version. The same two forms serve the journal where a result must come back exactly.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional

from jobc.interpreter.api import CombinationResult, ErrorInfo, Inputs, StageResult
from jobc.interpreter.wire import TAG, pack, pack_map, unpack
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS

VERSION = 1
#: RFC 7464 begins JSON texts in a stream with it.
SEPARATOR = "\x1e"
_ENDS = frozenset([CANCEL, FAILED, SKIP, SUCCESS])


class TaskError(ValueError):
    """A task or a result cannot be read; the text says why, in the user's words."""


def mark_of(task: str) -> str:
    """What begins the event lines in the output of a task: the same whenever it is submitted."""
    import hashlib

    return SEPARATOR + hashlib.sha256(task.encode()).hexdigest()[:12] + ":"


class TaskFile:
    """`timeout` and `grace` (in `inputs`) in seconds; `now` fixes the clock of the stages (ISO), None leaves it."""

    __slots__ = ("inputs", "job", "name", "now", "timeout", "workflow")

    def __init__(
        self,
        name: str,
        workflow: int,
        job: int,
        inputs: Inputs,
        *,
        timeout: Optional[float] = None,
        now: Optional[str] = None,
    ) -> None:
        self.name = name
        self.workflow = workflow
        self.job = job
        self.inputs = inputs
        self.timeout = timeout
        self.now = now


def dump_task(task: TaskFile, hidden: Optional[Mapping[str, str]] = None) -> bytes:
    """The task without the environment it is sent from and its working folder.

    `hidden` are further values that must not be in it, by a name of their own (secret parameters, say); they travel
    with the secrets.
    """
    inputs = task.inputs
    veil = _Veil({**inputs.secrets, **(hidden or {})})
    document = {
        "version": VERSION,
        "name": task.name,
        "workflow": task.workflow,
        "job": task.job,
        "timeout": task.timeout,
        "now": task.now,
        "secrets": sorted(inputs.secrets),
        "hidden": sorted(hidden or {}),
        "params": veil.hide(pack_map(inputs.params)),
        "matrix": veil.hide(pack_map(inputs.matrix)),
        "needs": veil.hide(pack_map(inputs.needs)),
        "env": veil.hide(pack_map(inputs.env)),
        "run": inputs.run,
        "strategy": inputs.strategy,
        "grace": inputs.grace,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def load_task(data: bytes, *, secrets: Dict[str, str], environ: Dict[str, str], workdir: str) -> TaskFile:
    """The task of `dump_task`, in this environment; `secrets` has the hidden values too. Raises TaskError.

    The hidden values count as secrets there, so that they are masked in what the task writes.
    """
    document = _document(data, "task")
    names = _list(document, "secrets", "task") + _list(document, "hidden", "task")
    missing = [name for name in names if name not in secrets]
    if missing:
        raise TaskError("no value for the secret %s" % ", ".join(missing))
    try:
        inputs = Inputs(
            unpack(_reveal(document["params"], secrets)),
            matrix=unpack(_reveal(document["matrix"], secrets)),
            needs=unpack(_reveal(document["needs"], secrets)),
            env={str(name): str(value) for name, value in _reveal(document["env"], secrets).items()},
            environ=environ,
            secrets={name: secrets[name] for name in names},
            run=document["run"],
            strategy=document["strategy"],
            workdir=workdir,
            grace=float(document["grace"]),
        )
        timeout = document["timeout"]
        return TaskFile(
            str(document["name"]),
            int(document["workflow"]),
            int(document["job"]),
            inputs,
            timeout=None if timeout is None else float(timeout),
            now=document["now"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TaskError("the task is not whole: %s" % error) from None


class _Veil:
    """Puts names in place of values in packed data: `{TAG: ["hidden", ["text", ["NAME"], "text"]]}`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._names = {value: name for name, value in sorted(values.items()) if value}
        longest_first = sorted(self._names, key=lambda value: (-len(value), value))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def hide(self, value: Any) -> Any:
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.hide(item) for item in value]
        if isinstance(value, dict):
            if len(value) == 1 and TAG in value:
                kind, inner = value[TAG]
                if kind == "map":
                    return {TAG: ["map", {key: self.hide(item) for key, item in inner.items()}]}
                return {TAG: [kind, self.hide(inner)]}
            # A key cannot be a slot: what could only be hidden there is a value that the user made a name.
            return {key: self.hide(item) for key, item in value.items()}
        return value

    def _text(self, text: str) -> Any:
        assert self._pattern is not None
        pieces: List[Any] = []
        at = 0
        for match in self._pattern.finditer(text):
            if match.start() > at:
                pieces.append(text[at : match.start()])
            pieces.append([self._names[match[0]]])
            at = match.end()
        if not pieces:
            return text
        if at < len(text):
            pieces.append(text[at:])
        return {TAG: ["hidden", pieces]}


def _reveal(value: Any, secrets: Mapping[str, str]) -> Any:
    """The opposite of `_Veil.hide`."""
    if isinstance(value, list):
        return [_reveal(item, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and TAG in value:
        kind, inner = value[TAG]
        if kind == "hidden":
            return "".join(piece if isinstance(piece, str) else secrets[piece[0]] for piece in inner)
        if kind == "map":  # the user's own map with that key
            return {TAG: ["map", {key: _reveal(item, secrets) for key, item in inner.items()}]}
        return {TAG: [kind, _reveal(inner, secrets)]}
    return {key: _reveal(item, secrets) for key, item in value.items()}


def dump_result(name: str, result: CombinationResult) -> bytes:
    document = {"version": VERSION, "name": name, "result": pack_result(result)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def load_result(data: bytes, name: str) -> CombinationResult:
    """The result of the task `name`. Raises TaskError where it is another's, or not whole."""
    document = _document(data, "result")
    if document.get("name") != name:
        raise TaskError("the result is that of %s, not of %s" % (document.get("name"), name))
    try:
        return unpack_result(document["result"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TaskError("the result is not whole: %s" % error) from None


def pack_result(result: CombinationResult) -> Dict[str, Any]:
    """A combination's result as JSON data that `unpack_result` reads back exactly."""
    return {
        "status": result.status,
        "matrix": pack(result.matrix),
        "outputs": pack(result.outputs),
        "error": _pack_error(result.error),
        "reason": result.reason,
        "duration": result.duration,
        "stages": [_pack_stage(stage) for stage in result.stages],
    }


def unpack_result(document: Dict[str, Any]) -> CombinationResult:
    result = CombinationResult(_status(document["status"]), unpack(document["matrix"]))
    result.outputs = dict(unpack(document["outputs"]))
    result.error = _unpack_error(document["error"])
    result.reason = document["reason"]
    result.duration = float(document["duration"])
    result.stages = [_unpack_stage(stage) for stage in document["stages"]]
    return result


def _pack_stage(stage: StageResult) -> Dict[str, Any]:
    return {
        "id": stage.id,
        "path": stage.path,
        "name": stage.name,
        "status": stage.status,
        "attempts": stage.attempts,
        "duration": stage.duration,
        "outputs": pack(stage.outputs),
        "error": _pack_error(stage.error),
        "reason": stage.reason,
    }


def _unpack_stage(document: Dict[str, Any]) -> StageResult:
    stage = StageResult(document["id"], document["name"], _status(document["status"]), document["path"])
    stage.attempts = int(document["attempts"])
    stage.duration = float(document["duration"])
    stage.outputs = dict(unpack(document["outputs"]))
    stage.error = _unpack_error(document["error"])
    stage.reason = document["reason"]
    return stage


def _pack_error(error: Optional[ErrorInfo]) -> Optional[Dict[str, Any]]:
    if error is None:
        return None
    return {**error.to_json(), "exit_code": error.exit_code, "bases": error.bases}


def _unpack_error(document: Optional[Dict[str, Any]]) -> Optional[ErrorInfo]:
    if document is None:
        return None
    error = ErrorInfo(
        str(document["type"]),
        str(document["message"]),
        document["path"],
        document["line"],
        document["exit_code"],
    )
    error.bases = [str(base) for base in document["bases"]]
    return error


def _status(text: Any) -> str:
    if text not in _ENDS:
        raise ValueError("%r is no status" % (text,))
    return str(text)


def _document(data: bytes, what: str) -> Dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise TaskError("the %s is no JSON: %s" % (what, error)) from None
    if not isinstance(document, dict):
        raise TaskError("the %s is no JSON object" % what)
    if document.get("version") != VERSION:
        raise TaskError(
            "the %s is of version %r, and this jobc reads version %d; use the same version on both sides"
            % (what, document.get("version"), VERSION)
        )
    return document


def _list(document: Dict[str, Any], key: str, what: str) -> List[str]:
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise TaskError("the %s is not whole: %s is no list of names" % (what, key))
    return found
