"""Where a value comes from: whether it may be text that whoever starts a run chooses, and the way that it took.

Sources are parameters of free text: `str`, `list`, `map` and `any` without `enum` or `pattern`. From there a value is
followed backwards from an expression: through operators and functions that keep text, `env`, `vars`, the matrix, the
items of a loop, declared outputs of other jobs, and outputs that a script writes from a value on one line
(`echo "name=${{ params.x }}" >> "$JOBC_OUTPUT"`, `name = ${{ params.x }}`). A value whose type leaves no room for free
text (numbers, booleans, dates, known words) carries nothing, whatever it was made of.

Only ways that can be pointed at are followed; what a program computes is not taken to be tainted.
"""

from __future__ import annotations

import re

from jobc.diagnostics.diagnostic import Label
from jobc.sema.model import WorkflowModel
from jobc.sema.types import ANY, STR, ListType, MapType, ObjectType, Type, members
from jobc.sema.walk import carried, chains, stages
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    Const,
    ForEachStage,
    Item,
    Job,
    ListValue,
    MapValue,
    ParamDecl,
    PyStage,
    Stage,
    TemplateValue,
    Value,
    child_stages,
    holes,
)
from jobc.syntax.expr import Expr

_FREE = frozenset(("str", "list", "map", "any"))
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
    """The flows within one workflow."""

    __slots__ = ("_depth", "_model", "_params")

    def __init__(self, model: WorkflowModel) -> None:
        self._model = model
        self._params = {param.name: param for param in model.workflow.params or ()}
        self._depth = 0

    @property
    def has_sources(self) -> bool:
        return any(map(is_free, self._params.values()))

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
        param = self._params.get(name)
        return _source(param) if param is not None and is_free(param) else None

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
        if self._depth > _DEPTH or not _may_be_text(self._model.type_of(expr)):
            return None
        self._depth += 1
        try:
            return self._follow(expr, job, stage)
        finally:
            self._depth -= 1

    def _follow(self, expr: Expr, job: Job | None, stage: Stage | None) -> Flow | None:
        for part in carried(expr):
            if part is not expr and not _may_be_text(self._model.type_of(part)):
                continue
            for chain in chains(part):
                found = self._read(chain.root, chain.keys, job, stage)
                if found is not None:
                    return found
        return None

    def _read(self, root: str, keys: tuple[str, ...], job: Job | None, stage: Stage | None) -> Flow | None:
        if root == "params":
            return self.param(keys[0]) if keys else None
        if root == "item":
            loop = _loop_of(stage, job)
            return None if loop is None else self.value(loop.items, job, loop)
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
            return self._stage_output(job, name, keys[2])
        elif root == "needs" and len(keys) > 2 and keys[1] == "outputs":
            return self._job_output(self._model.jobs.get(name), keys[2])
        return None

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
        for stage in stages(job):
            flow = self._written(stage, job, name)
            if flow is not None:
                return flow
        return None

    def _stage_output(self, job: Job, id: str, name: str) -> Flow | None:
        for stage in stages(job):
            if stage.id == id:
                return self._written(stage, job, name)
        return None

    def _written(self, stage: Stage, job: Job, name: str) -> Flow | None:
        """The flow into an output that a script writes on the line that holds the value."""
        placed = self._model.scripts.get(id(stage))
        if placed is None or not isinstance(stage, BashStage | PyStage):
            return None
        if isinstance(stage, BashStage) and "JOBC_OUTPUT" not in placed.text:
            return None
        word = re.escape(name)
        pattern = f"\\b{word}=" if isinstance(stage, BashStage) else f"^{word}\\s*=|[\"']{word}[\"']\\s*:"
        for placement in placed.placements:
            slot = re.escape(placement.name)
            if (
                re.search(f"(?m)(?:{pattern}).*\\b{slot}\\b", placed.text) is None
                or placement.hole.expr is None
            ):
                continue
            flow = self.expr(placement.hole.expr, job, stage)
            if flow is not None:
                return flow.then(placement.hole.span, f"written to the output `{name}`")
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


def _loop_of(stage: Stage | None, job: Job | None) -> ForEachStage | None:
    """The innermost `foreach` around a stage."""
    if stage is None or job is None:
        return None
    todo: list[tuple[list[Stage], ForEachStage | None]] = [(job.stages, None)]
    while todo:
        found, loop = todo.pop()
        for each in found:
            if each is stage:
                return loop
            inner = each if isinstance(each, ForEachStage) else loop
            todo.extend((body, inner) for body in child_stages(each))
    return None
