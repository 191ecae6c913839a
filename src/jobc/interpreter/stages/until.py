"""`until`: the stages again and again, until the condition holds after a round; at most `max-loop` rounds (10).

`item` is what `item` gives (null without it) in the first round; in the next ones the output named `item` of the round
before, where it has one. The outputs are the last round's.
"""

from __future__ import annotations

from jobc.interpreter.reasons import why_false
from jobc.interpreter.stages.attempt import Attempt, Cut, Done, SequenceResult
from jobc.ir.program import UntilStage
from jobc.ir.status import SKIP, SUCCESS

MAX_LOOP = 10


def run(stage: UntilStage, attempt: Attempt) -> Done:
    scope = attempt.scope
    item = attempt.once("item", lambda: None if stage.item is None else scope.evaluate(stage.item))
    rounds = MAX_LOOP if stage.max_loop is None else scope.whole(stage.max_loop, "`max-loop`", 1)
    reason = ""
    replay = attempt.state.inputs.replay
    sequence = SequenceResult()
    for number in range(rounds):
        if attempt.cancellation.thrown:
            raise Cut
        sequence = attempt.sequence(stage.stages, "%s[%d]." % (attempt.path, number), item)
        attempt.adopt([sequence])
        if sequence.status not in (SUCCESS, SKIP):
            return attempt.conclude([sequence], sequence.outputs)
        item = sequence.outputs.get("item", item)
        if replay is not None and replay.began("%s[%d]." % (attempt.path, number + 1)):
            continue  # it did not hold then
        after = scope.inside(scope.env, attempt.cancellation)
        after.item = item
        if after.boolean(stage.until, "`until`"):
            return Done(sequence.outputs)
        reason = why_false(attempt.state.program.codes[stage.until].tree, after.environment())
    failure = attempt.failure(
        "until",
        "`until` did not hold after %d rounds; %s; raise `max-loop`, or change what is waited for"
        % (rounds, reason),
    )
    failure.outputs = sequence.outputs
    raise failure
