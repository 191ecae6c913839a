"""`parallel`: branches at the same time, at most `max-parallel` of them (default: all).

A branch that fails does not end the others. Outputs are one map a branch.
"""

from __future__ import annotations

import functools
from typing import Any, Dict

from jobc.interpreter.stages.attempt import Attempt, Done, labelled
from jobc.interpreter.stages.concurrent import run_all
from jobc.ir.program import ParallelStage
from jobc.ir.status import FAILED


def run(stage: ParallelStage, attempt: Attempt) -> Done:
    limit = attempt.parallelism(stage.max_parallel, max(1, len(stage.branches)))
    tasks = [
        functools.partial(attempt.sequence, stages, "%s.%s." % (attempt.path, name), attempt.scope.item)
        for name, stages in stage.branches
    ]
    ended = run_all(tasks, limit, lambda sequence: attempt.cancellation.killed)
    sequences = [sequence for sequence in ended if sequence is not None]
    attempt.adopt(sequences)
    outputs: Dict[str, Any] = {}
    for (name, _), sequence in zip(stage.branches, ended):
        if sequence is None:
            continue
        outputs[name] = sequence.outputs
        if sequence.status == FAILED and sequence.error is not None:
            sequence.error = labelled(sequence.error, "branch `%s`" % name)
    return attempt.conclude(sequences, outputs)
