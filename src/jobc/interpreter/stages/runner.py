"""One stage's life, and a sequence of them.

    condition  →  name, env  →  attempt  →  … further attempts  →  end

A condition that calls none of `always() success() failure() cancelled()` stands behind an implicit `success()`. Where
an earlier stage failed, or the job was cancelled or timed out, only stages that ask for it still run; the clean-up after
a cancellation or a timeout does not see that cancellation, only a `kill`, and gets `CLEANUP` seconds where it
sets no `timeout` itself.

`timeout` covers one attempt. `continue-on-error` lets the sequence go on; the stage stays failed.

Events, each with `stage` (its path) and `id` (None without one):
    stage-started  name, attempt, before (of a further attempt: the error of the last, the seconds waited)
    log            stream (`stdout` or `stderr`), text (one line); of what a stage wrote: time, when it was read, in seconds
                   since the epoch
    stage-decided  nothing but `journal`: what an attempt decided once and for all
    stage-retrying attempt (that failed), wait_s, error
    stage-ended    name, status, attempts, error, outputs, reason, duration_s
`journal`, where an event has it, is for who resumes the combination (`replay`), not for people.
"""

from __future__ import annotations

import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from jobc.interpreter import outputs as output_rules
from jobc.interpreter.api import Cancellation, ErrorInfo, StageResult
from jobc.interpreter.contexts import Scope, StageFailure
from jobc.interpreter.deadlines import Deadline, deadlines
from jobc.interpreter.stages.attempt import Attempt, Cut, Done, SequenceResult
from jobc.interpreter.stages.retry import Policy, duration
from jobc.ir.program import Stage
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS

if TYPE_CHECKING:
    from jobc.interpreter.replay import Change

#: Seconds that a stage without `timeout` has after a cancellation or a timeout.
CLEANUP = 300.0

#: The kinds whose modules have other names. A kind is loaded when a stage of it runs first.
_MODULES = {"raise": "raising"}
_loaded: Dict[str, Callable[[Any, Attempt], Done]] = {}

#: The kinds whose inner sequences may run at the same time.
CONCURRENT = frozenset(["parallel", "foreach"])


def run_sequence(stages: List[Stage], scope: Scope) -> SequenceResult:
    """Run stages one after the other in `scope`. Never raises."""
    sequence = SequenceResult()
    statuses: List[str] = []
    for position, stage in enumerate(stages):
        life = _Life(stage, scope.path + (stage.id or str(position)), scope)
        result = life.pass_over() if life.is_over else life.run()
        sequence.results.append(result)
        sequence.results.extend(life.nested)
        sequence.outputs.update(result.outputs)
        if stage.id is not None:
            scope.note(stage.id, {"result": result.status, "outputs": result.outputs})
        if result.status == FAILED and life.tolerated:
            statuses.append(SUCCESS)
            continue
        statuses.append(result.status)
        if result.status == FAILED:
            scope.failed = True
            sequence.error = sequence.error or result.error
    sequence.ended = scope.ended
    sequence.status = _combine(statuses)
    return sequence


def _kind(name: str) -> Callable[[Any, Attempt], Done]:
    run = _loaded.get(name)
    if run is None:
        module = import_module("jobc.interpreter.stages." + _MODULES.get(name, name))
        run = _loaded[name] = module.run
    return run


def _combine(statuses: List[str]) -> str:
    if FAILED in statuses:
        return FAILED
    if CANCEL in statuses:
        return CANCEL
    return SKIP if statuses and all(status == SKIP for status in statuses) else SUCCESS


class _Life:
    """One stage from its condition to its end; `tolerated` says that its failure does not end the sequence."""

    def __init__(self, stage: Stage, path: str, scope: Scope) -> None:
        self.stage = stage
        self.path = path
        self.scope = scope
        self.state = scope.state
        self.nested: List[StageResult] = []
        self.tolerated = False
        #: How the attempt before ended, and the seconds between the two.
        self.before: Optional[Dict[str, Any]] = None
        self.changes: List[Change] = []
        self.replay = scope.state.inputs.replay
        self.kept = self.replay.get(path) if self.replay is not None else None
        self.result = StageResult(stage.id or path, stage.id or path, SUCCESS, path)

    @property
    def is_over(self) -> bool:
        """Whether an earlier engine saw its end."""
        return self.kept is not None and self.kept.ended

    def pass_over(self) -> StageResult:
        """Take an earlier engine's word for it."""
        assert self.kept is not None
        assert self.replay is not None
        self.tolerated = self.kept.tolerated
        self.nested = self.replay.restore(self.stage, self.path, self.scope)
        for change in self.kept.changes:
            self.state.restore_params(change)
        return self.kept.result

    def run(self) -> StageResult:
        started = time.monotonic()
        result = self.result
        try:
            if self._enters():
                self._name()
                self._attempts()
        except StageFailure as failure:
            self._fail(failure.error, failure.outputs)
        except Exception as error:  # noqa: BLE001 (a defect here must not take the other stages with it)
            import traceback

            for line in traceback.format_exc().splitlines():
                self._log(line)
            self._fail(ErrorInfo("internal", "defect of jobc: %s: %s" % (type(error).__name__, error)), {})
        if result.status == FAILED and self.stage.continue_on_error is not None:
            try:
                self.tolerated = self.scope.boolean(self.stage.continue_on_error, "`continue-on-error`")
            except StageFailure as failure:
                self._log(failure.error.message)
        self._mask()
        result.duration = time.monotonic() - started
        event: Dict[str, Any] = {
            "event": "stage-ended",
            "stage": self.path,
            "id": self.stage.id,
            "name": result.name,
            "status": result.status,
            "attempts": result.attempts,
            "error": result.error.to_json() if result.error else None,
            "outputs": result.outputs,
            "reason": result.reason,
            "duration_s": round(result.duration, 6),
        }
        if result.error is not None or self.changes:
            event["journal"] = self._memory(result.error)
        self.state.host.emit(event)
        return result

    def _memory(self, error: Optional[ErrorInfo]) -> Dict[str, Any]:
        """What a later engine has to know beside what people see."""
        memory: Dict[str, Any] = {"tolerated": self.tolerated, "changes": self.changes}
        if error is not None:
            memory["exit_code"], memory["bases"] = error.exit_code, error.bases
        return memory

    def _enters(self) -> bool:
        """Whether the stage runs; if not, the result says why not."""
        result, scope = self.result, self.scope
        code = self.stage.condition
        asks = False
        if code is not None:
            from jobc.interpreter.reasons import calls_status, why_false

            tree = self.state.program.codes[code].tree
            asks = calls_status(tree)
        if scope.cancellation.killed:
            result.status, result.reason = CANCEL, scope.cancellation.message
            return False
        if not asks and not scope.going:
            if scope.cancellation.thrown:
                result.status, result.reason = CANCEL, scope.cancellation.message
            else:
                result.status, result.reason = SKIP, "an earlier stage failed"
            return False
        if code is None or self.kept is not None or scope.boolean(code, "a condition"):
            return True
        result.status, result.reason = SKIP, why_false(tree, scope.environment())
        return False

    def _name(self) -> None:
        if self.stage.name is not None:
            self.result.name = self.state.masker.mask(self.scope.text(self.stage.name)) or self.result.name

    def _attempts(self) -> None:
        scope = self.scope
        if not scope.cancellation.thrown:
            self._retry(scope.cancellation, None)
            return
        cleanup = _OnlyKill(scope.cancellation)
        try:
            self._retry(cleanup, CLEANUP)
        finally:
            cleanup.close()

    def _retry(self, outer: Cancellation, limit: Optional[float]) -> None:
        scope, stage = self.scope, self.stage
        env = scope.with_env(stage.env)
        settings = scope.inside(env, outer)
        policy = Policy(stage.retry, settings, self._seed())
        if stage.timeout is not None:
            limit = duration(settings, stage.timeout, "`timeout`")
        number = 1
        if self.kept is not None:
            number = self.kept.failed + 1
            self.result.attempts = self.kept.failed
            self.changes.extend(self.kept.changes)
            for change in self.kept.changes:
                self.state.restore_params(change)
            if self.kept.retry_in is not None and outer.wait(self.kept.retry_in):
                self._cut(outer)
                return
        while True:
            failure = self._attempt(number, env, outer, limit)
            if failure is None:
                return
            again = number <= policy.further and policy.covers(failure.error)
            if not again or outer.thrown:
                self._fail(failure.error, failure.outputs)
                return
            wait = policy.wait(number)
            before = {"error": failure.error.to_json(), "waited_s": round(wait, 3)}
            self.before = self.state.masker.mask_map(before)
            self._log(
                "attempt %d of %d failed: %s; the next one is in %g s"
                % (number, policy.further + 1, failure.error.said, round(wait, 3))
            )
            self._note_retry(number, wait, failure.error)
            if outer.wait(wait):
                self._cut(outer)
                return
            number += 1

    def _seed(self) -> str:
        inputs = self.state.inputs
        index = inputs.strategy.get("index", 0)
        return "%s/%s/%s/%s" % (inputs.run.get("id"), self.state.job.id, index, self.path)

    def _note_retry(self, number: int, wait: float, error: ErrorInfo) -> None:
        """Let it be known that an attempt is used up, before the next one's delay begins."""
        if self.replay is not None:
            self.replay.forget(self.path)
        message = self.state.masker.mask(error.message)
        self.state.host.emit(
            {
                "event": "stage-retrying",
                "stage": self.path,
                "attempt": number,
                "wait_s": wait,
                "error": {**error.to_json(), "message": message},
                "journal": self._memory(None),
            }
        )

    def _attempt(
        self, number: int, env: Dict[str, str], outer: Cancellation, limit: Optional[float]
    ) -> Optional[StageFailure]:
        """One attempt; its failure if another one may follow, else None with the result filled in."""
        result, stage = self.result, self.stage
        result.attempts = number
        started: Dict[str, Any] = {
            "event": "stage-started",
            "stage": self.path,
            "id": stage.id,
            "name": result.name,
            "attempt": number,
        }
        if self.before is not None:
            started["before"] = self.before
        self.state.host.emit(started)
        guard = Cancellation(outer)
        deadline: Optional[Deadline] = None
        if limit is not None:
            words = "the stage ran longer than its timeout of %g s" % limit
            deadline = deadlines.after(limit, partial(guard.throw, "timeout", words))
        inner = self.scope.inside(env, guard, number if stage.retry is not None else None)
        attempt = Attempt(stage, self.path, inner, number, run_sequence)
        try:
            if self.replay is not None and stage.kind in CONCURRENT:
                for change in self.replay.below(self.path):
                    self.state.restore_params(change)
            done = _kind(stage.kind)(stage, attempt)
            output_rules.check(done.outputs)
        except Cut:
            if outer.thrown or guard.reason != "timeout":
                self._cut(guard)
                return None
            return attempt.failure("timeout", guard.message)
        except output_rules.OutputProblem as problem:
            return attempt.failure("output", str(problem))
        except StageFailure as failure:
            return failure
        except OSError as error:
            return attempt.failure("start", "the stage cannot be run here: %s" % error)
        finally:
            self.nested = attempt.nested
            self.changes.extend(attempt.changes)
            guard.close()
            if deadline is not None:
                deadlines.cancel(deadline)
        result.status, result.outputs, result.reason = done.status, done.outputs, done.reason
        return None

    def _cut(self, cancellation: Cancellation) -> None:
        """The stage was ended from outside: a job's timeout makes it failed, anything else cancelled."""
        if cancellation.reason == "timeout":
            path, line = self.state.program.place(self.stage.span)
            self._fail(ErrorInfo("timeout", cancellation.message, path, line), {})
        else:
            self.result.status = CANCEL
            self.result.reason = cancellation.message
            self.result.error = ErrorInfo("cancel", cancellation.message)

    def _fail(self, error: ErrorInfo, outputs: Dict[str, Any]) -> None:
        if error.line is None:
            error.path, error.line = self.state.program.place(self.stage.span)
        self.result.status = FAILED
        self.result.error = error
        try:
            output_rules.check(outputs)
            self.result.outputs = outputs
        except output_rules.OutputProblem:
            self.result.outputs = {}

    def _mask(self) -> None:
        mask = self.state.masker.mask
        result = self.result
        result.outputs = self.state.masker.mask_map(result.outputs)
        if result.error is not None:
            result.error.message = mask(result.error.message)
        if result.reason is not None:
            result.reason = mask(result.reason)

    def _log(self, text: str) -> None:
        line = self.state.masker.mask(text)
        self.state.host.emit({"event": "log", "stage": self.path, "stream": "stderr", "text": line})


class _OnlyKill(Cancellation):
    """For what still runs after its parent was thrown: only the parent's kill reaches it."""

    def _from_parent(self) -> None:
        if self._parent is not None and self._parent.killed:
            self.kill()
