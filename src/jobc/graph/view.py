"""The needs graph of a compiled workflow, for people: what each job is, what it waits for, what it reads.

A view is made from the IR alone. `needs` edges are the order; `data` edges say which outputs a job reads
of which need, found in the job's codes (`needs.x.outputs.y`). Combinations are counted where the matrix is
constant; a matrix that only a run can know has none (`dynamic`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.ir import matrix
from jobc.ir.expression_text import expression, value_text
from jobc.ir.program import CodeIndex, Job, Program, Stage, Strategy


class GraphNode:
    """One job. `combinations` is None where only a run can count them; `condition` is source text."""

    __slots__ = (
        "combinations",
        "condition",
        "continue_on_error",
        "desc",
        "environment",
        "id",
        "label",
        "line",
        "path",
        "stages",
        "trigger_rule",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.label = id
        self.desc: str | None = None
        self.environment = "local"
        self.combinations: int | None = 1
        self.trigger_rule = "all_success"
        self.condition: str | None = None
        self.continue_on_error = False
        self.stages: list[str] = []
        self.path = ""
        self.line = 0


class GraphEdge:
    """`kind` is `needs` (order) or `data`; a data edge's label lists the outputs that are read."""

    __slots__ = ("kind", "label", "source", "target")

    def __init__(self, source: str, target: str, kind: str, label: str = "") -> None:
        self.source = source
        self.target = target
        self.kind = kind
        self.label = label


class GraphView:
    """Nodes in topological order, edges by target, then source."""

    __slots__ = ("edges", "name", "nodes")

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[GraphNode] = []
        self.edges: list[GraphEdge] = []

    def data_label(self, source: str, target: str) -> str:
        """The outputs of `source` that `target` reads, as one text."""
        return next(
            (e.label for e in self.edges if e.kind == "data" and (e.source, e.target) == (source, target)), ""
        )


def build(program: Program, workflow: int | None = None) -> GraphView:
    """The view of one workflow of a program (default: its entry)."""
    flow = program.workflows[program.entry if workflow is None else workflow]
    view = GraphView(flow.name)
    for job in flow.jobs:
        view.nodes.append(_node(program, job))
        reads = _reads(program, job)
        for index in job.needs:
            need = flow.jobs[index].id
            view.edges.append(GraphEdge(need, job.id, "needs"))
            if outputs := reads.get(need):
                view.edges.append(GraphEdge(need, job.id, "data", ", ".join(outputs)))
    return view


def _node(program: Program, job: Job) -> GraphNode:
    node = GraphNode(job.id)
    node.desc = job.desc
    node.environment = job.runs_on.type or "by expression"
    node.trigger_rule = job.rule
    node.path, node.line = program.place(job.span)
    node.combinations = _combinations(program, job.strategy)
    node.continue_on_error = _constant(program, job.continue_on_error) is True
    node.stages = [_stage_label(program, stage) for stage in job.stages]
    if job.condition is not None:
        node.condition = expression(program.codes[job.condition].tree)
    return node


def _stage_label(program: Program, stage: Stage) -> str:
    if stage.name is not None:
        name = program.codes[stage.name].tree
        return name if isinstance(name, str) else value_text(name)
    return stage.id or stage.kind


_UNKNOWN = object()


def _constant(program: Program, code: CodeIndex | None) -> Any:
    """A code's value where it needs no context; `_UNKNOWN` where it does."""
    if code is None:
        return None
    try:
        return evaluate(program.codes[code].tree, Environment({}))
    except EvaluationError:
        return _UNKNOWN


def _combinations(program: Program, strategy: Strategy | None) -> int | None:
    if strategy is None or strategy.matrix is None:
        return 1
    if isinstance(strategy.matrix, list):
        values: Any = {key: _constant(program, code) for key, code in strategy.matrix}
        if any(value is _UNKNOWN for value in values.values()):
            return None
    else:
        values = _constant(program, strategy.matrix)
    include = _constant(program, strategy.include) or []
    exclude = _constant(program, strategy.exclude) or []
    if _UNKNOWN in (values, include, exclude):
        return None
    return matrix.count(values, include, exclude)


def _reads(program: Program, job: Job) -> dict[str, list[str]]:
    """Outputs that a job's codes read, by need, in the order met."""
    reads: dict[str, list[str]] = {}
    for index in _codes(job):
        for need, output in _output_reads(program.codes[index].tree):
            names = reads.setdefault(need, [])
            if output not in names:
                names.append(output)
    return reads


def _output_reads(tree: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(tree, list):
        return
    match tree:
        case ["get", ["get", ["get", ["name", "needs"], str(need)], "outputs"], str(output)]:
            yield need, output
        case ["get", ["get", ["name", "needs"], str(need)], "combinations" | "outputs" as part]:
            yield need, part
        case _:
            for part in tree[1:]:
                yield from _output_reads(part)


def _codes(owner: Any) -> Iterator[CodeIndex]:
    """Every code index below a job: the IR's attributes that hold codes are named by this table alone."""
    if isinstance(owner, Job):
        yield from _named(owner.env)
        yield from _given(owner.condition, owner.timeout, owner.continue_on_error, owner.extras)
        if owner.runs_on.choice is not None:
            yield owner.runs_on.choice
        yield from _named(owner.runs_on.args)
        yield from _named(owner.resources)
        yield from _named(owner.outputs or [])
        if owner.strategy is not None:
            plan = owner.strategy
            if isinstance(plan.matrix, list):
                yield from _named(plan.matrix)
            else:
                yield from _given(plan.matrix)
            yield from _given(plan.include, plan.exclude, plan.max_parallel, plan.fail_fast)
        for stage in owner.stages:
            yield from _codes(stage)
        return
    stage = owner
    yield from _named(stage.env)
    yield from _given(stage.name, stage.condition, stage.timeout, stage.continue_on_error, stage.extras)
    for name in _STAGE_CODES.get(stage.kind, ()):
        value = getattr(stage, name)
        if isinstance(value, int):
            yield value
        elif isinstance(value, list):
            yield from value if value and isinstance(value[0], int) else _named(value)
    if stage.kind in ("bash", "python"):
        yield from (slot.code for slot in stage.script.slots)
    for inner in _bodies(stage):
        yield from _codes(inner)


_STAGE_CODES: dict[str, tuple[str, ...]] = {
    "empty": ("echo", "sleep"),
    "bash": ("shell",),
    "python": ("vars", "deps"),
    "call": ("function", "with_"),
    "trigger": ("params",),
    "parallel": ("max_parallel",),
    "foreach": ("items", "max_parallel"),
    "until": ("until", "item", "max_loop"),
    "case": ("value", "skip_not_match"),
    "raise": ("message",),
    "docker": ("image", "command", "volume", "options"),
}


def _bodies(stage: Any) -> Iterator[Stage]:
    if stage.kind == "parallel":
        for _, stages in stage.branches:
            yield from stages
    elif stage.kind in ("foreach", "until"):
        yield from stage.stages
    elif stage.kind == "case":
        for _, stages in stage.arms:
            yield from stages


def _given(*codes: CodeIndex | None) -> Iterator[CodeIndex]:
    return (code for code in codes if code is not None)


def _named(pairs: list[tuple[str, CodeIndex]]) -> Iterator[CodeIndex]:
    return (code for _, code in pairs)
