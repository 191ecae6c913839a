"""Stages of the AST to stages of the IR, one function a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobc.ir import program as ir
from jobc.lower.codes import lower_words
from jobc.lower.scripts import lower_script
from jobc.lower.tables import Tables, constant_text
from jobc.sema.model import WorkflowModel
from jobc.syntax import ast


class Lowering:
    """What lowering a workflow's parts needs: its model, the tables, and the indices of the workflows it triggers."""

    __slots__ = ("model", "tables", "workflow_index")

    def __init__(
        self, model: WorkflowModel, tables: Tables, workflow_index: Callable[[WorkflowModel], int]
    ) -> None:
        self.model = model
        self.tables = tables
        self.workflow_index = workflow_index


def lower_stages(stages: list[ast.Stage], low: Lowering) -> list[ir.Stage]:
    return [lower_stage(stage, low) for stage in stages]


def lower_stage(stage: ast.Stage, low: Lowering) -> ir.Stage:
    tables = low.tables
    made: ir.Stage = _BY_KIND[stage.kind](stage, tables.span(stage.span), low)
    made.id = stage.id
    made.name = tables.optional(stage.name)
    made.desc = constant_text(stage.desc)
    made.condition = tables.optional(stage.condition)
    made.env = tables.named(stage.env)
    made.timeout = tables.duration(stage.timeout)
    made.retry = lower_retry(stage.retry, tables)
    made.continue_on_error = tables.optional(stage.continue_on_error)
    made.extras = tables.optional(stage.extras)
    return made


def lower_retry(retry: ast.Retry | None, tables: Tables) -> ir.Retry | None:
    if retry is None:
        return None
    made = ir.Retry()
    made.attempts = tables.optional(retry.attempts)
    made.delay = tables.duration(retry.delay)
    made.backoff = retry.backoff or "fixed"
    made.max_delay = tables.duration(retry.max_delay)
    made.jitter = tables.optional(retry.jitter)
    made.on = list(retry.on)
    made.preemptions = tables.optional(retry.preemptions)
    return made


def _empty(stage: ast.EmptyStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.EmptyStage(span)
    made.echo = low.tables.optional(stage.echo)
    made.sleep = low.tables.duration(stage.sleep)
    return made


def _bash(stage: ast.BashStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.BashStage(span, lower_script(stage, low.model, low.tables))
    defaults = low.model.workflow.defaults
    shell = stage.shell
    if shell is None and defaults is not None:
        shell = defaults.shell
    made.shell = low.tables.optional(shell)
    return made


def _python(stage: ast.PyStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.PyStage(span, lower_script(stage, low.model, low.tables))
    made.vars = low.tables.named(stage.vars)
    made.deps = [low.tables.value(value) for value in stage.deps]
    made.isolation = stage.isolation
    return made


def _call(stage: ast.CallStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.CallStage(span, low.tables.value(stage.function))
    made.with_ = low.tables.named(stage.with_)
    return made


def _trigger(stage: ast.TriggerStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.TriggerStage(span, low.workflow_index(low.model.triggers[id(stage)]))
    made.params = low.tables.named(stage.params)
    return made


def _parallel(stage: ast.ParallelStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.ParallelStage(span)
    made.branches = [(branch.name, lower_stages(branch.stages, low)) for branch in stage.branches]
    made.max_parallel = low.tables.optional(stage.max_parallel)
    return made


def _foreach(stage: ast.ForEachStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.ForEachStage(span, low.tables.value(stage.items))
    made.stages = lower_stages(stage.stages, low)
    made.max_parallel = low.tables.optional(stage.max_parallel)
    return made


def _until(stage: ast.UntilStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.UntilStage(span, low.tables.value(stage.until))
    made.item = low.tables.optional(stage.item)
    made.max_loop = low.tables.optional(stage.max_loop)
    made.stages = lower_stages(stage.stages, low)
    return made


def _case(stage: ast.CaseStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.CaseStage(span, low.tables.value(stage.value))
    arms = [arm for arm in stage.arms if arm.case is not None] + [
        arm for arm in stage.arms if arm.case is None
    ]
    made.arms = [(low.tables.optional(arm.case), lower_stages(arm.stages, low)) for arm in arms]
    made.skip_not_match = low.tables.optional(stage.skip_not_match)
    return made


def _raise(stage: ast.RaiseStage, span: int, low: Lowering) -> ir.Stage:
    return ir.RaiseStage(span, low.tables.value(stage.message))


def _docker(stage: ast.DockerStage, span: int, low: Lowering) -> ir.Stage:
    made = ir.DockerStage(span, low.tables.value(stage.image))
    if stage.command is not None:
        made.command = low.tables.code(lower_words(stage.command), stage.command.span)
    made.volume = low.tables.named(stage.volume)
    made.options = low.tables.named(stage.options)
    return made


_BY_KIND: dict[str, Callable[[Any, int, Lowering], ir.Stage]] = {
    "empty": _empty,
    "bash": _bash,
    "python": _python,
    "call": _call,
    "trigger": _trigger,
    "parallel": _parallel,
    "foreach": _foreach,
    "until": _until,
    "case": _case,
    "raise": _raise,
    "docker": _docker,
}
