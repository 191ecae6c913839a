"""`image`: not run by this version, and never passed over in silence."""

from __future__ import annotations

from jobc.interpreter.stages.attempt import Attempt, Done
from jobc.ir.program import DockerStage


def run(stage: DockerStage, attempt: Attempt) -> Done:
    raise attempt.failure(
        "unsupported",
        "this version of jobc does not run docker stages; call `docker run` in a bash stage instead",
    )
