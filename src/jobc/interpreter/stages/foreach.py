"""`foreach`: the stages once for each item, at most `max-parallel` at a time (default 1).

After a failed item no further one starts; those that run end. The output `items` is the list of
`{"item", "result", "outputs"}` in the items' order, those that never started left out.
"""

from __future__ import annotations

import functools
from typing import Any

from jobc.interpreter.stages.attempt import Attempt, Done, labelled
from jobc.interpreter.stages.concurrent import run_all
from jobc.interpreter.values import describe
from jobc.interpreter.wire import NotPlain, plain
from jobc.ir.program import ForEachStage
from jobc.ir.status import FAILED


def run(stage: ForEachStage, attempt: Attempt) -> Done:
    items = attempt.once("items", lambda: attempt.scope.evaluate(stage.items))
    if not isinstance(items, (list, tuple)):
        raise attempt.scope.fault(stage.items, "`foreach` needs a list, but it is %s" % describe(items))
    limit = attempt.parallelism(stage.max_parallel, 1)
    tasks = [
        functools.partial(attempt.sequence, stage.stages, "%s[%d]." % (attempt.path, position), item)
        for position, item in enumerate(items)
    ]
    ended = run_all(tasks, limit, lambda sequence: sequence.status == FAILED or attempt.cancellation.thrown)
    sequences = [sequence for sequence in ended if sequence is not None]
    attempt.adopt(sequences)
    results = []
    for position, (item, sequence) in enumerate(zip(items, ended)):
        if sequence is None:
            continue
        results.append({"item": _plain(item), "result": sequence.status, "outputs": sequence.outputs})
        if sequence.status == FAILED and sequence.error is not None:
            sequence.error = labelled(sequence.error, "item %d" % position)
    return attempt.conclude(sequences, {"items": results})


def _plain(item: Any) -> Any:
    try:
        return plain(item)
    except NotPlain:
        return describe(item)
