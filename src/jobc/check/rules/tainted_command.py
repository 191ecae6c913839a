"""## What it does

Reports a value of free text that decides what runs or where: a command, the code of `eval` or `sh -c`, a shell, a Python
package or function, an image, an address. Splicing a value into a script is safe by itself (values never become code), and
is not meant; this is about the places where the value is run all the same. The value is followed from the parameter
through outputs, matrices, variables and other jobs, and the way is shown.

## Why is this bad?

Whoever may start a run, or a service that starts one with what it was sent, chooses what the run executes.

## Example

```yaml
params: {tool: str}
jobs:
  check:
    env: {TOOL: "${{ params.tool }}"}
    stages:
      - bash: eval "$TOOL --version"
```

Use instead a set of known values, which `enum` and `pattern` make of free text:

```yaml
params: {tool: {type: choice, enum: [ruff, mypy]}}
jobs:
  check:
    env: {TOOL: "${{ params.tool }}"}
    stages:
      - bash: $TOOL --version
```
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema import scripts_uses
from jobc.sema.environments import runs_on
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.reads import python_tree
from jobc.sema.script_places import line_span
from jobc.sema.taint import Flow, Taint
from jobc.sema.walk import stages
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    CallStage,
    DockerStage,
    Job,
    ListValue,
    PyStage,
    Stage,
    TemplateValue,
    Value,
)

RULE = Rule("JC501", "tainted-command", WARNING, "free text that decides what runs, or where")

_REMEDY = "declare the values that `{}` can have with `enum`, or its form with `pattern`"
_ARGUMENTS = {
    "image": "names the image that runs",
    "tag": "names the image that runs",
    "host": "is the address that the job and its token are sent to",
    "docker_host": "is the address of the daemon that runs the job",
    "endpoint_url": "is the address that the job and its credentials are sent to",
    "endpoint": "is the address that the job and its credentials are sent to",
    "batch_account_url": "is the address that the job and its credentials are sent to",
    "volume": "chooses a folder of the host that the job sees",
}
_SHELL_CALLS = frozenset(("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"))
_CODE_CALLS = frozenset(("eval", "exec", "compile", "builtins.eval", "builtins.exec"))
_PROCESS_CALLS = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")
)


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        taint = Taint(workflow)
        if not taint.has_sources:
            continue
        for job in workflow.jobs.values():
            yield from _environment(job, workflow, taint)
            for stage in stages(job):
                yield from _stage(stage, job, workflow, taint)


def _environment(job: Job, workflow: WorkflowModel, taint: Taint) -> Iterator[Diagnostic]:
    found = runs_on(job, workflow)
    for item in found.args if found is not None else ():
        words = _ARGUMENTS.get(item.key)
        if words is not None:
            yield from _sink(item.value, words, job, None, taint)


def _stage(stage: Stage, job: Job, workflow: WorkflowModel, taint: Taint) -> Iterator[Diagnostic]:
    if isinstance(stage, BashStage):
        yield from _sink(stage.shell, "names the program that runs the script", job, stage, taint)
        yield from _bash(stage, job, workflow, taint)
    elif isinstance(stage, PyStage):
        for package in stage.deps:
            yield from _sink(package, "names a package that is installed and run", job, stage, taint)
        yield from _python(stage, workflow, taint)
    elif isinstance(stage, CallStage):
        yield from _sink(stage.function, "names the function that is called", job, stage, taint)
    elif isinstance(stage, DockerStage):
        yield from _sink(stage.image, "names the image that runs", job, stage, taint)
        command = stage.command
        if isinstance(command, ListValue):
            command = command.items[0] if command.items else None
        if isinstance(command, TemplateValue):
            yield from _sink(command, "is part of the command that runs", job, stage, taint)


def _sink(
    value: Value | None, words: str, job: Job, stage: Stage | None, taint: Taint
) -> Iterator[Diagnostic]:
    flow = taint.value(value, job, stage)
    if flow is not None and value is not None:
        yield _finding(value.span, words, flow)


def _finding(span: Span, words: str, flow: Flow) -> Diagnostic:
    return Diagnostic(
        RULE.name,
        f"free text from the parameter `{flow.source}` {words}",
        span,
        help=_REMEDY.format(flow.source),
        related=flow.labels,
    )


def _bash(stage: BashStage, job: Job, workflow: WorkflowModel, taint: Taint) -> Iterator[Diagnostic]:
    placed = workflow.scripts.get(id(stage))
    if placed is None or "$" not in placed.text:
        return
    tainted = taint.env(job, stage)
    for use in scripts_uses.uses(placed.text, tainted.keys()):
        if use.role not in (scripts_uses.COMMAND, scripts_uses.CODE):
            continue
        how = "names a command" if use.role == scripts_uses.COMMAND else f"is run as code by `{use.program}`"
        yield _finding(line_span(stage, placed, use.line, use.name), how, tainted[use.name][1])


def _python(stage: PyStage, workflow: WorkflowModel, taint: Taint) -> Iterator[Diagnostic]:
    """What code reads of `params` by itself; an expression in code that is run is `unsafe-splice`."""
    placed = workflow.scripts.get(id(stage))
    if placed is None or not any(word in placed.text for word in ("os.", "subprocess", "eval", "exec")):
        return
    tree = python_tree(stage, workflow)
    if tree is None:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = ast.unparse(node.func)
        if name in _CODE_CALLS:
            how = f"is run as Python by `{name}`"
        elif name in _SHELL_CALLS or (name in _PROCESS_CALLS and _through_shell(node)):
            how = f"is run as shell code by `{name}`"
        else:
            continue
        for param in _params(node.args[0]):
            flow = taint.param(param)
            if flow is not None:
                yield _finding(line_span(stage, placed, node.lineno), how, flow)


def _through_shell(call: ast.Call) -> bool:
    return any(
        keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.keywords
    )


def _params(node: ast.AST) -> Iterator[str]:
    """The parameters that an argument reads by `params.x` or `params["x"]`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.value, ast.Name):
            if part.value.id != "params":
                continue
            if isinstance(part, ast.Attribute):
                yield part.attr
            elif isinstance(part.slice, ast.Constant) and isinstance(part.slice.value, str):
                yield part.slice.value
