"""What the rules on reachability share: the analyses of a model's workflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.conditional import is_conditional
from jobc.sema.model import SemanticModel, WorkflowModel

if TYPE_CHECKING:
    from jobc.sema.reachability import Reachability


def analyses(model: SemanticModel) -> Iterator[tuple[WorkflowModel, Reachability]]:
    """The workflows in which something is decided, with what can happen in each. The analysis is made once."""
    for workflow in model.all_workflows:
        if is_conditional(workflow):
            from jobc.sema.reachability import reachable

            reach = reachable(workflow)
            if reach is not None:
                yield workflow, reach


def bounded(reach: Reachability, findings: Iterator[Diagnostic]) -> Iterator[Diagnostic]:
    """The findings on one job, as far as they can be made within its share of work."""
    from jobc.sema.diagram import Exhausted

    reach.allow()
    try:
        yield from findings
    except Exhausted:
        return
