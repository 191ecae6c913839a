"""Programs as bytes: canonical JSON, the same for the same program on every machine.

The layout follows the classes of `program`: one object a node, its fields under their own names, those
that have their default left out. Keys are sorted, nothing is indented, text is ASCII with escapes, the
end is a newline. `hash` is the SHA-256 of the rest, so that a file which was cut or changed is told from
one that jobc wrote. `loads` takes nothing on trust: every field, index and code is checked, because what
it returns is run as it is.

A node's layout is a row of `LAYOUT`: field, kind, default. Kinds are read by `_Reader`; those that hold nodes
are written by `_WRITERS`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Callable, Dict, List, Tuple

from jobc.ir import program as ir
from jobc.ir.codes import CodeProblem, check_code

FORMAT = "jobc"
_REQUIRED = object()


class IRError(ValueError):
    """The input is no program that this version can read; the message says why, and what to do."""


_STAGE: List[Tuple[str, str, Any]] = [
    ("span", "span", _REQUIRED),
    ("id", "text", None),
    ("name", "code", None),
    ("desc", "text", None),
    ("condition", "code", None),
    ("env", "named", []),
    ("timeout", "code", None),
    ("retry", "retry", None),
    ("continue_on_error", "code", None),
    ("extras", "code", None),
]

LAYOUT: Dict[type, List[Tuple[str, str, Any]]] = {
    ir.Slot: [("name", "text", _REQUIRED), ("code", "code", _REQUIRED), ("use", "use", _REQUIRED)],
    ir.Script: [
        ("language", "language", _REQUIRED),
        ("text", "text", _REQUIRED),
        ("slots", "slots", []),
        ("file", "file", _REQUIRED),
        ("lines", "lines", _REQUIRED),
    ],
    ir.Param: [
        ("name", "text", _REQUIRED),
        ("type", "param_type", _REQUIRED),
        ("default", "json", None),
        ("has_default", "flag", False),
        ("required", "flag", False),
        ("enum", "json_list", None),
        ("min", "number", None),
        ("max", "number", None),
        ("pattern", "text", None),
        ("desc", "text", None),
    ],
    ir.Retry: [
        ("attempts", "code", None),
        ("delay", "code", None),
        ("backoff", "backoff", "fixed"),
        ("max_delay", "code", None),
        ("jitter", "code", None),
        ("on", "reasons", []),
        ("preemptions", "code", None),
    ],
    ir.RunsOn: [("type", "text", _REQUIRED), ("args", "named", [])],
    ir.Strategy: [
        ("matrix", "matrix", None),
        ("include", "code", None),
        ("exclude", "code", None),
        ("max_parallel", "code", None),
        ("fail_fast", "code", None),
    ],
    ir.Concurrency: [
        ("group", "code", _REQUIRED),
        ("cancel_in_progress", "code", None),
        ("limit", "code", None),
    ],
    ir.Cache: [("key", "code", None), ("inputs", "codes", []), ("outputs", "codes", [])],
    ir.Published: [
        ("name", "text", _REQUIRED),
        ("paths", "codes", _REQUIRED),
        ("when", "when", "success"),
        ("if_missing", "if_missing", "error"),
    ],
    ir.Placed: [
        ("source", "text", _REQUIRED),
        ("publishers", "needs", []),
        ("name", "text", None),
        ("path", "code", None),
        ("per_combination", "code", None),
        ("if_missing", "if_missing", "error"),
    ],
    ir.EmptyStage: [("echo", "code", None), ("sleep", "code", None)],
    ir.BashStage: [("script", "script", _REQUIRED), ("shell", "code", None)],
    ir.PyStage: [
        ("script", "script", _REQUIRED),
        ("vars", "named", []),
        ("deps", "codes", []),
        ("isolation", "isolation", "process"),
    ],
    ir.CallStage: [("function", "code", _REQUIRED), ("with_", "named", [])],
    ir.TriggerStage: [("workflow", "workflow", _REQUIRED), ("params", "named", [])],
    ir.ParallelStage: [("branches", "branches", []), ("max_parallel", "code", None)],
    ir.ForEachStage: [("items", "code", _REQUIRED), ("stages", "stages", []), ("max_parallel", "code", None)],
    ir.UntilStage: [
        ("until", "code", _REQUIRED),
        ("item", "code", None),
        ("max_loop", "code", None),
        ("stages", "stages", []),
    ],
    ir.CaseStage: [("value", "code", _REQUIRED), ("arms", "arms", []), ("skip_not_match", "code", None)],
    ir.RaiseStage: [("message", "code", _REQUIRED)],
    ir.DockerStage: [
        ("image", "code", _REQUIRED),
        ("command", "code", None),
        ("volume", "named", []),
        ("options", "named", []),
    ],
    ir.Job: [
        ("id", "text", _REQUIRED),
        ("span", "span", _REQUIRED),
        ("desc", "text", None),
        ("needs", "needs", []),
        ("rule", "rule", "all_success"),
        ("condition", "code", None),
        ("runs_on", "runs_on", _REQUIRED),
        ("resources", "named", []),
        ("strategy", "strategy", None),
        ("stages", "stages", []),
        ("outputs", "named", None),
        ("cache", "cache", None),
        ("artifacts", "artifacts", []),
        ("placed", "placed", []),
        ("env", "named", []),
        ("timeout", "code", None),
        ("retry", "retry", None),
        ("continue_on_error", "code", None),
        ("concurrency", "concurrency", None),
        ("extras", "code", None),
    ],
    ir.Workflow: [
        ("name", "text", _REQUIRED),
        ("span", "span", _REQUIRED),
        ("desc", "text", None),
        ("params", "params", None),
        ("secrets", "texts", []),
        ("env", "named", []),
        ("on", "code", None),
        ("concurrency", "concurrency", None),
        ("max_parallel", "code", None),
        ("timeout", "code", None),
        ("outputs", "named", []),
        ("jobs", "jobs", []),
    ],
}
for _kind in ir.STAGE_KINDS.values():
    LAYOUT[_kind] = _STAGE + LAYOUT[_kind]

_CHOICES: Dict[str, Tuple[str, ...]] = {
    "use": ("word", "words", "integer", "integers", "value", "text"),
    "language": ("bash", "python"),
    "backoff": ("fixed", "linear", "exponential"),
    "isolation": ("process", "inline"),
    "when": ("success", "failure", "always"),
    "if_missing": ("error", "warn", "ignore"),
    "param_type": (
        "str",
        "int",
        "float",
        "decimal",
        "bool",
        "date",
        "datetime",
        "list",
        "map",
        "choice",
        "secret",
        "any",
    ),
    "rule": (
        "all_success",
        "all_failed",
        "all_done",
        "one_success",
        "one_failed",
        "none_failed",
        "none_skipped",
    ),
}
_NODES: Dict[str, type] = {
    "script": ir.Script,
    "retry": ir.Retry,
    "runs_on": ir.RunsOn,
    "strategy": ir.Strategy,
    "concurrency": ir.Concurrency,
    "cache": ir.Cache,
}
_NODE_LISTS: Dict[str, type] = {
    "slots": ir.Slot,
    "params": ir.Param,
    "jobs": ir.Job,
    "artifacts": ir.Published,
    "placed": ir.Placed,
}


# ---------------------------------------------------------------------- writing


def dumps(program: ir.Program) -> bytes:
    """The canonical bytes of a program; raises IRError where a value has no JSON form (NaN, infinity)."""
    head, tail = _body(program)
    digest = hashlib.sha256(head + b"," + tail).hexdigest().encode("ascii")
    return head + b',"hash":"' + digest + b'",' + tail + b"\n"


def content_hash(program: ir.Program) -> str:
    """The SHA-256 (64 hex digits) that names a program: equal programs have equal hashes, on every machine."""
    return hashlib.sha256(b",".join(_body(program))).hexdigest()


def _body(program: ir.Program) -> Tuple[bytes, bytes]:
    """The canonical body in two parts: what stands before its hash, and what stands behind it."""
    head = {
        "codes": [(code.span, code.tree) for code in program.codes],
        "entry": program.entry,
        "files": program.files,
        "format": FORMAT,
    }
    tail = {
        "spans": program.spans,
        "version": ir.VERSION,
        "workflows": [_write_node(workflow) for workflow in program.workflows],
    }
    return _canonical(head)[:-1], _canonical(tail)[1:]


def _digest(body: Dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _canonical(body: Any) -> bytes:
    try:
        text = json.dumps(body, separators=(",", ":"), sort_keys=True, allow_nan=False, ensure_ascii=True)
    except ValueError as error:
        raise IRError("the program holds a number that JSON cannot write: %s" % error) from None
    return text.encode("ascii")


def _write_node(node: Any) -> Dict[str, Any]:
    row: Dict[str, Any] = {}
    if isinstance(node, ir.Stage):
        row["kind"] = node.kind
    for field, kind, default in LAYOUT[type(node)]:
        value = getattr(node, field)
        if value is default:
            continue
        if default is _REQUIRED or value != default or type(value) is not type(default):
            write = _WRITERS.get(kind)
            row[field] = value if write is None else write(value)
    return row


def _write_nodes(nodes: List[Any]) -> List[Any]:
    return [_write_node(node) for node in nodes]


def _write_bodies(bodies: List[Any]) -> List[Any]:
    return [(head, _write_nodes(stages)) for head, stages in bodies]


#: The kinds that hold nodes; values of any other are JSON as they are (a tuple is a list there).
_WRITERS: Dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_NODES, _write_node),
    **dict.fromkeys(_NODE_LISTS, _write_nodes),
    "stages": _write_nodes,
    "branches": _write_bodies,
    "arms": _write_bodies,
}


# ---------------------------------------------------------------------- reading


def loads(data: bytes) -> ir.Program:
    """The program that these bytes hold; raises IRError where they are cut, changed, or of another version."""
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise IRError("this is not a compiled program, or a part of it is missing: %s" % error) from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise IRError("this is not a compiled program: write one with `jobc compile FILE -o PROGRAM`")
    version = body.get("version")
    if version != ir.VERSION:
        if isinstance(version, int) and version > ir.VERSION:
            raise IRError(
                "the program has format version %d, this jobc reads %d: use a newer jobc, or compile it again"
                % (version, ir.VERSION)
            )
        raise IRError("the program has an unknown format version %r: compile it again" % (version,))
    given = body.pop("hash", None)
    if given != _digest(body):
        raise IRError(
            "the program was changed after it was compiled (its hash does not fit): compile it again"
        )
    try:
        return _Reader(body).program()
    except RecursionError:
        raise IRError("the program is nested too deeply") from None


def _no_constant(name: str) -> Any:
    raise ValueError("%s is not JSON" % name)


class _Reader:
    def __init__(self, body: Dict[str, Any]) -> None:
        self._body = body
        self._program = ir.Program()
        self._path = "program"

    def _fail(self, message: str) -> IRError:
        return IRError("%s: %s; compile it again" % (self._path, message))

    def program(self) -> ir.Program:
        body, program = self._body, self._program
        known = {"format", "version", "files", "spans", "codes", "workflows", "entry"}
        if set(body) != known:
            odd = sorted(set(body) ^ known)
            raise self._fail("unknown or missing: %s" % ", ".join(odd))
        program.files = self._texts(body["files"])
        for row in self._list(body["spans"]):
            if not isinstance(row, list) or len(row) != 5 or not all(_is_index(n) for n in row):
                raise self._fail("not a span: %r" % (row,))
            self._below(row[0], len(program.files), "file")
            program.spans.append((row[0], row[1], row[2], row[3], row[4]))
        for row in self._list(body["codes"]):
            if not isinstance(row, list) or len(row) != 2:
                raise self._fail("not a code: %r" % (row,))
            self._below(row[0], len(program.spans), "span")
            try:
                check_code(row[1])
            except CodeProblem as problem:
                raise self._fail(str(problem)) from None
            program.codes.append(ir.Code(row[1], row[0]))
        for number, row in enumerate(self._list(body["workflows"])):
            self._path = "workflow %d" % number
            program.workflows.append(self._node(ir.Workflow, row))
        self._path = "program"
        self._below(body["entry"], len(program.workflows), "workflow")
        program.entry = body["entry"]
        return program

    def _node(self, kind: type, row: Any) -> Any:
        if not isinstance(row, dict):
            raise self._fail("a %s is missing" % kind.__name__)
        layout = LAYOUT[kind]
        names = {field for field, _, _ in layout}
        odd = sorted(set(row) - names - ({"kind"} if issubclass(kind, ir.Stage) else set()))
        if odd:
            raise self._fail("a %s has no %s" % (kind.__name__, ", ".join(odd)))
        node: Any = object.__new__(kind)
        for field, form, default in layout:
            if field in row:
                value = self._value(form, row[field], "%s.%s" % (kind.__name__, field))
            elif default is _REQUIRED:
                raise self._fail("a %s lacks %s" % (kind.__name__, field))
            else:
                value = list(default) if isinstance(default, list) else default
            setattr(node, field, value)
        if isinstance(node, ir.Workflow):
            self._check_needs(node)
        return node

    def _check_needs(self, workflow: ir.Workflow) -> None:
        for number, job in enumerate(workflow.jobs):
            if any(need >= number for need in job.needs):
                raise self._fail("job %s stands before a job that it needs" % job.id)
            if any(other >= number for placed in job.placed for other in placed.publishers):
                raise self._fail("job %s stands before a job whose artifacts it takes" % job.id)

    def _value(self, form: str, value: Any, where: str) -> Any:
        if form in _NODES:
            return self._node(_NODES[form], value)
        if form in _NODE_LISTS:
            return [self._node(_NODE_LISTS[form], item) for item in self._list(value)]
        if form in _CHOICES:
            if value not in _CHOICES[form]:
                raise self._fail("%s cannot be %r" % (where, value))
            return value
        if form == "code":
            return self._code(value)
        if form == "span":
            return self._below(value, len(self._program.spans), "span")
        if form == "file":
            return self._below(value, len(self._program.files), "file")
        if form == "workflow":
            return self._below(value, len(self._body["workflows"]), "workflow")
        if form == "named":
            return self._named(value)
        if form == "matrix":
            return self._named(value) if isinstance(value, list) else self._code(value)
        if form == "stages":
            return self._stages(value)
        if form == "branches":
            return [(self._text(pair[0]), self._stages(pair[1])) for pair in self._pairs(value)]
        if form == "arms":
            return [
                (None if pair[0] is None else self._code(pair[0]), self._stages(pair[1]))
                for pair in self._pairs(value)
            ]
        if form == "lines":
            return self._lines(value)
        if form == "codes":
            return [self._code(item) for item in self._list(value)]
        if form == "needs":
            return [self._below(item, 1 << 31, "job") for item in self._list(value)]
        if form == "texts":
            return self._texts(value)
        if form == "reasons":
            items = self._list(value)
            if not all(isinstance(item, (str, int)) and not isinstance(item, bool) for item in items):
                raise self._fail("%s holds something else than names and numbers" % where)
            return items
        if form == "json":
            return value
        expected: Any = {"text": str, "flag": bool, "number": (int, float), "json_list": list}[form]
        if not isinstance(value, expected) or (form == "number" and isinstance(value, bool)):
            raise self._fail("%s cannot be %r" % (where, value))
        return value

    def _stages(self, value: Any) -> List[ir.Stage]:
        stages: List[ir.Stage] = []
        for row in self._list(value):
            kind = ir.STAGE_KINDS.get(row.get("kind", "")) if isinstance(row, dict) else None
            if kind is None:
                raise self._fail("not a stage of this version: %r" % (row,))
            stages.append(self._node(kind, row))
        return stages

    def _lines(self, value: Any) -> List[Tuple[int, int]]:
        pairs = [(first, second) for first, second in self._pairs(value)]
        if not pairs or pairs[0][0] != 1 or not all(_is_index(a) and _is_index(b) for a, b in pairs):
            raise self._fail("not a line table")
        if any(a >= b for (a, _), (b, _) in zip(pairs, pairs[1:])):
            raise self._fail("a line table must ascend")
        return pairs

    def _named(self, value: Any) -> ir.NamedCodes:
        return [(self._text(name), self._code(code)) for name, code in self._pairs(value)]

    def _pairs(self, value: Any) -> List[Any]:
        items = self._list(value)
        if not all(isinstance(item, list) and len(item) == 2 for item in items):
            raise self._fail("not a list of pairs")
        return items

    def _list(self, value: Any) -> List[Any]:
        if not isinstance(value, list):
            raise self._fail("a list is missing")
        return value

    def _texts(self, value: Any) -> List[str]:
        return [self._text(item) for item in self._list(value)]

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._fail("%r stands where a text belongs" % (value,))
        return value

    def _code(self, value: Any) -> int:
        return self._below(value, len(self._program.codes), "code")

    def _below(self, value: Any, limit: int, noun: str) -> int:
        if not _is_index(value) or value >= limit:
            raise self._fail("there is no %s %r" % (noun, value))
        return int(value)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
