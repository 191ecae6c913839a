"""The outputs of stages and jobs, where no one declares them: from their scripts, put together as the interpreter does.

    bash, python      what the script writes (`script_outputs_bash`, `script_outputs_python`)
    call              `result`, where the function says what it gives; else open
    docker            open: it is not the file's own code
    trigger           the declared outputs of the workflow that it starts
    parallel          a map for each branch
    foreach           `items`: for each item its `item`, `result` and `outputs`
    until             those of its stages
    case              those of one of its arms
    stages in order   their union, the later winning

Scripts are read when an output is first asked for: most files never ask.
"""

from __future__ import annotations

from jobc.sema.model import WorkflowModel
from jobc.sema.script_outputs import Outputs, carried, with_decimals
from jobc.sema.types import ANY, NULL, ListType, LiteralType, ObjectType, Type, optional, union
from jobc.syntax.ast import (
    BashStage,
    CallStage,
    CaseStage,
    Const,
    EmptyStage,
    ForEachStage,
    Job,
    ParallelStage,
    PyStage,
    RaiseStage,
    Stage,
    TriggerStage,
    UntilStage,
    Value,
)

#: What a Python script finds (`interpreter.child`).
PYTHON_NAMES = ("params", "matrix", "needs", "stages", "env", "item", "context", "result", "logger")
_ENDED = union(LiteralType(status) for status in ("success", "skip"))


class StageOutputs:
    """The outputs of the stages of one workflow, each found once."""

    __slots__ = ("_known", "_model")

    def __init__(self, model: WorkflowModel) -> None:
        self._model = model
        self._known: dict[int, Outputs] = {}

    def of_job(self, job: Job) -> Outputs:
        """The outputs of a job that declares none, once it succeeded."""
        # A job without stages stands in for one that was run elsewhere.
        return self._sequence(job.stages) if job.stages else Outputs(open=True)

    def of_stage(self, stage: Stage) -> Outputs:
        """The outputs of a stage that succeeded."""
        known = self._known.get(id(stage))
        if known is None:
            self._known[id(stage)] = known = self._find(stage)
            if has_decimals(self._model):
                known.types = {name: with_decimals(type) for name, type in known.types.items()}
        return known

    def _sequence(self, stages: list[Stage]) -> Outputs:
        found = Outputs()
        for stage in stages:
            found.then(self.of_stage(stage), sure=stage.condition is None and not may_fail(stage))
        return found

    def _find(self, stage: Stage) -> Outputs:
        if isinstance(stage, BashStage):
            return self._bash(stage)
        if isinstance(stage, PyStage):
            return self._python(stage)
        if isinstance(stage, EmptyStage | RaiseStage):
            return Outputs()
        if isinstance(stage, TriggerStage):
            return self._trigger(stage)
        if isinstance(stage, ParallelStage):
            return Outputs(
                {b.name: _nested(self._sequence(b.stages), f"branch `{b.name}`") for b in stage.branches}
            )
        if isinstance(stage, ForEachStage):
            return Outputs({"items": ListType(self._item(stage))})
        if isinstance(stage, UntilStage):
            return self._sequence(stage.stages)
        if isinstance(stage, CaseStage):
            return self._case(stage)
        if isinstance(stage, CallStage):
            return _call(stage)
        return Outputs(open=True)

    def _bash(self, stage: BashStage) -> Outputs:
        from jobc.sema.script_outputs_bash import bash_outputs
        from jobc.sema.scripts import Draft, shell_of

        shell = shell_of(stage, self._model)
        draft = Draft(stage.script, "", self._model, _unheard)
        if shell not in ("bash", "sh", "dash") or not draft.sound:
            return Outputs(open=True)
        return bash_outputs(draft.text, draft.names, shell)

    def _python(self, stage: PyStage) -> Outputs:
        from jobc.sema.contexts import value_type
        from jobc.sema.script_outputs_python import python_outputs
        from jobc.sema.scripts import Draft

        draft = Draft(stage.script, "_", self._model, _unheard)
        if not draft.sound:
            return Outputs(open=True)
        slots = dict(zip(draft.names, draft.types, strict=True))
        given: dict[str, Type] = dict.fromkeys(PYTHON_NAMES, ANY)
        given.update((item.key, value_type(item.value, self._model)) for item in stage.vars)
        return python_outputs(draft.text, slots, given)

    def _trigger(self, stage: TriggerStage) -> Outputs:
        from jobc.sema.contexts import value_type

        target = self._model.triggers.get(id(stage))
        if target is None:
            return Outputs(open=True)
        found = Outputs()
        for item in target.workflow.outputs:
            # Before the workflow is analysed, its expressions have no types yet.
            type = carried(value_type(item.value, target))
            found.write(item.key, with_decimals(type) if has_decimals(target) else type, sure=True)
        return found

    def _item(self, stage: ForEachStage) -> Type:
        from jobc.sema.contexts import element_type, value_type

        item = carried(element_type(value_type(stage.items, self._model)))
        outputs = _nested(self._sequence(stage.stages), "`foreach`")
        return ObjectType({"item": item, "result": _ENDED, "outputs": outputs})

    def _case(self, stage: CaseStage) -> Outputs:
        ways = [self._sequence(arm.stages) for arm in stage.arms]
        skips = stage.skip_not_match
        if skips is not None and not (isinstance(skips, Const) and skips.value is False):
            ways.append(Outputs())
        found = ways[0] if ways else Outputs()
        for way in ways[1:]:
            found = found.either(way)
        return found


def has_decimals(model: WorkflowModel) -> bool:
    """Whether a number of a workflow may be a decimal; none comes from elsewhere than its parameters."""
    return any(decl.type == "decimal" for decl in model.workflow.params or ())


def may_fail(stage: Stage) -> bool:
    """Whether the stages after it may run although it failed."""
    value: Value | None = stage.continue_on_error
    return value is not None and not (isinstance(value, Const) and value.value is False)


def _call(stage: CallStage) -> Outputs:
    """A function's result, where it is registered here and says what it gives."""
    from jobc.sema.tasks import result_type

    result = result_type(stage)
    if result is None:
        return Outputs(open=True)
    return Outputs() if result is NULL else Outputs({"result": carried(result)})


def _nested(outputs: Outputs, place: str) -> ObjectType:
    return outputs.object(f"output of {place}", succeeded=True)


def _unheard(finding: object) -> None:
    """Drafts are made once more when scripts are placed, which is when their findings are reported."""


def listed(outputs: Outputs) -> Outputs:
    """The outputs of a job with a strategy: each is the list of its combinations' values."""
    result = Outputs({n: ListType(optional(t)) for n, t in outputs.types.items()}, open=outputs.open)
    result.maybe = set(outputs.maybe)
    return result
