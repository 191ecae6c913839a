"""`trigger`: another workflow of the program, run by the host to its end."""

from __future__ import annotations

from jobc.interpreter.stages.attempt import Attempt, Cut, Done
from jobc.ir.program import TriggerStage
from jobc.ir.status import SKIP, SUCCESS


def run(stage: TriggerStage, attempt: Attempt) -> Done:
    params = attempt.scope.named(stage.params)
    outcome = attempt.state.host.trigger(stage.workflow, params, attempt.path, attempt.cancellation)
    if outcome.status == SUCCESS:
        return Done(outcome.outputs)
    if outcome.status == SKIP:
        return Done(outcome.outputs, SKIP, outcome.message or "every job of the workflow was skipped")
    if attempt.cancellation.thrown:
        raise Cut
    name = attempt.state.program.workflows[stage.workflow].name
    why = ": %s" % outcome.message if outcome.message else ""
    failure = attempt.failure("trigger", "workflow `%s` ended as %s%s" % (name, outcome.status, why))
    failure.outputs = outcome.outputs
    raise failure
