"""`case`: the stages of the first arm whose value equals (strictly); the default where none does."""

from __future__ import annotations

from typing import Any, Optional

from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.interpreter.values import describe, equal
from jobc.ir.program import CaseStage
from jobc.ir.status import SKIP


def run(stage: CaseStage, attempt: Attempt) -> Done:
    scope = attempt.scope
    value = scope.evaluate(stage.value)
    position = attempt.once("arm", lambda: _arm(stage, value, attempt))
    if position is not None:
        code, stages = stage.arms[position]
        name = "else" if code is None else str(position)
        sequence = attempt.sequence(stages, "%s.%s." % (attempt.path, name), scope.item)
        attempt.adopt([sequence])
        return attempt.conclude([sequence], sequence.outputs)
    if stage.skip_not_match is not None and scope.boolean(stage.skip_not_match, "`skip-not-match`"):
        return Done({}, SKIP, "no `match` equals %s" % describe(value))
    raise attempt.failure(
        "case",
        "no `match` equals %s; add a case for it, a default `_`, or `skip-not-match: true`" % describe(value),
    )


def _arm(stage: CaseStage, value: Any, attempt: Attempt) -> Optional[int]:
    """The position of the first arm that matches."""
    for position, (code, _) in enumerate(stage.arms):
        if code is None or equal(value, attempt.scope.evaluate(code)):
            return position
    return None
