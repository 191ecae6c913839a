"""`run`: a Python script, in a process of its own or, with `isolation: inline`, in this one.

The parent parses and compiles it (`pycode`), the child runs it and replies (`child`). Changes of `params` last for the rest
of the job once the attempt has succeeded; those of an attempt that failed are dropped.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any, Dict, List, Optional

from jobc.interpreter import outputs as output_rules
from jobc.interpreter import wire
from jobc.interpreter.api import ErrorInfo
from jobc.interpreter.contexts import StageFailure
from jobc.interpreter.launcher import Interrupted, Spawn
from jobc.interpreter.processes import StartError
from jobc.interpreter.stages.attempt import Attempt, Cut, Done
from jobc.interpreter.values import EvaluationError, to_text
from jobc.ir.program import PyStage


def run(stage: PyStage, attempt: Attempt) -> Done:
    from jobc.interpreter.pycode import compile_script

    script = stage.script
    path = attempt.state.program.files[script.file]
    scope = attempt.scope
    named = {**scope.named(stage.vars), **attempt.state.inputs.live.get(stage.span, {})}
    scope.extra["vars"] = named
    values: Dict[str, Any] = {}
    texts: Dict[str, str] = {}
    for slot in script.slots:
        value = scope.evaluate(slot.code)
        try:
            if slot.use == "text":
                texts[slot.name] = to_text(value)
            else:
                values[slot.name] = value
        except EvaluationError as error:
            raise scope.fault(slot.code, str(error)) from None
    try:
        code, imports = compile_script(script, path, texts)
    except SyntaxError as error:
        line = error.lineno or script.yaml_line(1)
        message = "%s; mend the script" % (error.msg or "the script is not Python")
        raise StageFailure(ErrorInfo("SyntaxError", message, path, line)) from None
    request = {
        "kind": "script",
        "params": attempt.state.params,
        "matrix": attempt.state.inputs.matrix,
        "needs": attempt.state.inputs.needs,
        "stages": scope.stages,
        "env": scope.env,
        "item": scope.item,
        "context": context(attempt),
        "vars": named,
        "slots": values,
        "imports": imports,
        "bound": output_rules.BOUND,
    }
    if stage.isolation == "inline":
        request["env"] = {**attempt.trace(), **scope.env}
        return serve_inline(request, code, attempt, path)
    return serve(request, code, attempt, path, _deps(stage, attempt))


def context(attempt: Attempt) -> Dict[str, Any]:
    """What a script finds in `context`."""
    run = attempt.scope.run_context()
    return {
        "attempt": run.get("attempt") or attempt.number,
        "run_id": run.get("id"),
        "workflow": run.get("workflow"),
        "job": attempt.state.job.id,
        "stage": attempt.path,
        "strategy": dict(attempt.state.inputs.strategy),
    }


def _deps(stage: PyStage, attempt: Attempt) -> List[str]:
    deps: List[str] = []
    for code in stage.deps:
        value = attempt.scope.evaluate(code)
        deps.extend(to_text(item) for item in (value if isinstance(value, list) else [value]))
    return deps


def serve(
    request: Dict[str, Any], code: Optional[CodeType], attempt: Attempt, path: str, deps: List[str]
) -> Done:
    """Run a request in a process, with the packages `deps` installed for it."""
    state = attempt.state
    interpreter = sys.executable or "python3"
    env = attempt.process_env()
    if deps:
        from jobc.interpreter.venvs import VenvProblem, Venvs, entered, python_of

        venvs = Venvs(
            env,
            state.inputs.workdir,
            state.inputs.grace,
            attempt.cancellation,
            state.masker,
            attempt.emit_line,
            state.family,
        )
        try:
            place = venvs.folder(deps)
            interpreter, env = python_of(place), entered(env, place)
        except VenvProblem as problem:
            if attempt.cancellation.thrown:
                raise Cut from None
            raise attempt.failure("deps", str(problem)) from None
    spawn = Spawn(
        interpreter,
        env,
        state.inputs.workdir,
        attempt.cancellation,
        state.inputs.grace,
        state.masker,
        attempt.emit_line,
        state.family,
        attempt.output_limit,
    )
    try:
        ended, reply = state.launcher.launch(request, code, spawn)
    except wire.NotPlain as problem:
        raise attempt.failure(
            "slot", "%s; live objects reach a script with `isolation: inline` alone" % problem
        ) from None
    except StartError as error:
        raise attempt.failure("start", str(error)) from None
    except Interrupted as problem:
        raise attempt.failure("signal", str(problem)) from None
    attempt.after(ended)
    if reply is not None:
        return take(reply, attempt, path)
    if ended.code is None:
        raise attempt.death(ended)
    raise attempt.failure(
        "exit",
        "the script ended its process with exit code %d before it was through" % ended.code,
        exit_code=ended.code,
    )


def serve_inline(request: Dict[str, Any], code: CodeType, attempt: Attempt, path: str) -> Done:
    """Run a request in this process: for live objects; nothing but an exception can end it early."""
    from jobc.interpreter.inline import run_inline, script

    return take(run_inline(request, script(code), attempt), attempt, path)


def take(reply: Dict[str, Any], attempt: Attempt, path: str) -> Done:
    """The end of a stage from the child's reply."""
    for notice in reply["notices"]:
        attempt.log(notice, "stderr")
    error = reply["error"]
    if error is not None:
        failure = attempt.failure(error["type"], error["message"], exit_code=error["code"])
        if error["line"] is not None:
            failure.error.path, failure.error.line = path, error["line"]
        failure.outputs = reply["outputs"]
        failure.error.bases = error["bases"]
        raise failure
    params = reply["params"]
    attempt.change_params(params["set"], params["delete"])
    return Done(reply["outputs"])
