"""Infers every expression of a workflow exactly once, each in the scope of its position.

Jobs come in topological order (those on a cycle after them, in file order), so that the outputs a job
declares have types before another job reads them. Within a job: condition, strategy, what places and
bounds it, stages in file order, outputs. While the stages are walked, `_Frame.ended` holds the stages
that surely or possibly ended before: a branch of `parallel` does not see its siblings, an arm of `case`
may not have run, a body of `foreach` may have had no item.

What was walked is kept as `Site`s for the rules that look at values where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from jobc.diagnostics.diagnostic import Diagnostic, Label
from jobc.sema.combinations import Combinations, check_combinations, reads_known_key
from jobc.sema.contexts import MISSING_NEED, OPEN, STAGE, Contexts, element_type, value_type, vars_type
from jobc.sema.environments import known_environment
from jobc.sema.infer import check_condition, infer
from jobc.sema.model import Site, WorkflowModel
from jobc.sema.narrow import NOTHING, Facts, both, facts
from jobc.sema.needs import unknown_read
from jobc.sema.outputs import may_fail
from jobc.sema.param_changes import change_params
from jobc.sema.positions import POSITIONS
from jobc.sema.scope import Scope
from jobc.sema.tasks import check_call
from jobc.sema.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    STR,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OutcomeType,
    Type,
    assignable,
    members,
    optional,
    show,
    union,
)
from jobc.source.file import Span
from jobc.syntax.ast import (
    BashStage,
    CallStage,
    CaseStage,
    Const,
    DockerStage,
    EmptyStage,
    ExprHole,
    ForEachStage,
    Item,
    Job,
    ParallelStage,
    PyStage,
    RaiseStage,
    Retry,
    RunsOn,
    Stage,
    Strategy,
    TemplateValue,
    TriggerStage,
    UntilStage,
    Value,
    child_stages,
    holes,
)
from jobc.syntax.expr import Call, Expr, walk
from jobc.syntax.keys import ENVIRONMENTS
from jobc.syntax.spelling import near

Report = Callable[[Diagnostic], None]

LIST = ListType(ANY)
DURATION = union((FLOAT, STR))


class _Frame:
    """What is known at one point of a job's stages: `ended` by id, the `item` of the loop around, the ids in use.

    `well` are the ids of stages that surely succeeded where the implicit `success()` holds.
    """

    __slots__ = ("ended", "ids", "item", "well")

    def __init__(
        self, ended: dict[str, Type], item: Type | None, ids: dict[str, Span], well: set[str]
    ) -> None:
        self.ended = ended
        self.item = item
        self.ids = ids
        self.well = well

    def inner(self, item: Type | None = None) -> _Frame:
        """For stages that run inside another, apart from their siblings."""
        return _Frame(dict(self.ended), self.item if item is None else item, self.ids, set(self.well))

    def stages(self, *, going: bool) -> ObjectType:
        """The `stages` context; `going`: nothing before has failed."""
        ended = self.ended
        if going:
            ended = {
                id: type.succeeded if id in self.well and isinstance(type, OutcomeType) else type
                for id, type in ended.items()
            }
        return ObjectType(dict(ended), noun="earlier stage")


class ExpressionAnalysis:
    """The walk over one workflow; findings go to `report`."""

    __slots__ = (
        "_combinations",
        "_conditions",
        "_contexts",
        "_facts",
        "_going",
        "_job",
        "_local",
        "_model",
        "_output",
        "_report",
        "_scopes",
        "_stage",
    )

    def __init__(self, model: WorkflowModel, report: Report) -> None:
        self._model = model
        self._contexts = Contexts(model)
        self._report = report
        self._job: Job | None = None
        self._stage: Stage | None = None
        #: The output of a job that is being looked at.
        self._output: Item | None = None
        #: What the conditions around say, and the conditions of the stages around.
        self._facts: Facts = NOTHING
        self._conditions: list[Expr] = []
        self._combinations: Combinations | None = None
        #: Whether the stage at hand runs only while nothing before it has failed.
        self._going = True
        #: Contexts outside of stages that are not the job's own.
        self._local: dict[str, Type] = {}
        self._scopes: dict[tuple[str, int, int, int], Scope] = {}

    def run(self) -> None:
        workflow = self._model.workflow
        self._value("workflow.on", workflow.on)
        self._items("workflow.env", workflow.env)
        if workflow.concurrency is not None:
            group = workflow.concurrency
            for value in (group.group, group.cancel_in_progress, group.limit):
                self._value("workflow.concurrency", value)
        self._value("workflow.limits", workflow.max_parallel, INT, "`max-parallel`")
        self._value("workflow.limits", workflow.timeout, DURATION, "`timeout`")
        placed = {id(job) for job in self._model.order}
        rest = [job for job in self._model.jobs.values() if id(job) not in placed]
        for job in [*self._model.order, *rest]:
            self._run_job(job)
        self._job = None
        self._scopes = {}
        self._defaults()
        self._local = {"needs": self._contexts.all_needs()}
        self._items("workflow.outputs", workflow.outputs)
        self._contexts.close()

    def _defaults(self) -> None:
        """`defaults` are evaluated in each job; as jobs differ in needs and matrix, nothing is held against these."""
        defaults = self._model.workflow.defaults
        if defaults is None:
            return
        self._local = {"matrix": ANY, "needs": ANY, "stages": ANY, "item": ANY}
        self._job = Job("", defaults.span, defaults.span, None)
        self._runs_on(defaults.runs_on)
        self._value("job.limits", defaults.timeout, DURATION, "`timeout`")
        self._retry("job.limits", defaults.retry)
        self._value("stage.control", defaults.shell)
        self._value("job.resources", defaults.resources)
        self._value("job.continue-on-error", defaults.continue_on_error, BOOL, "`continue-on-error`")
        self._local = {}
        self._job = None
        self._scopes = {}

    def _run_job(self, job: Job) -> None:
        self._job = job
        self._scopes = {}
        self._condition("job.condition", job.condition)
        self._facts = self._learnt(job.condition, ("params", "needs"), job.stages)
        if job.strategy is not None:
            self._combinations = Combinations(job, self._model)
            self._strategy(job.strategy)
            self._contexts.ready(job)
        self._runs_on(job.runs_on)
        self._value("job.resources", job.resources)
        self._items("job.env", job.env)
        self._value("job.limits", job.timeout, DURATION, "`timeout`")
        self._retry("job.limits", job.retry)
        self._value("job.continue-on-error", job.continue_on_error, BOOL, "`continue-on-error`")
        if job.concurrency is not None:
            group = job.concurrency
            for value in (group.group, group.cancel_in_progress, group.limit):
                self._value("job.concurrency", value)
        if job.cache is not None:
            for value in job.cache.values():
                self._value("job.cache", value)
        if job.artifacts is not None:
            for value in job.artifacts.values():
                self._value("job.artifacts", value)
        self._value("job.extras", job.extras)
        frame = _Frame({}, None, {}, set())
        self._stages(job.stages, frame)
        self._stage = None
        for item in job.outputs or ():
            self._output = item
            self._value("job.outputs", item.value, frame=frame)
        self._output = None
        self._facts = NOTHING
        self._combinations = None
        self._local = {}

    def _strategy(self, strategy: Strategy) -> None:
        matrix = strategy.matrix
        if isinstance(matrix, TemplateValue):
            self._value("job.strategy", matrix, MapType(LIST), "`matrix`")
        elif matrix is not None:
            for item in matrix.entries:
                self._value("job.strategy", item.value, LIST, f"matrix key `{item.key}`")
        self._value("job.strategy", strategy.include, LIST, "`include`")
        self._value("job.strategy", strategy.exclude, LIST, "`exclude`")
        self._value("job.strategy", strategy.max_parallel, INT, "`max-parallel`")
        self._value("job.strategy", strategy.fail_fast, BOOL, "`fail-fast`")

    def _runs_on(self, runs_on: RunsOn | None) -> None:
        if runs_on is not None:
            if runs_on.choice is not None:
                self._value("job.runs-on", runs_on.choice, STR, "`runs-on`")
                self._environments(runs_on.choice)
            self._items("job.runs-on", runs_on.args)

    def _environments(self, choice: TemplateValue) -> None:
        """Each environment that is known to come out has to be one."""
        for each in members(value_type(choice, self._model)):
            name = each.value if isinstance(each, LiteralType) else None
            if not isinstance(name, str) or known_environment(name) is not None:
                continue
            close = near(name, ENVIRONMENTS)
            self._report(
                Diagnostic(
                    "wrong-type",
                    f"`runs-on` can be `{name}` here, which is no environment",
                    choice.holes[0].span if choice.whole else choice.span,
                    help="did you mean " + " or ".join(f"`{one}`" for one in close) + "?"
                    if close
                    else "there are: " + ", ".join(f"`{one}`" for one in ENVIRONMENTS),
                )
            )

    def _retry(self, position: str, retry: Retry | None, frame: _Frame | None = None) -> None:
        if retry is not None:
            self._value(position, retry.attempts, INT, "`attempts`", frame)
            self._value(position, retry.delay, DURATION, "`delay`", frame)
            self._value(position, retry.max_delay, DURATION, "`max-delay`", frame)
            self._value(position, retry.jitter, frame=frame)
            self._value(position, retry.preemptions, INT, "`preemptions`", frame)

    def _stages(self, stages: list[Stage], frame: _Frame) -> None:
        for stage in stages:
            self._stage = stage
            self._unique(stage, frame)
            going = self._going
            self._going = going and not _asks_for_status(stage.condition)
            around, depth = self._facts, len(self._conditions)
            self._condition("stage.condition", stage.condition, frame)
            learnt = self._learnt(stage.condition, _KEPT, [stage] if list(child_stages(stage)) else [])
            self._facts = both(around, learnt)
            self._conditions.extend(_exprs(stage.condition))
            changes = change_params((stage,))
            if changes and (stage.retry is not None or not isinstance(stage, PyStage)):
                self._loosen_params()
            self._common(stage, frame)
            self._kind(stage, frame)
            if changes:
                self._loosen_params()
            self._facts = around
            del self._conditions[depth:]
            self._going = going
            if stage.id is not None:
                frame.ended[stage.id] = self._contexts.stage(stage)
                if stage.condition is None and not may_fail(stage):
                    frame.well.add(stage.id)

    def _loosen_params(self) -> None:
        """From here on a stage may have set parameters, declared ones and others, to anything."""
        self._local = {**self._local, "params": OPEN}
        self._scopes = {}

    def _unique(self, stage: Stage, frame: _Frame) -> None:
        if stage.id is None:
            return
        span = stage.id_span or stage.span
        first = frame.ids.setdefault(stage.id, span)
        if first is not span:
            self._report(
                Diagnostic(
                    "duplicate-id",
                    f"two stages of this job have the id `{stage.id}`",
                    span,
                    help="give one of them another id: `stages.<id>` must mean one stage",
                    related=(Label(first, f"the first stage `{stage.id}`"),),
                )
            )

    def _learnt(self, condition: Value | None, roots: Sequence[str], stages: list[Stage]) -> Facts:
        """What a condition says where it holds, of these contexts, which stay as they are in these stages."""
        found: Facts = NOTHING
        for expr in _exprs(condition):
            found = both(found, facts(expr, True, self._model.types))
        if "params" in roots and any(path[0] == "params" for path in found) and change_params(stages):
            roots = [root for root in roots if root != "params"]
        return {path: type for path, type in found.items() if path[0] in roots} if found else found

    def _without(self, *roots: str) -> Facts:
        return {path: type for path, type in self._facts.items() if path[0] not in roots}

    def _common(self, stage: Stage, frame: _Frame) -> None:
        self._value("stage.name", stage.name, frame=frame)
        for item in stage.env:
            self._value("stage.value", item.value, frame=frame)
        self._value("stage.control", stage.timeout, DURATION, "`timeout`", frame)
        self._retry("stage.control", stage.retry, frame)
        self._value("stage.control", stage.continue_on_error, BOOL, "`continue-on-error`", frame)
        self._value("stage.control", stage.extras, frame=frame)

    def _kind(self, stage: Stage, frame: _Frame) -> None:
        if isinstance(stage, BashStage):
            self._value("stage.control", stage.shell, frame=frame)
            self._value("stage.script", stage.script, frame=frame)
        elif isinstance(stage, PyStage):
            self._stage_values([item.value for item in stage.vars], frame)
            self._stage_values(stage.deps, frame)
            vars = vars_type(stage.vars, self._model) if stage.vars else None
            self._value("stage.script", stage.script, frame=frame, vars=vars)
        elif isinstance(stage, EmptyStage):
            self._value("stage.value", stage.echo, frame=frame)
            self._value("stage.control", stage.sleep, DURATION, "`sleep`", frame)
        elif isinstance(stage, CallStage):
            self._value("stage.control", stage.function, frame=frame)
            self._stage_values([item.value for item in stage.with_], frame)
            check_call(stage, self._model, self._report)
        elif isinstance(stage, TriggerStage):
            self._stage_values([item.value for item in stage.params], frame)
        elif isinstance(stage, DockerStage):
            self._value("stage.control", stage.image, frame=frame)
            self._value("stage.control", stage.command, frame=frame)
            self._stage_values([item.value for item in (*stage.volume, *stage.options)], frame)
        elif isinstance(stage, RaiseStage):
            self._value("stage.control", stage.message, frame=frame)
        else:
            self._compound(stage, frame)

    def _compound(self, stage: Stage, frame: _Frame) -> None:
        if isinstance(stage, ParallelStage):
            self._value("stage.control", stage.max_parallel, INT, "`max-parallel`", frame)
            branches = [frame.inner() for _ in stage.branches]
            for branch, inner in zip(stage.branches, branches, strict=True):
                self._stages(branch.stages, inner)
            for inner in branches:
                self._adopt(stage, inner, frame)
        elif isinstance(stage, ForEachStage):
            self._value("stage.control", stage.items, LIST, "`foreach`", frame)
            self._value("stage.control", stage.max_parallel, INT, "`max-parallel`", frame)
            inner = frame.inner(element_type(value_type(stage.items, self._model)))
            self._facts = self._without("item")
            self._stages(stage.stages, inner)
            self._perhaps(inner, frame)
        elif isinstance(stage, UntilStage):
            self._value("stage.control", stage.item, frame=frame)
            self._value("stage.control", stage.max_loop, INT, "`max-loop`", frame)
            inner = frame.inner(ANY)
            self._facts = self._without("item", "stages")
            # A round sees the stages of the round before it.
            for id in _ids(stage.stages):
                inner.ended.setdefault(id, optional(STAGE))
            self._stages(stage.stages, inner)
            self._stage = stage
            self._condition("stage.condition", stage.until, inner)
            self._adopt(stage, inner, frame)
        elif isinstance(stage, CaseStage):
            self._value("stage.control", stage.value, frame=frame)
            self._value("stage.control", stage.skip_not_match, BOOL, "`skip-not-match`", frame)
            # Of several arms one runs, so they may use the same ids.
            arms = [
                _Frame(dict(frame.ended), frame.item, dict(frame.ids), set(frame.well)) for _ in stage.arms
            ]
            for arm, inner in zip(stage.arms, arms, strict=True):
                self._stage = stage
                self._value("stage.control", arm.case, frame=frame)
                self._stages(arm.stages, inner)
            for inner in arms:
                self._perhaps(inner, frame)
                frame.ids.update(inner.ids)

    def _adopt(self, stage: Stage, inner: _Frame, frame: _Frame) -> None:
        """What ran inside a stage is known after it; only perhaps, where the stage may not have run."""
        if stage.condition is not None or may_fail(stage):
            self._perhaps(inner, frame)
        else:
            frame.ended.update(inner.ended)
            frame.well |= inner.well

    def _perhaps(self, inner: _Frame, frame: _Frame) -> None:
        for id, type in inner.ended.items():
            if id not in frame.ended:
                frame.ended[id] = optional(type)

    def _stage_values(self, values: Iterable[Value], frame: _Frame) -> None:
        for value in values:
            self._value("stage.value", value, frame=frame)

    def _items(self, position: str, items: Iterable[Item]) -> None:
        for item in items:
            self._value(position, item.value)

    def _value(
        self,
        position: str,
        value: Value | None,
        wanted: Type | None = None,
        key: str = "",
        frame: _Frame | None = None,
        vars: Type | None = None,
    ) -> None:
        """Infer what is inside a value; where it is one whole expression, its type must fit `wanted`."""
        if value is None or isinstance(value, Const):
            return
        found = value.holes if isinstance(value, TemplateValue) else list(holes(value))
        for hole in found:
            if hole.expr is not None:
                scope = self._scope(position, hole, frame, vars)
                told = _Counted(self._told)
                infer(hole.expr, scope, told)
                self._each(hole, hole.expr, scope, told, is_condition=False)
        if not found:
            return
        self._model.sites.append(Site(position, value, found, self._job, self._stage))
        if wanted is not None and isinstance(value, TemplateValue):
            type = value_type(value, self._model)
            if not assignable(type, wanted):
                span = value.holes[0].span if value.whole else value.span
                self._report(
                    Diagnostic(
                        "wrong-type",
                        f"{key} must be {show(wanted)}, but this is {show(type)}",
                        span,
                        help=f"give an expression whose value is {show(wanted)}",
                    )
                )

    def _condition(self, position: str, value: Value | None, frame: _Frame | None = None) -> None:
        if value is None:
            return
        if isinstance(value, Const):
            if not isinstance(value.value, bool):
                self._report(
                    Diagnostic(
                        "condition-not-boolean",
                        "a condition must be true or false",
                        value.span,
                        help="write a comparison, such as `params.count > 0`, or `true` or `false`",
                    )
                )
            return
        if not isinstance(value, TemplateValue) or not value.whole:
            self._value(position, value, frame=frame)
            return
        self._model.sites.append(Site(position, value, value.holes, self._job, self._stage))
        for hole in value.holes:
            if hole.expr is not None:
                scope = self._scope(position, hole, frame, None)
                told = _Counted(self._told)
                check_condition(hole.expr, scope, told)
                self._each(hole, hole.expr, scope, told, is_condition=True)

    def _each(self, hole: ExprHole, expr: Expr, scope: Scope, told: _Counted, *, is_condition: bool) -> None:
        """Look at an expression in each combination, where it reads the matrix and is right for all at once."""
        combinations = self._combinations
        if (
            combinations is None
            or told.count
            or "matrix" not in scope.contexts
            or "matrix" not in hole.hole.source
            or (not is_condition and reads_known_key(expr, scope))
        ):
            return
        known = combinations.known
        if known is not None:
            check_combinations(expr, scope, known, self._conditions, self._report, is_condition=is_condition)

    def _scope(self, position: str, hole: ExprHole, frame: _Frame | None, vars: Type | None) -> Scope:
        """Most expressions of a job share their scope with others; what its stages gave is looked up where it is read."""
        file = hole.hole.span.file
        item = None if frame is None else frame.item
        reads = frame is not None and "stages" in hole.hole.source
        key = (position, id(file), id(item), id(self._facts))
        shared = vars is None and not reads
        if shared and key in self._scopes:
            return self._scopes[key]
        local = dict(self._local)
        if frame is not None:
            # Copied only for an expression that reads it, for there may be thousands of stages.
            none = ObjectType({}, noun="earlier stage")
            local["stages"] = frame.stages(going=self._going) if reads else none
        if item is not None:
            local["item"] = item
        if vars is not None:
            local["vars"] = vars
        scope = self._contexts.scope(POSITIONS[position], file, self._job, local, self._facts)
        if shared:
            self._scopes[key] = scope
        return scope

    def _told(self, diagnostic: Diagnostic) -> None:
        """Pass a finding of inference on; a read of a job that is no need becomes its own finding."""
        job = self._job
        if diagnostic.rule == MISSING_NEED and job is not None:
            name = diagnostic.span.text.strip("'\"[] ")
            diagnostic = unknown_read(name, diagnostic.span, job, self._model)
        elif diagnostic.rule == "unknown-output" and self._output is not None:
            diagnostic = _unwritten(diagnostic, self._output)
        self._report(diagnostic)


class _Counted:
    """A report that counts what it passes on."""

    __slots__ = ("_report", "count")

    def __init__(self, report: Report) -> None:
        self._report = report
        self.count = 0

    def __call__(self, diagnostic: Diagnostic) -> None:
        self.count += 1
        self._report(diagnostic)


def _unwritten(found: Diagnostic, output: Item) -> Diagnostic:
    """A declared output that reads what no stage writes."""
    return Diagnostic(
        "unwritten-output",
        f"the output `{output.key}` is never written: {found.message}",
        found.span,
        help=found.help,
        fix=found.fix,
    )


def _exprs(condition: Value | None) -> list[Expr]:
    """The expression of a condition, where it is one whole expression."""
    if not isinstance(condition, TemplateValue) or not condition.whole:
        return []
    return [hole.expr for hole in condition.holes if hole.expr is not None]


#: Contexts that stay as they are while one stage runs.
_KEPT = ("params", "matrix", "needs", "stages", "item")
_STATUS = frozenset(("always", "success", "failure", "cancelled"))


def _asks_for_status(condition: Value | None) -> bool:
    """Whether a condition calls a status function, and so stands without the implicit `success()`."""
    if condition is None or isinstance(condition, Const):
        return False
    exprs = [hole.expr for hole in holes(condition) if hole.expr is not None]
    return any(isinstance(part, Call) and part.function in _STATUS for expr in exprs for part in walk(expr))


def _ids(stages: list[Stage]) -> Iterable[str]:
    for stage in stages:
        if stage.id is not None:
            yield stage.id
        for body in child_stages(stage):
            yield from _ids(body)
