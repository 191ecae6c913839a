"""`echo` and `sleep`: a line in the log, a wait that a cancellation ends."""

from __future__ import annotations

from jobc.interpreter.stages.attempt import Attempt, Cut, Done
from jobc.interpreter.stages.retry import duration
from jobc.ir.program import EmptyStage


def run(stage: EmptyStage, attempt: Attempt) -> Done:
    if stage.echo is not None:
        attempt.log(attempt.scope.text(stage.echo))
    if stage.sleep is not None and attempt.cancellation.wait(duration(attempt.scope, stage.sleep, "`sleep`")):
        raise Cut
    return Done({})
