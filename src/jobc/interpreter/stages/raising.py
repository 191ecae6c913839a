"""`raise`: a failure with the author's message."""

from __future__ import annotations

from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.ir.program import RaiseStage


def run(stage: RaiseStage, attempt: Attempt) -> Done:
    raise attempt.failure("raise", attempt.scope.text(stage.message))
