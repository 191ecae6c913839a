"""`uses`: a function `module:function`, with the working folder on the module path, in the child process of Python stages;
or a function that is registered by name (`tasks`), in this process.

`with` is checked against the function's signature before it is called. A map that it returns is the outputs;
any other value but None is the output `result`.
"""

from __future__ import annotations

import re
from typing import Any, Dict

from jobc.interpreter import tasks
from jobc.interpreter.nearest import nearest
from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.interpreter.stages.python import serve, take
from jobc.ir.program import CallStage


def run(stage: CallStage, attempt: Attempt) -> Done:
    name = attempt.scope.text(stage.function).strip()
    request = {"kind": "call", "function": name, "arguments": attempt.scope.named(stage.with_)}
    if ":" not in name:
        return _registered(name, request, attempt)
    if re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", name) is None:
        raise attempt.failure("call", "`%s` names no function; write `module:function`" % name)
    return serve(request, None, attempt, "", [])


def _registered(name: str, request: Dict[str, Any], attempt: Attempt) -> Done:
    from jobc.interpreter import function_call
    from jobc.interpreter.inline import run_inline

    function = tasks.find(name)
    if function is None:
        near = nearest(name, tasks.known())
        hint = "did you mean `%s`? " % near if near else ""
        message = "no function is registered as `%s`; %swrite `module:function` to call one of a module"
        raise attempt.failure("call", message % (name, hint))
    return take(
        run_inline(request, lambda own: function_call.call_function(own, function), attempt), attempt, ""
    )
