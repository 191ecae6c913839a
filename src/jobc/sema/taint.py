"""Where a value comes from: whether it may be text that whoever starts a run chooses, and the way that it took.

Sources are parameters of free text: `str`, `list`, `map` and `any` without `enum` or `pattern`. From there a value is
followed backwards from an expression: through operators and functions that keep text, `env`, `vars`, the matrix, the
items of a loop, outputs of stages and jobs, be they declared or written by a script (`taint_shell`, `taint_python`),
parameters of a workflow that declares none where another one starts it, and the outputs that this one gets back. Scripts
hand values on through variables of their own, and within a job through files of constant names and through parameters that
a Python stage sets.
A value whose type leaves no room for free text (numbers, booleans, dates, known words) carries nothing, whatever it was
made of.

Only ways that can be pointed at are followed; what a program computes is not taken to be tainted. Each read is followed
once: what it leads back to is kept, and one that leads back to itself leads nowhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobc.diagnostics.diagnostic import Label
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.reads import python_tree
from jobc.sema.script_places import node_span
from jobc.sema.scripts import ScriptPlacement
from jobc.sema.taint_python import PythonFlow
from jobc.sema.taint_shell import OUTPUT, ShellFlow, Use
from jobc.sema.types import ANY, STR, ListType, MapType, ObjectType, Type, members
from jobc.sema.walk import carried, chains, key_of, stages
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    CaseStage,
    Const,
    ForEachStage,
    Item,
    Job,
    ListValue,
    MapValue,
    ParallelStage,
    ParamDecl,
    PyStage,
    Stage,
    TemplateValue,
    TriggerStage,
    UntilStage,
    Value,
    child_stages,
    holes,
)
from jobc.syntax.expr import Expr, Index, Member
from jobc.syntax.printer import print_expr

_FREE = frozenset(("str", "list", "map", "any"))
#: A shell script without any of these writes no file.
_WRITING = (">", "tee", "cp ", "mv ")
#: A script without this sets no parameter.
_SETTING = re.compile(r"\bparams\s*(?:\.|\[).*=")
#: How many steps a way may have.
_DEPTH = 24


class Flow:
    """A way from a source to the place asked about: `steps` are (place, words) in the order of the flow."""

    __slots__ = ("source", "steps")

    def __init__(self, source: str, steps: tuple[tuple[Span, str], ...]) -> None:
        self.source = source
        self.steps = steps

    def then(self, span: Span, words: str) -> Flow:
        return Flow(self.source, (*self.steps, (span, words)))

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(Label(span, words) for span, words in self.steps)


class Taint:
    """The flows within one workflow.

    `bound` are the values of its parameters where one `trigger` stage starts it; None where anyone may. `started` are the
    stages that start it otherwise, each with the flows of its workflow and its job.
    """

    __slots__ = (
        "_bound",
        "_changes",
        "_depth",
        "_files",
        "_known",
        "_model",
        "_params",
        "_scripts",
        "_targets",
        "has_sources",
        "started",
    )

    def __init__(
        self, model: WorkflowModel, *, bound: Mapping[str, Flow | None] | None = None, depth: int = 0
    ) -> None:
        self._model = model
        self._params = {param.name: param for param in model.workflow.params or ()}
        self._bound = bound
        self._depth = depth
        self._known: dict[tuple[object, ...], Flow | None] = {}
        self._scripts: dict[int, ShellFlow[Flow] | PythonFlow[Flow] | None] = {}
        self._files: dict[int, dict[str, Flow]] = {}
        #: By stage, the parameters that the stages before it have set; None where to something harmless.
        self._changes: dict[int, dict[str, Flow | None]] = {}
        self._targets: dict[int, Taint] = {}
        self.started: list[tuple[Taint, Job, TriggerStage]] = []
        self.has_sources = any(map(is_free, self._params.values()))

    def forget(self) -> None:
        """Let go of what was found, which refers to this in turn and would keep the model until a collector comes by."""
        self._scripts.clear()
        self._targets.clear()
        self.started.clear()

    def value(self, value: Value | None, job: Job | None, stage: Stage | None = None) -> Flow | None:
        """The first flow into a value."""
        if value is None or isinstance(value, Const):
            return None
        for hole in holes(value):
            if hole.expr is not None:
                found = self.expr(hole.expr, job, stage)
                if found is not None:
                    return found
        return None

    def param(self, name: str) -> Flow | None:
        """The flow out of a parameter of free text."""
        if self._bound is not None:
            return self._bound.get(name)
        if self._model.workflow.params is None:
            return self._given(name)
        param = self._params.get(name)
        return _source(param) if param is not None and is_free(param) else None

    def _param(self, name: str, job: Job | None, stage: Stage | None) -> Flow | None:
        """The flow out of a parameter, as it is when a stage begins."""
        if job is not None and stage is not None:
            changes = self._changes_before(stage, job)
            if name in changes:
                return changes[name]
        return self.param(name)

    def _given(self, name: str) -> Flow | None:
        """What others give for a parameter that is not declared."""
        for start, job, stage in self.started:
            found = start._argument(name, job, stage, self._model)
            if found is not None:
                return found
        return None

    def _argument(self, name: str, job: Job, stage: TriggerStage, target: WorkflowModel) -> Flow | None:
        item = next((item for item in stage.params if item.key == name), None)
        if item is None:
            return None
        flow = self._once(("argument", name, id(stage)), lambda: self.value(item.value, job, stage))
        words = f"given to the workflow `{target.name}` as `{name}`"
        return flow and flow.then(item.key_span, words)

    def env(self, job: Job, stage: Stage | None) -> dict[str, tuple[Item, Flow]]:
        """The environment variables that carry a tainted value; a stage's own hide those of the job."""
        items: dict[str, Item] = {}
        for item in (*self._model.workflow.env, *job.env, *(stage.env if stage is not None else ())):
            items[item.key] = item
        found: dict[str, tuple[Item, Flow]] = {}
        for name, item in items.items():
            flow = self.value(item.value, job, stage)
            if flow is not None:
                found[name] = (item, flow.then(item.key_span, f"put into the variable `{name}`"))
        return found

    def expr(self, expr: Expr, job: Job | None, stage: Stage | None) -> Flow | None:
        """The first flow into an expression."""
        if not _may_be_text(self._model.type_of(expr)):
            return None
        for part in carried(expr):
            if part is not expr and not _may_be_text(self._model.type_of(part)):
                continue
            for chain in chains(part):
                keys = _every_key(chain.expr) if "combinations" in chain.keys else chain.keys
                found = self.read(chain.root, keys, job, stage)
                if found is not None:
                    return found
        return None

    def read(self, root: str, keys: tuple[str, ...], job: Job | None, stage: Stage | None) -> Flow | None:
        """The flow into a read such as `needs.build.outputs.x`, by its context and its keys."""
        if root == "params":
            return self._param(keys[0], job, stage) if keys else None
        return self._once((root, keys, id(job), id(stage)), lambda: self._follow(root, keys, job, stage))

    def _once(self, key: tuple[object, ...], find: Callable[[], Flow | None]) -> Flow | None:
        if key in self._known or self._depth > _DEPTH:
            return self._known.get(key)
        self._known[key] = None
        self._depth += 1
        try:
            self._known[key] = found = find()
        finally:
            self._depth -= 1
        return found

    def _follow(self, root: str, keys: tuple[str, ...], job: Job | None, stage: Stage | None) -> Flow | None:
        if root == "item":
            loop = _loop_of(stage, job)
            if isinstance(loop, UntilStage):
                return self.value(loop.item, job, loop)
            if loop is None:
                return None
            need = _combinations_of(loop.items)
            if need is not None and keys[:1] == ("outputs",) and len(keys) > 1:
                return self._job_output(self._model.jobs.get(need), keys[1])
            return self.value(loop.items, job, loop)
        if not keys:
            return None
        name = keys[0]
        if root == "env":
            for items in (stage.env if stage else (), job.env if job else (), self._model.workflow.env):
                for item in items:
                    if item.key == name:
                        return self.value(item.value, job, stage)
        elif root == "vars" and isinstance(stage, PyStage):
            for item in stage.vars:
                if item.key == name:
                    return self.value(item.value, job, stage)
        elif root == "matrix" and job is not None:
            return self._matrix(job, name)
        elif root == "stages" and job is not None and len(keys) > 2 and keys[1] == "outputs":
            return self._stage_output(job, name, keys[2:])
        elif root == "needs" and len(keys) > 2 and keys[1] == "outputs":
            return self._job_output(self._model.jobs.get(name), keys[2])
        elif root == "needs" and len(keys) > 4 and (keys[1], keys[3]) == ("combinations", "outputs"):
            return self._job_output(self._model.jobs.get(name), keys[4])
        return None

    # ------------------------------------------------------------------ matrix and outputs

    def _matrix(self, job: Job, key: str) -> Flow | None:
        strategy = job.strategy
        if strategy is None:
            return None
        values: list[Value | None] = []
        if isinstance(strategy.matrix, MapValue):
            values.append(strategy.matrix.get(key))
        elif isinstance(strategy.matrix, TemplateValue):
            values.append(strategy.matrix)
        if isinstance(strategy.include, ListValue):
            values += [entry.get(key) for entry in strategy.include.items if isinstance(entry, MapValue)]
        for value in values:
            flow = self.value(value, job)
            if flow is not None and value is not None:
                return flow.then(value.span, f"a value of `matrix.{key}`")
        return None

    def _job_output(self, job: Job | None, name: str) -> Flow | None:
        if job is None:
            return None
        if job.outputs is not None:
            for item in job.outputs:
                if item.key == name:
                    flow = self.value(item.value, job)
                    return flow and flow.then(item.key_span, f"the output `{name}` of job `{job.id}`")
            return None
        return self._of_any(job.stages, job, (name,))

    def _stage_output(self, job: Job, id: str, keys: tuple[str, ...]) -> Flow | None:
        for stage in stages(job):
            if stage.id == id:
                return self._output(stage, job, keys)
        return None

    def _of_any(self, within: list[Stage], job: Job, keys: tuple[str, ...]) -> Flow | None:
        """The flow into an output that any of some stages gives."""
        return next(filter(None, (self._output(stage, job, keys) for stage in within)), None)

    def _output(self, stage: Stage, job: Job, keys: tuple[str, ...]) -> Flow | None:
        """The flow into `stages.<id>.outputs.<keys>`."""
        if isinstance(stage, BashStage):
            return self._written_by_shell(stage, job, keys[0])
        if isinstance(stage, PyStage):
            return self._written_by_python(stage, job, keys[0])
        if isinstance(stage, TriggerStage):
            return self._answer(stage, job, keys[0])
        if isinstance(stage, ForEachStage):
            flow = self.value(stage.items, job, stage) if keys[0] == "items" else None
            return flow and flow.then(stage.items.span, "an item of the loop")
        if isinstance(stage, ParallelStage):
            branch = next((branch for branch in stage.branches if branch.name == keys[0]), None)
            return None if branch is None or len(keys) < 2 else self._of_any(branch.stages, job, keys[1:])
        if isinstance(stage, (CaseStage, UntilStage)):
            return next(filter(None, (self._of_any(b, job, keys) for b in child_stages(stage))), None)
        return None

    def _answer(self, stage: TriggerStage, job: Job, name: str) -> Flow | None:
        """The flow into an output of the workflow that a stage starts."""
        target = self._model.triggers.get(id(stage))
        if target is None:
            return None
        if id(stage) not in self._targets:
            declared = target.workflow.params
            free = None if declared is None else {param.name for param in declared if is_free(param)}
            bound = {
                item.key: self._argument(item.key, job, stage, target)
                for item in stage.params
                if free is None or item.key in free
            }
            self._targets[id(stage)] = Taint(target, bound=bound, depth=self._depth)
        for item in target.workflow.outputs:
            if item.key == name:
                flow = self._targets[id(stage)].value(item.value, None)
                words = f"the output `{name}` of the workflow `{target.name}`"
                return flow and flow.then(item.key_span, words)
        return None

    # ------------------------------------------------------------------ scripts

    def shell(self, stage: BashStage, job: Job) -> ShellFlow[Flow] | None:
        """What a shell script does with tainted values; None where none reaches it."""
        found = self._script(stage, job)
        return found if isinstance(found, ShellFlow) else None

    def python(self, stage: PyStage, job: Job) -> PythonFlow[Flow] | None:
        """What a Python script does with tainted values."""
        found = self._script(stage, job)
        return found if isinstance(found, PythonFlow) else None

    def _script(self, stage: BashStage | PyStage, job: Job) -> ShellFlow[Flow] | PythonFlow[Flow] | None:
        files = self._files_before(stage, job)
        if id(stage) not in self._scripts:
            placed = self._model.scripts.get(id(stage))
            self._scripts[id(stage)] = None
            if placed is not None and isinstance(stage, BashStage):
                self._scripts[id(stage)] = self._bash(stage, job, placed, files)
            elif placed is not None and isinstance(stage, PyStage):
                self._scripts[id(stage)] = self._code(stage, job, placed, files)
        return self._scripts[id(stage)]

    def _slots(self, placed: ScriptPlacement, job: Job, stage: Stage) -> dict[str, Flow]:
        found: dict[str, Flow] = {}
        for placement in placed.placements:
            if placement.hole.expr is not None:
                flow = self.expr(placement.hole.expr, job, stage)
                if flow is not None:
                    found[placement.name] = flow
        return found

    def _bash(
        self, stage: BashStage, job: Job, placed: ScriptPlacement, files: Mapping[str, Flow]
    ) -> ShellFlow[Flow] | None:
        values = self._slots(placed, job, stage)
        values |= {name: flow for name, (_, flow) in self.env(job, stage).items() if name in placed.text}
        if not values and not any(name in placed.text for name in files):
            return None
        groups = {
            placement.name: print_expr(placement.hole.expr)
            for placement in placed.placements
            if placement.hole.expr is not None
        }
        return ShellFlow(placed.text, values, files, groups)

    def _code(
        self, stage: PyStage, job: Job, placed: ScriptPlacement, files: Mapping[str, Flow]
    ) -> PythonFlow[Flow] | None:
        tree = python_tree(stage, self._model)
        if tree is None:
            return None
        names = self._slots(placed, job, stage)
        for item in stage.vars:
            flow = self.value(item.value, job, stage)
            if flow is not None:
                names[item.key] = flow.then(item.key_span, f"put into the variable `{item.key}`")

        def read(root: str, keys: tuple[str, ...]) -> Flow | None:
            if root == "env":
                found = self.env(job, stage).get(keys[0]) if keys else None
                return None if found is None else found[1]
            spelt = (keys[0].replace("_", "-"), *keys[1:]) if keys else keys
            return self.read(root, keys, job, stage) or self.read(root, spelt, job, stage)

        return PythonFlow(tree, names, files, read)

    def _files_before(self, stage: Stage, job: Job) -> Mapping[str, Flow]:
        """The files of constant names that hold a tainted value when a stage begins."""
        if id(job) not in self._files:
            self._files[id(job)] = {}
            known: dict[str, Flow] = {}
            for each in stages(job):
                self._files[id(each)] = dict(known)
                if isinstance(each, (BashStage, PyStage)):
                    self._write(each, job, known)
        return self._files.get(id(stage), {})

    def _write(self, stage: BashStage | PyStage, job: Job, known: dict[str, Flow]) -> None:
        placed = self._model.scripts.get(id(stage))
        words = _WRITING if isinstance(stage, BashStage) else ("write",)
        if placed is None or not any(word in placed.text for word in words):
            return
        flow = self._script(stage, job)
        if isinstance(flow, ShellFlow):
            for name, found in flow.written.items():
                if found is None:
                    known.pop(name, None)
                else:
                    known[name] = found[0].then(
                        placed.span(found[1], found[2]), f"written to the file `{name}`"
                    )
        elif isinstance(flow, PythonFlow):
            for name, (value, node) in flow.written.items():
                known[name] = value.then(node_span(placed, node), f"written to the file `{name}`")

    def _changes_before(self, stage: Stage, job: Job) -> Mapping[str, Flow | None]:
        """The parameters that Python stages of the job have set when a stage begins."""
        if id(job) not in self._changes:
            self._changes[id(job)] = {}
            known: dict[str, Flow | None] = {}
            top = {id(each) for each in job.stages if each.condition is None}
            for each in stages(job):
                self._changes[id(each)] = dict(known)
                if isinstance(each, PyStage) and _SETTING.search(each.script.node.text):
                    self._change(each, job, known, sure=id(each) in top)
        return self._changes.get(id(stage), {})

    def _change(self, stage: PyStage, job: Job, known: dict[str, Flow | None], *, sure: bool) -> None:
        placed, flow = self._model.scripts.get(id(stage)), self.python(stage, job)
        for name, found in flow.changed.items() if flow is not None and placed is not None else ():
            if found is not None and placed is not None:
                words = f"put into the parameter `{name}`"
                known[name] = found[0].then(node_span(placed, found[1]), words)
            elif sure:
                known[name] = None

    def _written_by_shell(self, stage: BashStage, job: Job, name: str) -> Flow | None:
        placed = self._model.scripts.get(id(stage))
        if placed is None or "JOBC_OUTPUT" not in placed.text:
            return None
        flow = self.shell(stage, job)
        for use in flow.uses if flow is not None else ():
            if use.goes == OUTPUT and use.output == name:
                return use.value.then(place(use, placed), f"written to the output `{name}`")
        return None

    def _written_by_python(self, stage: PyStage, job: Job, name: str) -> Flow | None:
        placed = self._model.scripts.get(id(stage))
        if placed is None or name not in placed.text:
            return None
        flow = self.python(stage, job)
        for node in written(flow.tree, name) if flow is not None else ():
            found = flow.value(node) if flow is not None else None
            if found is not None:
                return found.then(node_span(placed, node), f"written to the output `{name}`")
        return None


def project(model: SemanticModel) -> list[tuple[WorkflowModel, Taint]]:
    """The workflows of a model, each with its flows; they know what starts them."""
    found = [(workflow, Taint(workflow)) for workflow in model.all_workflows]
    by_id = {id(workflow): taint for workflow, taint in found}
    for workflow, taint in found:
        for job in workflow.jobs.values() if workflow.triggers else ():
            for stage in stages(job):
                target = workflow.triggers.get(id(stage))
                if target is not None and id(target) in by_id and isinstance(stage, TriggerStage):
                    by_id[id(target)].started.append((taint, job, stage))
    if any(taint.has_sources for _, taint in found):
        for workflow, taint in found:
            taint.has_sources |= workflow.workflow.params is None and bool(taint.started)
    return found


def place(use: Use[Any], placed: ScriptPlacement) -> Span:
    """Where a use stands in the file; the expression itself, where it is one."""
    for placement in placed.placements:
        if placement.name == use.name:
            return placement.hole.span
    return placed.span(use.start, use.end)


def written(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """What Python code gives to an output: by assigning a name at the top level, or through `result.outputs`."""
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                yield node.value
    for each in ast.walk(tree):
        if isinstance(each, ast.Assign):
            for target in each.targets:
                words = ast.unparse(target) if isinstance(target, (ast.Attribute, ast.Subscript)) else ""
                if words == "result.outputs" and isinstance(each.value, ast.Dict):
                    for key, value in zip(each.value.keys, each.value.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == name:
                            yield value
                elif words == f"result.outputs[{name!r}]":
                    yield each.value


def _every_key(expr: Expr) -> tuple[str, ...]:
    """The keys of a read, those that are computed too, as `*`."""
    keys: list[str] = []
    while isinstance(expr, Member | Index):
        keys.append(key_of(expr) or "*")
        expr = expr.object
    return tuple(reversed(keys))


def _combinations_of(items: Value) -> str | None:
    """The job whose combinations a loop goes through."""
    found = list(holes(items))
    if len(found) == 1 and found[0].expr is not None:
        keys = _every_key(found[0].expr)
        if len(keys) == 2 and keys[1] == "combinations":
            return keys[0]
    return None


def is_free(param: ParamDecl) -> bool:
    """Whether a run may give any text for a parameter."""
    return param.type in _FREE and param.enum is None and param.pattern is None


def _source(param: ParamDecl) -> Flow:
    words = f"whoever starts a run chooses `{param.name}` freely"
    return Flow(param.name, ((param.name_span, words),))


def _may_be_text(type: Type) -> bool:
    return any(
        member in (ANY, STR) or isinstance(member, ListType | MapType | ObjectType)
        for member in members(type)
    )


def _loop_of(stage: Stage | None, job: Job | None) -> ForEachStage | UntilStage | None:
    """The innermost loop around a stage."""
    if stage is None or job is None:
        return None
    todo: list[tuple[list[Stage], ForEachStage | UntilStage | None]] = [(job.stages, None)]
    while todo:
        found, loop = todo.pop()
        for each in found:
            if each is stage:
                return loop
            inner = each if isinstance(each, (ForEachStage, UntilStage)) else loop
            todo.extend((body, inner) for body in child_stages(each))
    return None
