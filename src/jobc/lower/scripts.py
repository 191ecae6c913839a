"""Scripts of the IR from what the analysis of scripts found (`sema.scripts`): nothing is parsed here."""

from __future__ import annotations

from typing import Any

from jobc.ir.program import Script, Slot
from jobc.lower.codes import lower_expr
from jobc.lower.tables import Tables
from jobc.sema.model import WorkflowModel
from jobc.sema.scripts import Placement
from jobc.syntax.ast import BashStage, PyStage
from jobc.syntax.expr import Filter


def lower_script(stage: BashStage | PyStage, model: WorkflowModel, tables: Tables) -> Script:
    placed = model.scripts[id(stage)]
    slots = [
        Slot(placement.name, tables.code(_tree(placement), placement.hole.span), placement.use)
        for placement in placed.placements
    ]
    file = tables.file(stage.script.node.file)
    return Script(stage.kind, placed.text, slots, file, placed.lines)


def _tree(placement: Placement) -> Any:
    expr = placement.hole.expr
    assert expr is not None
    if isinstance(expr, Filter) and expr.name == "raw":
        expr = expr.value
    tree = lower_expr(expr)
    if placement.split:
        return ["?:", ["==", tree, None], None, ["call", "split", tree, " "]]
    return tree
