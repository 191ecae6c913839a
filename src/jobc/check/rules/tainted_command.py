"""## What it does

Reports a value of free text that decides what runs or where: a command, a script, the code of `eval` or `sh -c`, a shell, a
package, a Python module or function, an image, an address. Splicing a value into a script is safe by itself (values never
become code), and is not meant; this is about the places where the value is run all the same. Arguments, paths and addresses
that are only data are not meant either.

The value is followed from the parameter through outputs, matrices, loops, `env`, variables and functions of scripts, files
and parameters that an earlier stage of the job wrote or set, other jobs and each of their combinations, and workflows that `trigger` starts; the way is shown, step by step. A value that
a script compares or matches (`case`, `[[ … =~ … ]]`, `grep -q`, `in`, `re.fullmatch`) is taken to be validated.

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
from jobc.sema import taint_shell
from jobc.sema.environments import runs_on
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.script_places import node_span
from jobc.sema.taint import Flow, Taint, place, project
from jobc.sema.taint_programs import role
from jobc.sema.taint_python import calls
from jobc.sema.walk import stages
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    CallStage,
    Const,
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
_WORDS = {
    taint_shell.COMMAND: "names a command",
    taint_shell.CODE: "is run as code by `{program}`",
    taint_shell.SCRIPT: "names the script that `{program}` runs",
    taint_shell.PACKAGE: "names a package that is installed and run",
    taint_shell.IMAGE: "names the image that runs",
    taint_shell.FETCHED: "is the address of code that is fetched and run",
}
_SHELL_CALLS = frozenset(("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"))
_CODE_CALLS = frozenset(("eval", "exec", "compile", "builtins.eval", "builtins.exec"))
_PROCESS_CALLS = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")
)
_MODULE_CALLS = frozenset(
    ("importlib.import_module", "import_module", "__import__", "runpy.run_path", "runpy.run_module")
)
_EXEC_CALLS = frozenset(f"os.{name}" for name in ("execv", "execve", "execvp", "execvpe", "execl", "execlp"))


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    flows = project(model)
    for workflow, taint in flows:
        if not taint.has_sources:
            continue
        for job in workflow.jobs.values():
            yield from _environment(job, workflow, taint)
            for stage in stages(job):
                yield from _stage(stage, job, workflow, taint)
    for _, taint in flows:
        taint.forget()


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
        yield from _python(stage, job, workflow, taint)
    elif isinstance(stage, CallStage):
        yield from _sink(stage.function, "names the function that is called", job, stage, taint)
    elif isinstance(stage, DockerStage):
        yield from _sink(stage.image, "names the image that runs", job, stage, taint)
        yield from _container(stage, job, taint)


def _container(stage: DockerStage, job: Job, taint: Taint) -> Iterator[Diagnostic]:
    """The command of a container: its first word, and the code of a `sh -c` in it."""
    command = stage.command
    if isinstance(command, TemplateValue):
        yield from _sink(command, "is part of the command that runs", job, stage, taint)
    elif isinstance(command, ListValue):
        texts = [str(word.value) if isinstance(word, Const) else "" for word in command.items]
        for position, word in enumerate(command.items):
            if not isinstance(word, Const):
                how = role(texts, position)
                if how != taint_shell.ARGUMENT:
                    words = "is part of the command that runs" if position == 0 else _said(how, texts)
                    yield from _sink(word, words, job, stage, taint)


def _sink(
    value: Value | None, words: str, job: Job, stage: Stage | None, taint: Taint
) -> Iterator[Diagnostic]:
    flow = taint.value(value, job, stage)
    if flow is not None and value is not None:
        yield _finding(value.span, words, flow)


def _said(how: str, texts: list[str]) -> str:
    return _WORDS[how].format(program=texts[0] if texts and texts[0] else "the command")


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
    flow = taint.shell(stage, job) if placed is not None else None
    for use in flow.uses if flow is not None else ():
        if use.role in _WORDS and placed is not None:
            words = _WORDS[use.role].format(program=use.program)
            yield _finding(place(use, placed), words, use.value)


def _python(stage: PyStage, job: Job, workflow: WorkflowModel, taint: Taint) -> Iterator[Diagnostic]:
    """What code runs; an expression that stands in such code itself is `unsafe-splice`."""
    placed = workflow.scripts.get(id(stage))
    if placed is None or not any(word in placed.text for word in _RUNNING):
        return
    flow = taint.python(stage, job)
    for call, name in calls(flow.tree) if flow is not None else ():
        if flow is not None and call.args:
            for node, words in _run(call, name):
                found = flow.value(node)
                if found is not None:
                    yield _finding(node_span(placed, node), words, found)


_RUNNING = ("os.", "subprocess", "eval", "exec", "import_module", "__import__", "runpy")


def _run(call: ast.Call, name: str) -> Iterator[tuple[ast.expr, str]]:
    """The arguments of a call that are run, or decide what is, each with what is said of it."""
    first = call.args[0]
    if name in _CODE_CALLS:
        yield first, f"is run as Python by `{name}`"
    elif name in _SHELL_CALLS or (name in _PROCESS_CALLS and _through_shell(call)):
        yield first, f"is run as shell code by `{name}`"
    elif name in _MODULE_CALLS:
        yield first, "names a Python module that is run"
    elif name in _EXEC_CALLS:
        yield first, "names the program that runs"
    elif name in _PROCESS_CALLS and isinstance(first, ast.List):
        texts = [
            node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            for node in first.elts
        ]
        for position, node in enumerate(first.elts):
            how = role(texts, position)
            if how != taint_shell.ARGUMENT and not isinstance(node, ast.Starred):
                yield node, "names the program that runs" if position == 0 else _said(how, texts)
    elif name in _PROCESS_CALLS and not isinstance(first, ast.Tuple):
        yield first, "names the program that runs"


def _through_shell(call: ast.Call) -> bool:
    return any(
        keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.keywords
    )
