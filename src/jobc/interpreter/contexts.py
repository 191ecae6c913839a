"""What expressions see while a job runs.

`JobState` is what the whole combination shares: the parameters (which Python stages may change), the secrets' mask, the
launcher, the processes left behind. A `Scope` is one sequence of stages: the job's own, a branch's, an
item's. It knows the stages that ended in it (`ended`) and also around it (`stages`), whether one of them failed, and the values that exist only
there (`item`, `env`). A nested sequence starts with what its surroundings know and hands over what it learnt when it
ends, in the file's order, so that the outcome never depends on which branch was faster.
"""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from jobc.interpreter.api import Cancellation, ErrorInfo, Host, Inputs
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.interpreter.masking import Masker
from jobc.interpreter.process_tree import new_family
from jobc.interpreter.values import SecretText, describe, to_text
from jobc.ir.program import CodeIndex, Job, NamedCodes, Program, Workflow
from jobc.ir.status import CANCEL, FAILED, SUCCESS

if TYPE_CHECKING:
    from jobc.interpreter.background import Leftover
    from jobc.interpreter.launcher import Launcher
    from jobc.interpreter.replay import Change


class StageFailure(Exception):
    """A stage's attempt failed; `error` says why, `outputs` what it had written until then."""

    def __init__(self, error: ErrorInfo, outputs: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.outputs = outputs or {}


class JobState:
    """What all stages of a combination share."""

    def __init__(
        self,
        program: Program,
        workflow: Workflow,
        job: Job,
        inputs: Inputs,
        host: Host,
        cancellation: Cancellation,
        launcher: Launcher,
    ) -> None:
        self.program = program
        self.workflow = workflow
        self.job = job
        self.inputs = inputs
        self.host = host
        self.cancellation = cancellation
        self.launcher = launcher
        self.masker = Masker(inputs.secrets)
        self.secrets = {name: SecretText(value) for name, value in inputs.secrets.items()}
        self.params: Dict[str, Any] = dict(inputs.params)
        self.family = new_family()
        self.leftovers: List[Leftover] = []
        self._lock = threading.Lock()
        self._changes = inputs.replay.last if inputs.replay is not None else 0
        #: The number of the change that a parameter has its value from.
        self._changed_by: Dict[str, int] = {}

    def change_params(self, changed: Mapping[str, Any], deleted: List[str]) -> Optional[Change]:
        """Take over what a Python stage did to `params`, for the rest of the job; the change, if it is one."""
        if not changed and not deleted:
            return None
        with self._lock:
            self._changes += 1
            change = (self._changes, dict(changed), list(deleted))
            self._apply(change)
        return change

    def restore_params(self, change: Change) -> None:
        """Take over a change of an earlier engine, once; what was changed later stays."""
        with self._lock:
            self._apply(change)

    def _apply(self, change: Change) -> None:
        number, changed, deleted = change
        newer = {name for name in (*changed, *deleted) if self._changed_by.get(name, 0) > number}
        params = {key: value for key, value in self.params.items() if key not in deleted or key in newer}
        params.update((name, value) for name, value in changed.items() if name not in newer)
        self.params = params
        for name in (*changed, *deleted):
            self._changed_by[name] = max(number, self._changed_by.get(name, 0))

    def now(self) -> datetime:
        instant = self.host.now()
        return instant if instant.tzinfo is not None else instant.replace(tzinfo=timezone.utc)


class Scope:
    """One sequence of stages. `path` is its prefix in stage paths; `failed` whether a stage of it failed.

    `around` is the job's status where it began: what `failure()` and `job.status` say then, though the implicit
    `success()` of the stages in it looks at this sequence alone.
    """

    def __init__(
        self,
        state: JobState,
        path: str,
        env: Dict[str, str],
        stages: Dict[str, Any],
        cancellation: Cancellation,
    ) -> None:
        self.state = state
        self.path = path
        self.env = env
        self.stages = stages
        self.ended: Dict[str, Any] = {}
        self.cancellation = cancellation
        self.item: Any = None
        self.failed = False
        self.around = SUCCESS
        self.attempt: Optional[int] = None
        self.extra: Dict[str, Any] = {}

    def nested(self, path: str, item: Any, cancellation: Cancellation) -> "Scope":
        """The scope of a branch, an item or a round."""
        inner = Scope(self.state, path, self.env, dict(self.stages), cancellation)
        inner.item = item
        inner.around = self.status
        inner.attempt = self.attempt
        return inner

    def inside(
        self, env: Dict[str, str], cancellation: Cancellation, attempt: Optional[int] = None
    ) -> "Scope":
        """This scope as one stage's attempt sees it."""
        inner = self.nested(self.path, self.item, cancellation)
        inner.stages = self.stages
        inner.ended = self.ended
        inner.env = env
        if attempt is not None:
            inner.attempt = attempt
        return inner

    def note(self, id: str, result: Dict[str, Any]) -> None:
        """A stage with an id has ended here."""
        self.stages[id] = result
        self.ended[id] = result

    @property
    def status(self) -> str:
        if self.failed or self.cancellation.reason == "timeout":
            return FAILED
        return CANCEL if self.cancellation.thrown else self.around

    @property
    def going(self) -> bool:
        """The implicit `success()`: nothing in this sequence failed, nothing ended it."""
        return not self.failed and not self.cancellation.thrown

    def run_context(self) -> Dict[str, Any]:
        run = dict(self.state.inputs.run)
        if self.attempt is not None:
            run["attempt"] = self.attempt
        return run

    def contexts(self) -> Dict[str, Any]:
        inputs = self.state.inputs
        return {
            "params": self.state.params,
            "matrix": inputs.matrix,
            "strategy": inputs.strategy,
            "needs": inputs.needs,
            "stages": self.stages,
            "job": {"id": self.state.job.id, "status": self.status},
            "run": self.run_context(),
            "env": self.env,
            "secrets": self.state.secrets,
            "item": self.item,
            "vars": {},
            **self.extra,
        }

    def environment(self) -> Environment:
        """For the evaluator: contexts, status functions, `env()`, the folder of `hashFiles`."""
        status = self.status
        inputs = self.state.inputs
        return Environment(
            self.contexts(),
            now=self.state.now,
            status={
                "always": True,
                "success": status == SUCCESS,
                "failure": status == FAILED,
                "cancelled": status == CANCEL,
            },
            environ={**inputs.environ, **self.env},
            workdir=inputs.workdir,
        )

    def evaluate(self, code: CodeIndex) -> Any:
        """The value of a code; a StageFailure with its place where it has none."""
        entry = self.state.program.codes[code]
        if not isinstance(entry.tree, list):
            return entry.tree
        try:
            value = evaluate(entry.tree, self.environment())
        except EvaluationError as error:
            raise self.fault(code, str(error)) from None
        self.state.masker.learn(value)
        return value

    def text(self, code: CodeIndex) -> str:
        try:
            return to_text(self.evaluate(code))
        except EvaluationError as error:
            raise self.fault(code, str(error)) from None

    def boolean(self, code: CodeIndex, what: str) -> bool:
        value = self.evaluate(code)
        if isinstance(value, bool):
            return value
        raise self.fault(
            code,
            "%s must be true or false, but it is %s; compare it, as in `x == 'yes'`"
            % (what, describe(value)),
        )

    def whole(self, code: CodeIndex, what: str, least: int) -> int:
        """A whole number of at least `least`."""
        value = self.evaluate(code)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        raise self.fault(
            code, "%s must be a whole number from %d on, but it is %s" % (what, least, describe(value))
        )

    def named(self, codes: NamedCodes) -> Dict[str, Any]:
        return {name: self.evaluate(code) for name, code in codes}

    def with_env(self, codes: NamedCodes) -> Dict[str, str]:
        """This scope's `env` with more on top; a later entry may read an earlier one."""
        if not codes:
            return self.env
        inner = self.inside(dict(self.env), self.cancellation)
        for name, code in codes:
            text = inner.env[name] = inner.text(code)
            if "\0" in text:
                raise self.fault(code, "`%s` holds a NUL character, which no environment variable can" % name)
        return inner.env

    def fault(self, code: CodeIndex, message: str) -> StageFailure:
        path, line = self.state.program.place(self.state.program.codes[code].span)
        return StageFailure(ErrorInfo("expression", message, path, line))
