"""## What it does

Reports a secret that leaves the place it was given to: it is printed, becomes an output, a name or a matrix
value, a plain parameter of another workflow, or an argument of another program. So is `secrets` as a whole, such as
`toJson(secrets)`: all of them are handed on where one is needed, and those that are declared later too. A Python name that is
assigned a secret at the top level of a stage is an output too, unless it begins with `_`. Secrets are followed through `env`,
variables of scripts, and files that an earlier stage of the job wrote.

## Why is this bad?

Logs are masked, but what is masked was printed, and a part or another form of it is not. Outputs, names and parameters
are kept in the record of the run. Every user of the machine can read the arguments of its programs.

## Example

```yaml
secrets: [TOKEN]
jobs:
  upload:
    stages:
      - bash: |
          echo "token: ${{ secrets.TOKEN }}"
          curl -H "Authorization: Bearer ${{ secrets.TOKEN }}" https://example.com
      - run: |
          token = ${{ secrets.TOKEN }}
```

Use instead:

```yaml
secrets: [TOKEN]
jobs:
  upload:
    stages:
      - bash: |
          curl -H @- https://example.com <<END
          Authorization: Bearer ${{ secrets.TOKEN }}
          END
      - run: |
          _token = ${{ secrets.TOKEN }}
```
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.environments import facts, runs_on, secret_args
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.reads import python_tree
from jobc.sema.script_places import node_span
from jobc.sema.scripts import ScriptPlacement
from jobc.sema.taint import place
from jobc.sema.taint_python import PythonFlow
from jobc.sema.taint_shell import ARGUMENT, BUILTINS, LOG, OUTPUT, PRINTING, ShellFlow
from jobc.sema.types import is_secret, without_null
from jobc.sema.walk import carried, chains, stages
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    DockerStage,
    EmptyStage,
    Item,
    Job,
    PyStage,
    RaiseStage,
    Stage,
    TriggerStage,
    Value,
    holes,
)
from jobc.syntax.expr import Expr, Name

RULE = Rule(
    "JC502", "secret-exposure", WARNING, "a secret that is printed, kept, or passed where others see it"
)

_KEPT_REMEDY = "outputs are kept in the record of the run; hand on what is not secret"
_KEPT = {
    "job.outputs": ("an output", _KEPT_REMEDY),
    "workflow.outputs": ("an output of the run", _KEPT_REMEDY),
    "stage.name": ("the name of a stage", "names are shown and kept; take the secret out"),
    "job.strategy": (
        "a matrix",
        "matrix values name combinations in logs and records; pass an index instead",
    ),
    "job.concurrency": (
        "the name of a concurrency group",
        "names are kept; use something that is not secret",
    ),
    "workflow.concurrency": (
        "the name of a concurrency group",
        "names are kept; use something that is not secret",
    ),
}
_OPEN_ARGS = frozenset(("env", "volume", "options", "pool", "auth", "image", "docker_host"))


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        params = workflow.workflow.params or ()
        if workflow.workflow.secrets or any(param.type == "secret" for param in params):
            yield from _Secrets(workflow).findings()


class _Secrets:
    __slots__ = ("_workflow",)

    def __init__(self, workflow: WorkflowModel) -> None:
        self._workflow = workflow

    def findings(self) -> Iterator[Diagnostic]:
        for site in self._workflow.sites:
            if site.position in _KEPT:
                what, remedy = _KEPT[site.position]
                yield from self._exposed(site.value, site.job, site.stage, what, remedy)
            yield from _together(site.value)
        for job in self._workflow.jobs.values():
            yield from self._place(job)
            files: dict[str, _Held] = {}
            for stage in stages(job):
                yield from self._stage(stage, job, files)

    def _place(self, job: Job) -> Iterator[Diagnostic]:
        found = runs_on(job, self._workflow)
        if found is None:
            return
        if found.type and not facts(found.type):
            return  # of a package that knows its own arguments
        meant = {*secret_args(found.type), *_OPEN_ARGS}
        for item in found.args:
            if item.key not in meant:
                remedy = "only credentials are kept secret there; write the value itself, or pass it by a parameter"
                yield from self._exposed(item.value, job, None, f"`{item.key.replace('_', '-')}`", remedy)

    def _stage(self, stage: Stage, job: Job, files: dict[str, _Held]) -> Iterator[Diagnostic]:
        if isinstance(stage, EmptyStage):
            yield from self._exposed(stage.echo, job, stage, "the log", "remove it from the message")
        elif isinstance(stage, RaiseStage):
            yield from self._exposed(stage.message, job, stage, "the message", "remove it from the message")
        elif isinstance(stage, DockerStage):
            remedy = "the arguments of a container can be read by others; pass it through `env`"
            yield from self._exposed(stage.command, job, stage, "the arguments of a container", remedy)
        elif isinstance(stage, TriggerStage):
            target = self._workflow.triggers.get(id(stage))
            declared = {} if target is None else {p.name: p.type for p in target.workflow.params or ()}
            for item in stage.params:
                if declared.get(item.key) != "secret":
                    remedy = f"declare `{item.key}` there with `type: secret`, or let that workflow read the secret"
                    what = f"the parameter `{item.key}`, which is kept in the record of the run"
                    yield from self._exposed(item.value, job, stage, what, remedy)
        elif isinstance(stage, BashStage):
            yield from self._bash(stage, job, files)
        elif isinstance(stage, PyStage):
            yield from self._python(stage, job, files)

    def _exposed(
        self, value: Value | None, job: Job | None, stage: Stage | None, what: str, remedy: str
    ) -> Iterator[Diagnostic]:
        if value is None:
            return
        for hole in holes(value):
            if hole.expr is None:
                continue
            if self._is_secret(hole.expr):
                yield _finding(hole.span, what, remedy)
                continue
            reads = [chain for part in carried(hole.expr) for chain in chains(part) if chain.root == "env"]
            variables = self._env(job, stage) if reads else {}
            for chain in reads:
                item = variables.get(chain.keys[0]) if chain.keys else None
                if item is not None:
                    yield _finding(hole.span, what, remedy, item)

    def _is_secret(self, expr: Expr) -> bool:
        """Whether the value itself, not only a comparison with it, is secret."""
        return is_secret(without_null(self._workflow.type_of(expr)))

    def _env(self, job: Job | None, stage: Stage | None) -> dict[str, Item]:
        """The environment variables that hold a secret."""
        found: dict[str, Item] = {}
        for items in (self._workflow.workflow.env, job.env if job else (), stage.env if stage else ()):
            for item in items:
                secret = any(
                    hole.expr is not None and self._is_secret(hole.expr) for hole in holes(item.value)
                )
                if secret:
                    found[item.key] = item
                else:
                    found.pop(item.key, None)
        return found

    def _bash(self, stage: BashStage, job: Job, files: dict[str, _Held]) -> Iterator[Diagnostic]:
        placed = self._workflow.scripts.get(id(stage))
        if placed is None:
            return
        values = self._slots(placed)
        values |= {
            name: _Held(None, item) for name, item in self._env(job, stage).items() if name in placed.text
        }
        if not values and not any(name in placed.text for name in files):
            return
        flow = ShellFlow(placed.text, values, files)
        for use in flow.uses:
            if use.role != ARGUMENT:
                continue
            item, span = use.value.item, place(use, placed)
            if use.program in PRINTING:
                if use.goes == LOG:
                    yield _finding(span, "the log", f"do not print it: remove it from `{use.program}`", item)
                elif use.goes == OUTPUT:
                    yield _finding(span, "an output", _KEPT_REMEDY, item)
            elif use.value.hole == span and use.program not in BUILTINS:
                remedy = "others can read the arguments of programs; pass it through `env`, standard input or a file"
                yield _finding(span, f"the arguments of `{use.program}`", remedy)
        for name, found in flow.written.items():
            if found is None:
                files.pop(name, None)
            else:
                files[name] = found[0]

    def _slots(self, placed: ScriptPlacement) -> dict[str, _Held]:
        return {
            p.name: _Held(p.hole.span, None)
            for p in placed.placements
            if p.hole.expr is not None and self._is_secret(p.hole.expr)
        }

    def _python(self, stage: PyStage, job: Job, files: dict[str, _Held]) -> Iterator[Diagnostic]:
        placed = self._workflow.scripts.get(id(stage))
        if placed is None:
            return
        names, variables = self._slots(placed), self._env(job, stage)
        for item in stage.vars:
            if any(hole.expr is not None and self._is_secret(hole.expr) for hole in holes(item.value)):
                names[item.key] = _Held(None, item)
        params = {p.name for p in self._workflow.workflow.params or () if p.type == "secret"}
        if not (names or params or files or any(name in placed.text for name in variables)):
            return
        tree = python_tree(stage, self._workflow)
        if tree is None:
            return

        def read(root: str, keys: tuple[str, ...]) -> _Held | None:
            if root == "env" and keys and keys[0] in variables:
                return _Held(None, variables[keys[0]])
            return _Held(None, None) if root == "params" and keys and keys[0] in params else None

        flow: PythonFlow[_Held] = PythonFlow(tree, names, files, read)
        for node, what, remedy in _exposures(tree):
            held = flow.value(node)
            if held is not None:
                yield _finding(held.hole or node_span(placed, node), what, remedy, held.item)
        files.update((name, found) for name, (found, _) in flow.written.items())


class _Held:
    """Where a secret is: in an expression, in a variable of `env`, or in neither (a parameter)."""

    __slots__ = ("hole", "item")

    def __init__(self, hole: Span | None, item: Item | None) -> None:
        self.hole = hole
        self.item = item


def _together(value: Value) -> Iterator[Diagnostic]:
    """Reads of the whole context: nobody can say which secrets are needed there."""
    for hole in holes(value):
        for chain in chains(hole.expr) if hole.expr is not None else ():
            if chain.root == "secrets" and isinstance(chain.expr, Name):
                yield Diagnostic(
                    RULE.name,
                    "all secrets are handed on at once",
                    hole.span,
                    help="name the one that is needed: `secrets.NAME`",
                )


def _finding(span: Span, what: str, remedy: str, item: Item | None = None) -> Diagnostic:
    related = () if item is None else (Label(item.key_span, f"`{item.key}` holds a secret"),)
    return Diagnostic(RULE.name, f"a secret goes into {what}", span, help=remedy, related=related)


def _exposures(tree: ast.Module) -> Iterator[tuple[ast.expr, str, str]]:
    """The expressions of a script whose values leave it, with what they go into and the remedy."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets: Sequence[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    remedy = f"names assigned at the top level are outputs: write `_{target.id}`, or use the value in a function"
                    for part in _parts(node.value):
                        yield part, f"the output `{target.id}`", remedy
    for each in ast.walk(tree):
        if isinstance(each, ast.Assign) and any(_is_outputs(target) for target in each.targets):
            for part in _parts(each.value):
                yield part, "`result.outputs`", _KEPT_REMEDY
        elif isinstance(each, ast.Call) and _prints(each):
            for argument in each.args:
                for part in _parts(argument):
                    yield part, "the log", "do not print it: remove it from the message"


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """An expression, or the values in a dictionary or a list."""
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _parts(value)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for value in node.elts:
            yield from _parts(value)
    else:
        yield node


def _is_outputs(target: ast.AST) -> bool:
    if isinstance(target, ast.Subscript):
        target = target.value
    return (
        isinstance(target, ast.Attribute)
        and target.attr == "outputs"
        and isinstance(target.value, ast.Name)
        and target.value.id == "result"
    )


def _prints(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id == "print" and not any(keyword.arg == "file" for keyword in call.keywords)
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in ("logger", "logging", "log")
    )
