"""The AST of a jobs file (LANGUAGE §1–3): sealed node classes, each with its place.

Forms that mean the same are one node: both spellings of a key, `if` and `condition`, the short and
the long form of `runs-on`, `retry`, a param. Where a key is absent its attribute is None (or an
empty list); where it is present but wrong, the builder has reported it and left it absent, so
later phases never see an ill-typed tree.

Values that may hold expressions are `Value`s. Expressions are parsed once, by the builder. Where a node cannot
do without a value that is wrong (the list of a `foreach`), a `TemplateValue` whose one hole has no expression stands
for it; a script stands as the empty text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Mapping, Node, Scalar, ScalarValue, Sequence
from jobc.source.templates import Hole, Template
from jobc.syntax.expr import Expr

if TYPE_CHECKING:
    from jobc.syntax.file_nodes import Artifacts, Cache


class Const:
    """A scalar without expressions; `value` is its YAML value."""

    __slots__ = ("node", "value")

    def __init__(self, value: ScalarValue, node: Scalar) -> None:
        self.value = value
        self.node = node

    @property
    def span(self) -> Span:
        return self.node.span


class ExprHole:
    """An expression where it stands; `expr` is None where it does not parse (reported already)."""

    __slots__ = ("expr", "hole")

    def __init__(self, hole: Hole, expr: Expr | None) -> None:
        self.hole = hole
        self.expr = expr

    @property
    def span(self) -> Span:
        """The expression's own place, delimiters not included; the hole's where there is no expression."""
        if self.expr is None:
            return self.hole.span
        return Span(self.hole.span.file, self.expr.start, self.expr.end)


class TemplateValue:
    """A scalar with expressions. `parts` are decoded text and holes in order.

    `whole`: it is exactly one expression and keeps the expression's type; else it is text.
    """

    __slots__ = ("node", "parts", "template", "whole")

    def __init__(
        self, node: Scalar, template: Template | None, parts: list[str | ExprHole], whole: bool
    ) -> None:
        self.node = node
        self.template = template
        self.parts = parts
        self.whole = whole

    @property
    def span(self) -> Span:
        return self.node.span

    @property
    def holes(self) -> list[ExprHole]:
        return [p for p in self.parts if isinstance(p, ExprHole)]


class ListValue:
    __slots__ = ("items", "node")

    def __init__(self, items: list[Value], node: Sequence) -> None:
        self.items = items
        self.node = node

    @property
    def span(self) -> Span:
        return self.node.span


class MapValue:
    __slots__ = ("entries", "node")

    def __init__(self, entries: list[Item], node: Mapping) -> None:
        self.entries = entries
        self.node = node

    @property
    def span(self) -> Span:
        return self.node.span

    def get(self, key: str) -> Value | None:
        for item in self.entries:
            if item.key == key:
                return item.value
        return None


Value: TypeAlias = "Const | TemplateValue | ListValue | MapValue"


class Item:
    """A user-named key and its value (`env`, `outputs`, `with`, `matrix`, …)."""

    __slots__ = ("key", "key_span", "value")

    def __init__(self, key: str, key_span: Span, value: Value) -> None:
        self.key = key
        self.key_span = key_span
        self.value = value


def holes(value: Value) -> Iterator[ExprHole]:
    """Every expression in a value, in file order."""
    if isinstance(value, TemplateValue):
        yield from value.holes
    elif isinstance(value, ListValue):
        for item in value.items:
            yield from holes(item)
    elif isinstance(value, MapValue):
        for entry in value.entries:
            yield from holes(entry.value)


class ParamDecl:
    """`type` is a canonical type name of LANGUAGE §1 (`array` is `list`); `default` a JSON value (None where unset)."""

    __slots__ = (
        "default",
        "default_span",
        "desc",
        "enum",
        "has_default",
        "max",
        "min",
        "name",
        "name_span",
        "pattern",
        "required",
        "span",
        "type",
    )

    def __init__(self, name: str, name_span: Span, span: Span) -> None:
        self.name = name
        self.name_span = name_span
        self.span = span
        self.type = "any"
        self.default: object = None
        self.default_span: Span | None = None
        self.has_default = False
        self.required = False
        self.enum: list[object] | None = None
        self.min: int | float | None = None
        self.max: int | float | None = None
        self.pattern: str | None = None
        self.desc: str | None = None


class SecretDecl:
    __slots__ = ("name", "span")

    def __init__(self, name: str, span: Span) -> None:
        self.name = name
        self.span = span


class Need:
    __slots__ = ("id", "span")

    def __init__(self, id: str, span: Span) -> None:
        self.id = id
        self.span = span


class RunsOn:
    """`type` is canonical: `local self-hosted docker az-batch aws-batch cloud-batch slurm`; `args` are in snake_case."""

    __slots__ = ("args", "span", "type", "type_span")

    def __init__(self, type: str, type_span: Span, args: list[Item], span: Span) -> None:
        self.type = type
        self.type_span = type_span
        self.args = args
        self.span = span


class Retry:
    """Further attempts after the first. Each part is None where unset (then the `WORKFLOW_CORE_*` defaults hold).

    `retry: false` is no further attempt, whatever `defaults` say: `attempts` is 0 then.
    `on` are exception names and exit codes; `backoff` is `fixed`, `linear` or `exponential`. `preemptions` is a job's
    budget of interruptions; where nothing else is said, there is no further attempt after a failure.
    """

    __slots__ = ("attempts", "backoff", "delay", "jitter", "max_delay", "on", "preemptions", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.attempts: Value | None = None
        self.delay: Value | None = None
        self.backoff: str | None = None
        self.max_delay: Value | None = None
        self.jitter: Value | None = None
        self.on: list[str | int] = []
        self.preemptions: Value | None = None


class Strategy:
    """`matrix` is a MapValue (keys to lists or whole expressions) or a whole-expression TemplateValue."""

    __slots__ = ("exclude", "fail_fast", "include", "matrix", "max_parallel", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.matrix: MapValue | TemplateValue | None = None
        self.include: ListValue | TemplateValue | None = None
        self.exclude: ListValue | TemplateValue | None = None
        self.max_parallel: Value | None = None
        self.fail_fast: Value | None = None


class Concurrency:
    __slots__ = ("cancel_in_progress", "group", "limit", "span")

    def __init__(self, span: Span, group: Value) -> None:
        self.span = span
        self.group = group
        self.cancel_in_progress: Value | None = None
        self.limit: Value | None = None


class Reuse:
    """`path#id` of `uses`, `extends` and `include`; `path` is None for the same file, `id` for a whole file."""

    __slots__ = ("id", "path", "span", "with_")

    def __init__(self, path: str | None, id: str | None, span: Span, with_: list[Item]) -> None:
        self.path = path
        self.id = id
        self.span = span
        self.with_ = with_


class Job:
    """`keys` maps each canonical key that the file gives to the span of the key itself."""

    __slots__ = (
        "artifacts",
        "cache",
        "concurrency",
        "condition",
        "continue_on_error",
        "desc",
        "env",
        "extends",
        "extras",
        "id",
        "id_span",
        "keys",
        "needs",
        "node",
        "outputs",
        "resources",
        "retry",
        "runs_on",
        "span",
        "stages",
        "strategy",
        "timeout",
        "trigger_rule",
        "trigger_rule_span",
        "uses",
    )

    def __init__(self, id: str, id_span: Span, span: Span, node: Mapping | None) -> None:
        self.id = id
        self.id_span = id_span
        self.span = span
        self.node = node
        self.keys: dict[str, Span] = {}
        self.desc: Value | None = None
        self.runs_on: RunsOn | None = None
        self.condition: Value | None = None
        self.needs: list[Need] = []
        self.trigger_rule = "all_success"
        self.trigger_rule_span: Span | None = None
        self.strategy: Strategy | None = None
        self.stages: list[Stage] = []
        self.outputs: list[Item] | None = None
        self.cache: Cache | None = None
        self.artifacts: Artifacts | None = None
        self.env: list[Item] = []
        self.timeout: Value | None = None
        self.retry: Retry | None = None
        self.continue_on_error: Value | None = None
        self.concurrency: Concurrency | None = None
        self.resources: MapValue | None = None
        self.extras: MapValue | None = None
        self.uses: Reuse | None = None
        self.extends: Reuse | None = None


class StageBase:
    """What every stage has. `kind` is the class's constant; `key_span` the key that told the kind."""

    __slots__ = (
        "condition",
        "continue_on_error",
        "desc",
        "env",
        "extras",
        "id",
        "id_span",
        "key_span",
        "keys",
        "name",
        "node",
        "retry",
        "span",
        "timeout",
    )
    kind = ""

    def __init__(self, span: Span, key_span: Span, node: Mapping | None) -> None:
        self.span = span
        self.key_span = key_span
        self.node = node
        self.keys: dict[str, Span] = {}
        self.id: str | None = None
        self.id_span: Span | None = None
        self.name: Value | None = None
        self.desc: Value | None = None
        self.condition: Value | None = None
        self.env: list[Item] = []
        self.timeout: Value | None = None
        self.retry: Retry | None = None
        self.continue_on_error: Value | None = None
        self.extras: MapValue | None = None


class EmptyStage(StageBase):
    __slots__ = ("echo", "sleep")
    kind = "empty"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None) -> None:
        super().__init__(span, key_span, node)
        self.echo: Value | None = None
        self.sleep: Value | None = None


class BashStage(StageBase):
    """`script` is a Const with text, or a TemplateValue that is never `whole` in meaning: it is always a script."""

    __slots__ = ("script", "shell")
    kind = "bash"

    def __init__(
        self, span: Span, key_span: Span, node: Mapping | None, script: Const | TemplateValue
    ) -> None:
        super().__init__(span, key_span, node)
        self.script = script
        self.shell: Value | None = None


class PyStage(StageBase):
    """`isolation` is `process` or `inline`."""

    __slots__ = ("deps", "isolation", "script", "vars")
    kind = "python"

    def __init__(
        self, span: Span, key_span: Span, node: Mapping | None, script: Const | TemplateValue
    ) -> None:
        super().__init__(span, key_span, node)
        self.script = script
        self.vars: list[Item] = []
        self.deps: list[Value] = []
        self.isolation = "process"


class CallStage(StageBase):
    """`function` is `module:function` or a registered name."""

    __slots__ = ("function", "with_")
    kind = "call"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, function: Value) -> None:
        super().__init__(span, key_span, node)
        self.function = function
        self.with_: list[Item] = []


class TriggerStage(StageBase):
    """`workflow` is a workflow's name in this file, `path`, or `path#name`."""

    __slots__ = ("params", "workflow", "workflow_span")
    kind = "trigger"

    def __init__(
        self, span: Span, key_span: Span, node: Mapping | None, workflow: str, workflow_span: Span
    ) -> None:
        super().__init__(span, key_span, node)
        self.workflow = workflow
        self.workflow_span = workflow_span
        self.params: list[Item] = []


class Branch:
    __slots__ = ("name", "name_span", "stages")

    def __init__(self, name: str, name_span: Span, stages: list[Stage]) -> None:
        self.name = name
        self.name_span = name_span
        self.stages = stages


class ParallelStage(StageBase):
    __slots__ = ("branches", "max_parallel")
    kind = "parallel"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None) -> None:
        super().__init__(span, key_span, node)
        self.branches: list[Branch] = []
        self.max_parallel: Value | None = None


class ForEachStage(StageBase):
    __slots__ = ("items", "max_parallel", "stages")
    kind = "foreach"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, items: Value) -> None:
        super().__init__(span, key_span, node)
        self.items = items
        self.stages: list[Stage] = []
        self.max_parallel: Value | None = None


class UntilStage(StageBase):
    """Runs its stages until `until` holds, `max_loop` rounds at most; `item` is the first item (default null)."""

    __slots__ = ("item", "max_loop", "stages", "until")
    kind = "until"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, until: Value) -> None:
        super().__init__(span, key_span, node)
        self.until = until
        self.item: Value | None = None
        self.max_loop: Value | None = None
        self.stages: list[Stage] = []


class Arm:
    """One `match` entry: `case` is None for the default (`_` or `else`)."""

    __slots__ = ("case", "case_span", "stages")

    def __init__(self, case: Value | None, case_span: Span, stages: list[Stage]) -> None:
        self.case = case
        self.case_span = case_span
        self.stages = stages


class CaseStage(StageBase):
    __slots__ = ("arms", "skip_not_match", "value")
    kind = "case"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, value: Value) -> None:
        super().__init__(span, key_span, node)
        self.value = value
        self.arms: list[Arm] = []
        self.skip_not_match: Value | None = None


class RaiseStage(StageBase):
    __slots__ = ("message",)
    kind = "raise"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, message: Value) -> None:
        super().__init__(span, key_span, node)
        self.message = message


class DockerStage(StageBase):
    """`command` is a text or a list of words; `volume` maps host paths to container paths; `options` are arguments of
    the docker environment that a stage takes too, in snake_case.
    """

    __slots__ = ("command", "image", "options", "volume")
    kind = "docker"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, image: Value) -> None:
        super().__init__(span, key_span, node)
        self.image = image
        self.command: Value | None = None
        self.volume: list[Item] = []
        self.options: list[Item] = []


class UseStages(StageBase):
    """`uses: path#job` as a stage: the stages of that job stand here. Gone once includes are resolved."""

    __slots__ = ("reuse",)
    kind = "use"

    def __init__(self, span: Span, key_span: Span, node: Mapping | None, reuse: Reuse) -> None:
        super().__init__(span, key_span, node)
        self.reuse = reuse


Stage: TypeAlias = (
    "EmptyStage | BashStage | PyStage | CallStage | TriggerStage | ParallelStage | ForEachStage | UntilStage"
    " | CaseStage | RaiseStage | DockerStage | UseStages"
)


def child_stages(stage: Stage) -> Iterator[list[Stage]]:
    """The stage lists directly inside a stage (branches, bodies, arms), in file order."""
    if isinstance(stage, ParallelStage):
        for branch in stage.branches:
            yield branch.stages
    elif isinstance(stage, ForEachStage | UntilStage):
        yield stage.stages
    elif isinstance(stage, CaseStage):
        for arm in stage.arms:
            yield arm.stages


class Defaults:
    """`defaults:` of a workflow: for each job that does not say otherwise; `shell` for its bash stages."""

    __slots__ = ("continue_on_error", "resources", "retry", "runs_on", "shell", "span", "timeout")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.runs_on: RunsOn | None = None
        self.timeout: Value | None = None
        self.retry: Retry | None = None
        self.shell: Value | None = None
        self.resources: MapValue | None = None
        self.continue_on_error: Value | None = None


class Workflow:
    """One workflow, whatever the form (`workflow`, `jobs` or `named`) it was written in.

    `name` is its `name:` key (or the key of a named workflow); None where the file gives none.
    `params` is None where nothing is declared: then parameters are free (`any`).
    `on` is a MapValue with `schedule`: a ListValue of MapValues with `cron`, `timezone`, `params`.
    """

    __slots__ = (
        "concurrency",
        "defaults",
        "desc",
        "env",
        "form",
        "includes",
        "jobs",
        "keys",
        "max_parallel",
        "name",
        "name_span",
        "node",
        "on",
        "outputs",
        "params",
        "secrets",
        "span",
        "timeout",
    )

    def __init__(self, form: str, span: Span, node: Mapping) -> None:
        self.form = form
        self.span = span
        self.node = node
        self.keys: dict[str, Span] = {}
        self.name: str | None = None
        self.name_span: Span | None = None
        self.desc: Value | None = None
        self.params: list[ParamDecl] | None = None
        self.secrets: list[SecretDecl] = []
        self.env: list[Item] = []
        self.defaults: Defaults | None = None
        self.on: Value | None = None
        self.concurrency: Concurrency | None = None
        self.max_parallel: Value | None = None
        self.timeout: Value | None = None
        self.outputs: list[Item] = []
        self.includes: list[Reuse] = []
        self.jobs: list[Job] = []


class Document:
    """A file's AST: its workflows in file order, with every problem of source and syntax found on the way."""

    __slots__ = ("diagnostics", "file", "root", "workflows")

    def __init__(self, file: SourceFile) -> None:
        from jobc.diagnostics.diagnostic import Diagnostic

        self.file = file
        self.root: list[Node | None] = []
        self.workflows: list[Workflow] = []
        self.diagnostics: list[Diagnostic] = []
