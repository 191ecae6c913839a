"""What runs a Python stage or a called function: in a process of its own, or inside this one.

A request is a map: `kind` (`script` or `call`), the contexts, and for a script its code object, which the parent has
parsed, rewritten and compiled (`pycode`), so that this process need not import `ast`. The reply is a map: `outputs`,
`params` (what changed), `notices`, and `error` or None. In a process the request is read from one inherited file and the
reply written to another; neither is a pipe, so neither can fill up.

This module imports next to nothing, `typing` included: its start is paid by every isolated Python stage.
"""

from __future__ import annotations

import os
import sys

from jobc.interpreter import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Dict, List, Optional, Set


class Record(dict):  # type: ignore[type-arg]
    """A map that also reads and writes as attributes, at every depth."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(missing(name, list(self))) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(missing(name, list(self))) from None


def missing(name: str, known: List[str]) -> str:
    from jobc.interpreter.nearest import nearest

    near = nearest(name, [str(key) for key in known])
    if near is not None:
        return "there is no %r; did you mean %r?" % (name, near)
    names = ", ".join(sorted(str(key) for key in known)[:12])
    return "there is no %r; there are: %s" % (name, names) if names else "there is no %r" % name


def record(value: Any) -> Any:
    """Maps as Records, at every depth; lists are copied, everything else is itself."""
    if type(value) is dict:
        return Record((key, record(item)) for key, item in value.items())
    if type(value) is list:
        return [record(item) for item in value]
    if type(value) is tuple:
        return tuple(record(item) for item in value)
    return value


class Outcome:
    """The `result` of a script: set `outputs` to a map, or put names into it."""

    def __init__(self) -> None:
        self.outputs: Any = {}


class Logger:
    """A standard logger named `jobc` that writes to standard error, made when it is first used."""

    def __getattr__(self, name: str) -> Any:
        import logging

        logger = logging.getLogger("jobc")
        if not logger.handlers:
            handler = logging.StreamHandler(_Stderr())
            handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
        return getattr(logger, name)


class _Stderr:
    """Whatever `sys.stderr` is when something is written."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def execute(request: Dict[str, Any], code: Optional[CodeType], names: Dict[str, Any]) -> Dict[str, Any]:
    """Run a request, a script in the namespace `names`; the reply's `error` says what it raised."""
    if request["kind"] == "call":
        from jobc.interpreter.function_call import call

        return call(request)
    assert code is not None
    return _script(request, code, names)


def _script(request: Dict[str, Any], code: CodeType, names: Dict[str, Any]) -> Dict[str, Any]:
    params = record(request["params"])
    before = {key: _fingerprint(value) for key, value in params.items()}
    result = Outcome()
    names.update(
        params=params,
        matrix=record(request["matrix"]),
        needs=record(request["needs"]),
        stages=record(request["stages"]),
        env=dict(request["env"]),
        item=record(request["item"]),
        context=dict(request["context"]),
        result=result,
        logger=Logger(),
    )
    names.update(request["vars"])
    names.update(request["slots"])
    names["__name__"] = "__main__"
    names["__builtins__"] = __builtins__
    names["__file__"] = code.co_filename
    given = dict(names)
    reply = empty_reply()
    owner = os.getpid()
    try:
        exec(code, names)
    except BaseException as error:  # noqa: BLE001 (everything that a script raises is its failure)
        if os.getpid() != owner:
            raise
        from jobc.interpreter.child_errors import describe

        reply["error"] = describe(error, code.co_filename)
    leave_fork(owner)
    skipped = set(request["imports"])
    own = {
        name: value
        for name, value in names.items()
        if not name.startswith("_") and name not in skipped and not (name in given and given[name] is value)
    }
    try:
        reply["outputs"] = _outputs(own, result, request["bound"], reply["notices"])
        reply["params"] = _changes(params, before)
    except wire.NotPlain as problem:
        if reply["error"] is None:
            from jobc.interpreter.child_errors import not_plain

            reply["error"] = not_plain(problem)
    return reply


def empty_reply() -> Dict[str, Any]:
    return {"outputs": {}, "params": {"set": {}, "delete": []}, "notices": [], "error": None}


def leave_fork(owner: int) -> None:
    """End a process that the script forked and let run off its end: only the stage itself replies."""
    if os.getpid() != owner:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _outputs(own: Dict[str, Any], result: Outcome, bound: int, notices: List[str]) -> Dict[str, Any]:
    """Top-level names that are plain data, then `result.outputs`, which wins."""
    outputs: Dict[str, Any] = {}
    for name, value in own.items():
        if callable(value):
            continue
        try:
            carried = wire.plain(value, name)
        except wire.NotPlain:
            continue
        if _size(carried, bound) > bound:
            notices.append("`%s` is too large to be an output and stays in this stage" % name)
            continue
        outputs[name] = carried
    explicit = result.outputs
    if explicit is None:
        return outputs
    if not isinstance(explicit, dict):
        raise wire.NotPlain("result.outputs", type(explicit).__name__, ", not a map of names to values")
    outputs.update(wire.plain(explicit, "result.outputs"))
    return outputs


def _size(value: Any, bound: int) -> int:
    """About the bytes that a value takes as JSON; stops counting past `bound`."""
    total = 0
    stack = [value]
    while stack and total <= bound:
        item = stack.pop()
        total += 2 + (len(item) if isinstance(item, str) else 8)
        if isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return total


def _fingerprint(value: Any) -> Any:
    try:
        return wire.encode(wire.pack(value))
    except wire.NotPlain:
        return value


def _changes(params: Dict[str, Any], before: Dict[str, Any]) -> Dict[str, Any]:
    changed: Dict[str, Any] = {}
    for key, value in params.items():
        try:
            packed = wire.pack(value)
        except wire.NotPlain as problem:
            if key in before and before[key] is value:
                continue
            raise wire.NotPlain("params[%r]" % key, problem.kind) from None
        if key not in before or wire.encode(packed) != before[key]:
            changed[str(key)] = packed
    return {"set": changed, "delete": [key for key in before if key not in params]}


def main(request_fd: int, reply_fd: int, kept: Optional[Set[str]] = None) -> None:
    """The child process: read the request, run it, write the reply, end.

    `kept` is given in a child that was forked from a zygote: the modules that a fresh interpreter would have too.
    """
    import marshal

    os.set_inheritable(request_fd, False)
    os.set_inheritable(reply_fd, False)
    with open(request_fd, "rb") as file:
        raw = marshal.load(file)
    for door in raw["doors"]:
        _enter(door)
    if kept is not None:
        _settle(raw["place"], kept)
    request = wire.unpack(raw["request"])
    code = marshal.loads(raw["code"]) if raw["code"] is not None else None
    if "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    sys.argv = [code.co_filename if code is not None else request["function"]]
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    names = sys.modules["__main__"].__dict__
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]
    owner = os.getpid()
    reply = execute(request, code, names)
    error = reply["error"]
    with open(reply_fd, "wb") as out:
        out.write(wire.encode(reply).encode("ascii"))
    status = 0 if error is None else error["code"] or 1
    if kept is not None and os.getpid() == owner:
        _finish(status)
    if status:
        sys.exit(status)


def _enter(door: str) -> None:
    """Move this process into the control group that is meant for it."""
    try:
        fd = os.open(door, os.O_WRONLY)
        try:
            os.write(fd, b"0")
        finally:
            os.close(fd)
    except OSError:
        return


def _settle(place: Dict[str, Any], kept: Set[str]) -> None:
    """In a forked child: what a fresh interpreter would have found."""
    os.chdir(place["cwd"])
    os.environ.clear()
    os.environ.update(place["env"])
    for name in {module.partition(".")[0] for module in sys.modules if module not in kept}:
        if os.path.exists(name + ".py") or os.path.isdir(name):
            for module in [each for each in sys.modules if each == name or each.startswith(name + ".")]:
                del sys.modules[module]
    finders = sys.modules.get("importlib")
    if finders is not None:
        finders.invalidate_caches()


def _finish(status: int) -> None:
    """End a forked child as the interpreter would end: threads, exit functions, buffers."""
    threading = sys.modules.get("threading")
    try:
        if threading is not None:
            threading._shutdown()
        import atexit

        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 (an exit function's failure is told, and changes nothing)
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    os._exit(status)
