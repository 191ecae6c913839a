"""What a stage kind is given, and how it ends.

A kind is a function `run(stage, attempt) -> Done`. It raises `StageFailure` where it fails, and `Cut` where the
attempt's cancellation ended it; whether that was a timeout or a cancellation is the runner's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from jobc.interpreter.api import Cancellation, ErrorInfo, StageResult
from jobc.interpreter.contexts import JobState, Scope, StageFailure
from jobc.interpreter.lines import instant
from jobc.ir.program import CodeIndex, Stage
from jobc.ir.status import CANCEL, FAILED, SKIP, SUCCESS

if TYPE_CHECKING:
    from jobc.interpreter.processes import Exit
    from jobc.interpreter.replay import Change


class Done:
    """An attempt that did not fail: `status` is `success`, or `skip` with its `reason`."""

    __slots__ = ("outputs", "reason", "status")

    def __init__(self, outputs: Dict[str, Any], status: str = SUCCESS, reason: Optional[str] = None) -> None:
        self.outputs = outputs
        self.status = status
        self.reason = reason


class Cut(Exception):
    """The attempt's cancellation ended it."""


class SequenceResult:
    """How nested stages ended: `outputs` the union of theirs, the later winning; `error` of the first that failed."""

    __slots__ = ("ended", "error", "outputs", "results", "status")

    def __init__(self) -> None:
        self.status = SUCCESS
        self.outputs: Dict[str, Any] = {}
        self.error: Optional[ErrorInfo] = None
        self.results: List[StageResult] = []
        self.ended: Dict[str, Any] = {}


def labelled(error: ErrorInfo, label: str) -> ErrorInfo:
    """The same error, said to be of a part."""
    copy = ErrorInfo("nested", "%s: %s" % (label, error.said), error.path, error.line, error.exit_code)
    copy.bases = [error.type, *error.bases]
    return copy


RunSequence = Callable[[List[Stage], Scope], SequenceResult]


class Attempt:
    """One attempt at one stage."""

    __slots__ = (
        "cancellation",
        "changes",
        "nested",
        "number",
        "path",
        "run_sequence",
        "scope",
        "stage",
        "state",
    )

    def __init__(self, stage: Stage, path: str, scope: Scope, number: int, run_sequence: RunSequence) -> None:
        self.stage = stage
        self.path = path
        self.scope = scope
        self.state: JobState = scope.state
        self.cancellation: Cancellation = scope.cancellation
        self.number = number
        self.run_sequence = run_sequence
        self.nested: List[StageResult] = []
        #: What it did to `params`.
        self.changes: List[Change] = []

    def once(self, name: str, decide: Callable[[], Any]) -> Any:
        """What `decide` gives, or what it gave before an engine died during this very attempt."""
        replay = self.state.inputs.replay
        kept = replay.get(self.path) if replay is not None else None
        if kept is not None and name in kept.decided:
            return kept.decided[name]
        value = decide()
        self.state.host.emit({"event": "stage-decided", "stage": self.path, "journal": {name: value}})
        return value

    def change_params(self, changed: Dict[str, Any], deleted: List[str]) -> None:
        """Change `params` for the rest of the job."""
        change = self.state.change_params(changed, deleted)
        if change is not None:
            self.changes.append(change)

    def log(self, text: str, stream: str = "stdout") -> None:
        """Masked lines of the stage's log."""
        for line in self.state.masker.mask(text).splitlines() or [""]:
            self.emit_line(stream, line, instant())

    def emit_line(self, stream: str, line: str, at: float) -> None:
        """One line that is masked already, and when it was read."""
        event = {"event": "log", "stage": self.path, "stream": stream, "text": line, "time": at}
        self.state.host.emit(event)

    @property
    def output_limit(self) -> int:
        """The bytes of output that are kept of the attempt."""
        from jobc.interpreter.lines import output_limit

        return output_limit({**self.state.inputs.environ, **self.scope.env})

    def place(self) -> Dict[str, Any]:
        """Where the stage stands, as keyword arguments of ErrorInfo."""
        path, line = self.state.program.place(self.stage.span)
        return {"path": path, "line": line}

    def failure(self, type: str, message: str, **more: Any) -> StageFailure:
        return StageFailure(ErrorInfo(type, message, **{**self.place(), **more}))

    def process_env(self) -> Dict[str, str]:
        """The environment of the stage's processes."""
        run = self.scope.run_context()
        return {
            **self.state.inputs.environ,
            **self.trace(),
            **self.scope.env,
            "JOBC_RUN_ID": str(run.get("id") or ""),
            "JOBC_JOB": self.state.job.id,
            "JOBC_STAGE": self.path,
            "JOBC_ATTEMPT": str(run.get("attempt") or self.number),
        }

    def trace(self) -> Dict[str, str]:
        """The variable that makes the spans of a program that the stage starts children of the stage's own."""
        inputs = self.state.inputs
        if inputs.trace is None:
            return {}
        from jobc.interpreter.trace import traceparent

        place = (inputs.run.get("id", ""), self.state.job.id, inputs.strategy.get("index", 0))
        number = inputs.run.get("attempt") or 1
        return {"TRACEPARENT": traceparent(inputs.trace, *place, number, self.path, self.number)}

    def after(self, ended: Exit) -> None:
        """Look at a process's end: remember what it left running, or end that, and raise Cut where it was cut."""
        if ended.left is not None and ended.code == 0:
            self.state.leftovers.append(ended.left)
        elif ended.left is not None:
            from jobc.interpreter.background import end_leftovers

            end_leftovers([ended.left], [], self.state.inputs.grace, lambda _, text: self.log(text, "stderr"))
        if ended.refused:
            from jobc.interpreter.cgroups import process_limit

            self.log(
                "the stage was refused another process; it may have %d (JOBC_PROCESS_LIMIT)"
                % process_limit(),
                "stderr",
            )
        if ended.cut:
            raise Cut

    def death(self, ended: Exit) -> StageFailure:
        """The failure of a process that a signal ended."""
        from jobc.interpreter.processes import signal_name

        assert ended.signal is not None
        name = signal_name(ended.signal)
        remedy = "; it may have run out of memory" if name == "SIGKILL" else ""
        failure = self.failure("signal", "the process was killed by %s%s" % (name, remedy))
        failure.error.bases = [name]
        return failure

    def parallelism(self, code: Optional[CodeIndex], default: int) -> int:
        return default if code is None else self.scope.whole(code, "`max-parallel`", 1)

    def sequence(self, stages: List[Stage], path: str, item: Any) -> SequenceResult:
        """Run nested stages; `path` is their prefix. Nothing of it is seen outside before `adopt`."""
        return self.run_sequence(stages, self.scope.nested(path, item, self.cancellation))

    def adopt(self, sequences: Sequence[SequenceResult]) -> None:
        """Make what nested stages did known outside, in the order given."""
        for sequence in sequences:
            self.nested.extend(sequence.results)
            for id, result in sequence.ended.items():
                self.scope.note(id, result)

    def conclude(self, sequences: Sequence[SequenceResult], outputs: Dict[str, Any]) -> Done:
        """The end of a stage from the ends of its nested stages."""
        statuses = [sequence.status for sequence in sequences]
        if CANCEL in statuses or (FAILED in statuses and self.cancellation.thrown):
            raise Cut
        if FAILED in statuses:
            failed = [sequence for sequence in sequences if sequence.status == FAILED]
            first = next((sequence.error for sequence in failed if sequence.error is not None), None)
            message = first.said if first is not None else "a stage inside failed"
            error = ErrorInfo("nested", message, **self.place())
            if first is not None and first.line is not None:
                error.path, error.line = first.path, first.line
            if first is not None:
                error.bases = [first.type, *first.bases]
                error.exit_code = first.exit_code
            raise StageFailure(error, outputs)
        if statuses and all(status == SKIP for status in statuses):
            return Done(outputs, SKIP, "every stage inside was skipped")
        return Done(outputs)
