"""`case`: the stages of the first arm whose value equals (strictly); the default where none does."""

from __future__ import annotations

from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.interpreter.values import describe, equal
from jobc.ir.program import CaseStage
from jobc.ir.status import SKIP


def run(stage: CaseStage, attempt: Attempt) -> Done:
    scope = attempt.scope
    value = scope.evaluate(stage.value)
    for position, (code, stages) in enumerate(stage.arms):
        if code is None or equal(value, scope.evaluate(code)):
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
