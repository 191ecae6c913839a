"""Calls a function for a `uses` stage: `module:function` in the child process, a registered one in this."""

from __future__ import annotations

import importlib
import inspect
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from jobc.interpreter import child, wire
from jobc.interpreter.child_errors import describe, not_plain


def call(request: Dict[str, Any]) -> Dict[str, Any]:
    """Run a `call` request for `module:function`; the reply as `child.execute` gives it."""
    owner = os.getpid()
    try:
        function, problem = _resolve(request["function"])
    except BaseException as error:  # noqa: BLE001 (whatever importing the user's module raises is the stage's failure)
        if os.getpid() != owner:
            raise
        return {**child.empty_reply(), "error": describe(error, "")}
    if problem is not None:
        return _refusal(problem)
    return call_function(request, function)


def _refusal(problem: str) -> Dict[str, Any]:
    error: Dict[str, Any] = {"type": "call", "message": problem, "bases": [], "line": None, "code": None}
    return {**child.empty_reply(), "error": error}


def call_function(request: Dict[str, Any], function: Callable[..., Any]) -> Dict[str, Any]:
    """Call `function` with the request's arguments, once they fit its signature."""
    name = request["function"]
    problem = _misfit(function, name, request["arguments"])
    if problem is not None:
        return _refusal(problem)
    reply = child.empty_reply()
    owner = os.getpid()
    try:
        value = function(**request["arguments"])
        if hasattr(value, "__await__"):
            import asyncio

            value = asyncio.run(_awaited(value))
    except BaseException as error:  # noqa: BLE001 (everything that a function raises is its failure)
        if os.getpid() != owner:
            raise
        reply["error"] = describe(error, "")
        return reply
    child.leave_fork(owner)
    try:
        carried = wire.plain(value, "what %s returned" % name)
        reply["outputs"] = (
            carried if isinstance(carried, dict) else {} if carried is None else {"result": carried}
        )
    except wire.NotPlain as problem_:
        reply["error"] = not_plain(problem_)
    return reply


async def _awaited(value: Any) -> Any:
    return await value


def _resolve(name: str) -> Tuple[Any, Optional[str]]:
    module_name, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            return None, "there is no module %r; put it beside the jobs file, or install it" % error.name
        raise
    for part in path.split("."):
        if not hasattr(found, part):
            return None, "in %s %s" % (module_name, child.missing(part, _public(found)))
        found = getattr(found, part)
    if not callable(found):
        return None, "%s is of type %s, which cannot be called" % (name, type(found).__name__)
    return found, None


def _public(holder: Any) -> List[str]:
    return [name for name in dir(holder) if not name.startswith("_")]


def _misfit(function: Any, name: str, arguments: Dict[str, Any]) -> Optional[str]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(**arguments)
    except TypeError as error:
        return "`with` does not fit %s%s: %s" % (name, signature, error)
    return None
