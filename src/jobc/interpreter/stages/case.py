"""`case`: the stages of the first arm whose value equals (strictly); the default where none does."""

from __future__ import annotations

from typing import Optional

from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.interpreter.values import describe, equal
from jobc.ir.program import CaseStage
from jobc.ir.status import SKIP


def run(stage: CaseStage, attempt: Attempt) -> Done:
    scope = attempt.scope
    position = attempt.once("arm", lambda: _arm(stage, attempt))
    if position is not None:
        code, stages = stage.arms[position]
        name = "else" if code is None else str(position)
        sequence = attempt.sequence(stages, "%s.%s." % (attempt.path, name), scope.item)
        attempt.adopt([sequence])
        return attempt.conclude([sequence], sequence.outputs)
    value = scope.evaluate(stage.value)
    if stage.skip_not_match is not None and scope.boolean(stage.skip_not_match, "`skip-not-match`"):
        return Done({}, SKIP, "no `match` equals %s" % describe(value))
    raise attempt.failure(
        "case",
        "no `match` equals %s; add a case for it, a default `_`, or `skip-not-match: true`" % describe(value),
    )


def _arm(stage: CaseStage, attempt: Attempt) -> Optional[int]:
    """The position of the first arm that matches."""
    value = attempt.scope.evaluate(stage.value)
    for position, (code, _) in enumerate(stage.arms):
        if code is None or equal(value, attempt.scope.evaluate(code)):
            return position
    return None
