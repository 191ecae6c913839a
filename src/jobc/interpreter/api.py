"""What the interpreter is given and what it gives back: plain data and two small protocols.

The interpreter runs *one combination of one job*, anywhere: inside the engine's process, in a container,
on a batch node. It never sees other jobs, only their results as the `needs` context. It is synchronous;
whoever calls it may do so from any thread. Python 3.9, standard library only.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Protocol

if TYPE_CHECKING:
    from jobc.interpreter.containers import Containers
    from jobc.interpreter.files import Artifact, Files
    from jobc.interpreter.replay import Replay


class Cancellation:
    """A one-way switch that can be waited on and listened to, with the reason it was thrown.

    `reason` is `cancel` or `timeout`; `message` says it in words. Throwing it twice keeps the first reason;
    `kill` asks for an end without grace (a second signal).
    """

    def __init__(self, parent: Optional["Cancellation"] = None) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._listeners: List[Callable[[], None]] = []
        self._parent = parent
        self.reason: Optional[str] = None
        self.message = ""
        self.killed = False
        if parent is not None:
            parent.listen(self._from_parent)

    def _from_parent(self) -> None:
        parent = self._parent
        if parent is not None:
            self.throw(parent.reason or "cancel", parent.message)
            if parent.killed:
                self.kill()

    @property
    def thrown(self) -> bool:
        return self._event.is_set()

    def throw(self, reason: str = "cancel", message: str = "cancelled") -> None:
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self.message = message
            self._event.set()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def kill(self) -> None:
        """Throw if not thrown yet, and ask for an end without grace."""
        self.throw()
        with self._lock:
            if self.killed:
                return
            self.killed = True
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` when thrown (at once if it is) and again on `kill`. Listeners must not block."""
        with self._lock:
            self._listeners.append(listener)
            now = self._event.is_set()
        if now:
            listener()

    def unlisten(self, listener: Callable[[], None]) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def close(self) -> None:
        """Detach from the parent; call when the work it guards has ended."""
        if self._parent is not None:
            self._parent.unlisten(self._from_parent)

    def wait(self, seconds: Optional[float] = None) -> bool:
        """Sleep until thrown or the time is over; True if thrown."""
        return self._event.wait(seconds)


class Host(Protocol):
    """What the interpreter asks of whoever runs it. Methods may be called from several threads."""

    def emit(self, event: Mapping[str, Any]) -> None:
        """A happening, as `stages.runner` lists them: `{"event": "stage-started"|"stage-ended"|"log", "stage": path, …}`."""

    def now(self) -> datetime:
        """The current instant, with a time zone; fixed by `--now`."""

    def trigger(
        self, workflow: int, params: Mapping[str, Any], stage: str, cancellation: Cancellation
    ) -> "TriggerOutcome":
        """Run another workflow of the program to its end."""

    def containers(self) -> "Containers":
        """What runs the containers of docker stages. Raises ContainerProblem where nothing does."""


class TriggerOutcome:
    """`status` is terminal; `outputs` are the triggered workflow's; `message` says why it is not a success."""

    __slots__ = ("message", "outputs", "run_id", "status")

    def __init__(self, status: str, outputs: Dict[str, Any], message: str = "", run_id: str = "") -> None:
        self.status = status
        self.outputs = outputs
        self.message = message
        self.run_id = run_id


#: The kinds of errors that are no exception of a script.
KINDS = frozenset(
    [
        "exit",
        "signal",
        "timeout",
        "cancel",
        "raise",
        "expression",
        "output",
        "params",
        "start",
        "slot",
        "call",
        "deps",
        "files",
        "case",
        "until",
        "trigger",
        "nested",
        "unsupported",
        "backend",
        "lost",
        "interrupted",
        "internal",
    ]
)


def said(type: str, message: str) -> str:
    """An error in one text: an exception of a script with its name, which its message may need to be understood."""
    if type in KINDS:
        return message
    return "%s: %s" % (type, message) if message else type


class ErrorInfo:
    """Why something failed, in the user's words. `type` is an exception's name or one of
    `exit` (non-zero exit), `signal`, `timeout`, `cancel`, `raise`, `expression`, `output`, `params`, `start` (a program
    that cannot be started), `slot` (a value that a script cannot receive), `call`, `deps`, `files` (of artifacts), `case`,
    `until`, `trigger`, `nested` (a stage inside failed), `unsupported`, `backend`, `lost` (the environment took the task
    away), `interrupted` (the engine died too often), `internal`.
    `path` and `line` are a place in the jobs file (None where there is none); `exit_code` where a process ended.
    `bases` are further names that a retry's `on` may match: of an exception, its base classes.
    """

    __slots__ = ("bases", "exit_code", "line", "message", "path", "type")

    def __init__(
        self,
        type: str,
        message: str,
        path: Optional[str] = None,
        line: Optional[int] = None,
        exit_code: Optional[int] = None,
    ) -> None:
        self.type = type
        self.message = message
        self.path = path
        self.line = line
        self.exit_code = exit_code
        self.bases: List[str] = []

    @property
    def said(self) -> str:
        return said(self.type, self.message)

    def to_json(self) -> Dict[str, Any]:
        return {"type": self.type, "message": self.message, "path": self.path, "line": self.line}


class StageResult:
    """`id` is the stage's id or, without one, its path (`2`, `2.left.0`); `reason` says why it did not run.

    `path` is unique in the combination, and the `stage` of its events: positions, branches and items, with an id in
    place of a position where a stage has one (`build`, `2.left.1`, `3[4].load`).
    """

    __slots__ = ("attempts", "duration", "error", "id", "name", "outputs", "path", "reason", "status")

    def __init__(self, id: str, name: str, status: str, path: str = "") -> None:
        self.id = id
        self.path = path or id
        self.name = name
        self.status = status
        self.attempts = 0
        self.duration = 0.0
        self.outputs: Dict[str, Any] = {}
        self.error: Optional[ErrorInfo] = None
        self.reason: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        """The stage object of `run --format json` (CLI: JSON of run)."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "attempts": self.attempts,
            "duration_s": round(self.duration, 6),
            "outputs": self.outputs,
            "error": self.error.to_json() if self.error else None,
            "reason": self.reason,
        }


class CombinationResult:
    """How one combination ended. `outputs` are the job's outputs for it (LANGUAGE §2).

    `stages` holds nested stages too, each after the stage it is nested in; `reason` says why all were skipped.
    `artifacts` are what it published; `cache`, of a job that has one, `{"hit", "reason", "from_run"}`.
    """

    __slots__ = (
        "artifacts",
        "cache",
        "duration",
        "error",
        "matrix",
        "outputs",
        "reason",
        "stages",
        "status",
    )

    def __init__(self, status: str, matrix: Dict[str, Any]) -> None:
        self.status = status
        self.matrix = matrix
        self.outputs: Dict[str, Any] = {}
        self.stages: List[StageResult] = []
        self.error: Optional[ErrorInfo] = None
        self.reason: Optional[str] = None
        self.duration = 0.0
        self.artifacts: List["Artifact"] = []
        self.cache: Optional[Dict[str, Any]] = None

    def to_json(self) -> Dict[str, Any]:
        """The combination object of `run --format json`."""
        document: Dict[str, Any] = {
            "matrix": self.matrix,
            "status": self.status,
            "outputs": self.outputs,
            "stages": [stage.to_json() for stage in self.stages],
        }
        if self.cache is not None:
            document["cache"] = self.cache
        if self.artifacts:
            document["artifacts"] = [
                {"name": one.name, "files": len(one.entries), "size": one.size} for one in self.artifacts
            ]
        return document


class Inputs:
    """The contexts of one combination, as plain JSON-like data (datetimes and Decimals of params allowed).

    `needs` maps a job id to `{"result", "outputs", "combinations"}`; `run` is `{"id", "attempt", "workflow",
    "parent_id", "started_at"}`; `strategy` is `{"index", "total", "max-parallel", "fail-fast"}`; `secrets` maps declared
    names to their values. `env` is what the workflow's and job's `env` gave on top of `environ`, the
    environment that processes inherit. `workdir` is the folder that stages run in. `live` holds live objects for
    the `vars` of inline Python stages, by the stage's span. `replay` is what an earlier engine had done of this attempt.
    `files` is set where the job has artifacts or a cache, and
    runs where these are available. `trace` is `<id>-<flags>` of the trace that the run is recorded in, None where it is not.
    """

    __slots__ = (
        "env",
        "environ",
        "files",
        "grace",
        "live",
        "matrix",
        "needs",
        "params",
        "replay",
        "run",
        "secrets",
        "strategy",
        "trace",
        "workdir",
    )

    def __init__(
        self,
        params: Dict[str, Any],
        *,
        matrix: Optional[Dict[str, Any]] = None,
        needs: Optional[Dict[str, Any]] = None,
        env: Optional[Dict[str, str]] = None,
        environ: Optional[Dict[str, str]] = None,
        secrets: Optional[Dict[str, str]] = None,
        run: Optional[Dict[str, Any]] = None,
        strategy: Optional[Dict[str, Any]] = None,
        workdir: str = ".",
        grace: float = 10.0,
        live: Optional[Mapping[int, Mapping[str, Any]]] = None,
        replay: Optional["Replay"] = None,
        files: Optional["Files"] = None,
        trace: Optional[str] = None,
    ) -> None:
        self.params = params
        self.matrix = matrix or {}
        self.needs = needs or {}
        self.env = env or {}
        self.environ = environ or {}
        self.secrets = secrets or {}
        self.run = run or {}
        self.strategy = strategy or {}
        self.workdir = workdir
        self.grace = grace
        self.live = live or {}
        self.replay = replay
        self.files = files
        self.trace = trace
