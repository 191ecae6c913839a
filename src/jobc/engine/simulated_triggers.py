"""The `trigger` stages of a simulated attempt: asked for as the interpreter would, answered by the same scheduler.

In their order, those in branches of a `parallel` and in items of a `foreach` at once (their `max-parallel` is not simulated). A
condition is heeded; nothing else is run, so a condition or a parameter sees the outputs of triggered runs and of no other stage.
A `case` and an `until` decide by what stages give, and are not entered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from jobc.backends.api import Task
from jobc.engine.host import CombinationHost
from jobc.interpreter.api import Cancellation, ErrorInfo
from jobc.interpreter.contexts import JobState, Scope, StageFailure
from jobc.interpreter.launcher import Launcher
from jobc.ir.program import ForEachStage, ParallelStage, Stage, TriggerStage
from jobc.ir.status import SKIP, SUCCESS

Soon = Callable[[Callable[[], None]], None]
Then = Callable[["ErrorInfo | None"], None]


class Triggers:
    """Those of one attempt. `soon` has something done when the scheduler waits again."""

    def __init__(self, task: Task, soon: Soon) -> None:
        self.cancellation = Cancellation()
        self._host = cast(CombinationHost, task.host)
        self._soon = soon
        workflow = task.program.workflows[task.workflow]
        self._stages = workflow.jobs[task.job].stages
        state = JobState(
            task.program,
            workflow,
            workflow.jobs[task.job],
            task.inputs,
            self._host,
            self.cancellation,
            cast(Launcher, None),  # nothing is launched
        )
        self._scope = Scope(state, "", dict(task.inputs.env), {}, self.cancellation)

    def run(self, then: Then) -> None:
        """Run them all; `then` is called at the end, with why the attempt fails."""
        self._sequence(self._stages, self._scope, then)

    def _sequence(self, stages: list[Stage], scope: Scope, then: Then, first: int = 0) -> None:
        for at in range(first, len(stages)):
            stage = stages[at]

            def further(error: ErrorInfo | None, at: int = at) -> None:
                if error is not None and stages[at].continue_on_error is None:
                    then(error)
                else:
                    self._sequence(stages, scope, then, at + 1)

            try:
                if stage.condition is not None and not scope.boolean(stage.condition, "a condition"):
                    continue
                if isinstance(stage, TriggerStage):
                    self._ask(stage, scope.path + (stage.id or str(at)), scope, further)
                    return
                inner = self._inner(stage, scope, scope.path + (stage.id or str(at)))
            except StageFailure as failure:
                then(failure.error)
                return
            if inner:
                self._together(inner, further)
                return
        then(None)

    def _inner(self, stage: Stage, scope: Scope, path: str) -> list[tuple[list[Stage], Scope]]:
        """The sequences inside a stage that run at once, where one of them triggers something."""
        if isinstance(stage, ParallelStage) and any(map(_triggers, (each for _, each in stage.branches))):
            return [
                (stages, scope.nested(f"{path}.{name}.", scope.item, self.cancellation))
                for name, stages in stage.branches
            ]
        if isinstance(stage, ForEachStage) and _triggers(stage.stages):
            items = scope.evaluate(stage.items)
            return [
                (stage.stages, scope.nested(f"{path}[{index}].", item, self.cancellation))
                for index, item in enumerate(items)
            ]
        return []

    def _together(self, sequences: list[tuple[list[Stage], Scope]], then: Then) -> None:
        open_ones, errors = len(sequences), []

        def ended(error: ErrorInfo | None) -> None:
            nonlocal open_ones
            open_ones -= 1
            if error is not None:
                errors.append(error)
            if open_ones == 0:
                then(errors[0] if errors else None)

        for stages, scope in sequences:
            self._sequence(stages, scope, ended)

    def _ask(self, stage: TriggerStage, path: str, scope: Scope, then: Then) -> None:
        ticket = self._host.ticket(stage.workflow, scope.named(stage.params), path, self.cancellation)
        unlisten: Callable[[], None] = lambda: None  # noqa: E731

        def answered() -> None:
            unlisten()
            outcome = ticket.outcome
            assert outcome is not None
            if stage.id is not None:
                scope.note(stage.id, {"result": outcome.status, "outputs": outcome.outputs})
            if outcome.status in (SUCCESS, SKIP):
                then(None)
                return
            name = scope.state.program.workflows[stage.workflow].name
            why = f": {outcome.message}" if outcome.message else ""
            then(ErrorInfo("trigger", f"workflow `{name}` ended as {outcome.status}{why}"))

        ticket.done = cast(Any, _Answer(lambda: self._soon(answered)))
        unlisten = self._host.ask(ticket)


class _Answer:
    """What a ticket has in place of an event that a thread waits for."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.set = action


def _triggers(stages: list[Stage]) -> bool:
    return any(
        isinstance(stage, TriggerStage)
        or (isinstance(stage, ParallelStage) and any(map(_triggers, (each for _, each in stage.branches))))
        or (isinstance(stage, ForEachStage) and _triggers(stage.stages))
        for stage in stages
    )
