"""`uses`: a function `module:function`, with the working folder on the module path, in the child process of Python stages.

`with` is checked against the function's signature before it is called. A map that it returns is the outputs;
any other value but None is the output `result`.
"""

from __future__ import annotations

import re

from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.interpreter.stages.python import serve
from jobc.ir.program import CallStage


def run(stage: CallStage, attempt: Attempt) -> Done:
    name = attempt.scope.text(stage.function).strip()
    if ":" not in name:
        raise attempt.failure(
            "call",
            "no function is registered as `%s`; write `module:function` to call one of a module" % name,
        )
    if re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", name) is None:
        raise attempt.failure("call", "`%s` names no function; write `module:function`" % name)
    request = {"kind": "call", "function": name, "arguments": attempt.scope.named(stage.with_)}
    return serve(request, None, attempt, "", [])
