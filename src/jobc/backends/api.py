"""What the engine asks of an environment, and what an environment says of itself.

A backend runs *tasks*: one attempt at one combination of one job. The engine owns everything else: when a task starts, retries,
timeouts, rate limits, the journal, and polling. It calls a backend from one thread, or from several where `Capabilities.calls` says so:

    open(notify) → submit(task) or attach(handle, task) → [poll(handles), logs(handle, offset) …] → collect(handle) → close()

`submit` is idempotent by `Task.name`: a second submission of a name, by this process or another, gives the handle of the first.
A `JobHandle` is plain data that goes into the journal before anything else happens, so a task can be found again by another
process where `Capabilities.reattach` says so. A task that is lost is submitted again under another name, as long as its budget of
interruptions lasts. What may have arrived (a request without an answer) a backend asks for again by itself, within `submit`.

A task that does not run in this process (`Capabilities.hosted` is false) writes its events and its log into one stream of bytes, the
*output* (`engine.stream` reads it). The engine asks for it with `logs` while the task runs and until it is told all of it after the end,
from the offset that the journal has; so the journal has all of it, and once, whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from jobc.interpreter.api import CombinationResult, Host, Inputs
from jobc.ir.program import Program

QUEUED = "queued"
RUNNING = "running"
#: `collect` gives the result.
ENDED = "ended"
#: The environment has lost it; `JobStatus.message` says how. Nothing is to be collected.
LOST = "lost"


class Capabilities:
    """What an environment can do, as data: nothing else of the program branches on a backend's name."""

    __slots__ = (
        "calls",
        "files",
        "hosted",
        "max_tasks",
        "notifies",
        "poll_seconds",
        "reattach",
        "shares_machine",
        "submissions_per_second",
        "sweeps",
    )

    def __init__(
        self,
        *,
        notifies: bool = False,
        hosted: bool = False,
        files: bool = False,
        reattach: bool = False,
        max_tasks: int | None = None,
        poll_seconds: float = 2.0,
        shares_machine: bool = False,
        calls: int = 0,
        submissions_per_second: float | None = None,
        sweeps: bool = False,
    ) -> None:
        #: Calls `notify(handle)` when there is something to see: a task has ended (a hosted one calls for nothing else), or
        #: it has written output. `poll` and `logs` then cost nothing, and the engine does not poll on a timer.
        self.notifies = notifies
        #: Takes `Task.host`: stages run in this process, tell their events themselves, and `trigger` stages work.
        self.hosted = hosted
        #: Uses `Inputs.files`, so that artifacts work: a hosted one as they are, where the store and the work folder are;
        #: another one carries them along (`bundle.parcel` does).
        self.files = files
        #: A handle is good in another process, after the one that submitted it has died.
        self.reattach = reattach
        #: Tasks that it holds at once; None: as many as the engine likes.
        self.max_tasks = max_tasks
        #: Seconds between two polls, where it does not notify.
        self.poll_seconds = poll_seconds
        #: Tasks run on this machine: the engine counts their `resources` against what it has.
        self.shares_machine = shares_machine
        #: How many of its methods may run at once, each in a thread of the engine's; `cancel` and `kill` come beside
        #: them. For environments behind a network: a call that waits keeps no other job from starting. 0: no method
        #: ever waits, and all are called from one thread.
        self.calls = calls
        #: The most submissions that it takes in a second; None: as many as come.
        self.submissions_per_second = submissions_per_second
        #: Has a further method, `sweep(mark, handles)`: remove what an engine that died and was never resumed left of the run with
        #: that mark (`interpreter.mark`); `handles` are those of its tasks that the journal knows.
        self.sweeps = sweeps


class Task:
    """One attempt at one combination. `workflow` and `job` are indices of the program.

    `name` is deterministic: run, job, combination and attempt. `arguments` are those of `runs-on`,
    evaluated; `resources` the job's. `host` is set for hosted backends only. `timeout` is the attempt's time in seconds, which
    the engine watches over itself: an environment that outlives its submitter watches over it too. `now` is the instant that
    `datetime.now()` gives, where the run has a fixed one (`--now`).
    """

    __slots__ = (
        "arguments",
        "host",
        "inputs",
        "job",
        "name",
        "now",
        "program",
        "resources",
        "timeout",
        "workflow",
    )

    def __init__(
        self,
        name: str,
        program: Program,
        workflow: int,
        job: int,
        inputs: Inputs,
        *,
        arguments: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        host: Host | None = None,
        timeout: float | None = None,
        now: datetime | None = None,
    ) -> None:
        self.name = name
        self.program = program
        self.workflow = workflow
        self.job = job
        self.inputs = inputs
        self.arguments = arguments or {}
        self.resources = resources or {}
        self.host = host
        self.timeout = timeout
        self.now = now


class JobHandle:
    """Where a task runs: `backend` is the registry's name, `id` the environment's own, `data` JSON."""

    __slots__ = ("backend", "data", "id")

    def __init__(self, backend: str, id: str, data: dict[str, Any] | None = None) -> None:
        self.backend = backend
        self.id = id
        self.data = data or {}

    def to_json(self) -> dict[str, Any]:
        return {"backend": self.backend, "id": self.id, "data": self.data}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> JobHandle:
        return cls(value["backend"], value["id"], dict(value.get("data") or {}))

    def __repr__(self) -> str:
        return f"JobHandle({self.backend}, {self.id})"


class JobStatus:
    """`state` is QUEUED, RUNNING, ENDED or LOST."""

    __slots__ = ("message", "state")

    def __init__(self, state: str, message: str = "") -> None:
        self.state = state
        self.message = message


class BackendError(Exception):
    """A task could not be submitted or collected; the text says why, in the user's words.

    `transient`: trying again later may help. The engine tries a submission again at the cost of the job's budget of
    interruptions, and asks for a result again, not for the work.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class TaskLost(BackendError):
    """The environment does not know the task any more: it is gone, with its result. The text says how. It is run again, at the
    cost of the job's budget of interruptions.

    Not for what cannot be reached just now: that is a BackendError with `transient`, and is asked again, for the task may
    still run there.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, transient=True)


class Backend(Protocol):
    """An environment that runs tasks. Errors of its libraries leave it as BackendError."""

    capabilities: Capabilities

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        """Get ready for a run. `notify` may be called from any thread."""

    def submit(self, task: Task) -> JobHandle:
        """Start a task, or find it if its name was submitted before."""

    def attach(self, handle: JobHandle, task: Task) -> None:
        """Take over a task that another process submitted, `task` being what it submitted. Its end and output are told as if
        it had been submitted here. Raises TaskLost where it is gone, BackendError with `transient` where that cannot be
        told for now; then it is asked again.
        """

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        """The state of each, in their order."""

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        """Ask a task to end within its grace period. `reason` is `cancel` or `timeout`."""

    def kill(self, handle: JobHandle) -> None:
        """End a task at once."""

    def logs(self, handle: JobHandle, offset: int) -> bytes:
        """What is there of the output from byte `offset` on, at most a few MiB a call; b"" where there is no more for now.
        Once `poll` has said ENDED, all of the output is there until `collect`. Hosted backends have none.
        """

    def collect(self, handle: JobHandle) -> CombinationResult:
        """The result of a task that has ended; the handle is forgotten, and what the task left in the environment removed
        some seconds later, when the engine's journal has the result, at the latest by `close`.
        Where it raises BackendError with `transient` it is called again.

        A task that the environment took away (a preempted machine) ends as LOST, or in a result whose error has
        the type `lost`: it is run again without counting as a failure.
        """

    def close(self) -> None:
        """Release what `open` took. Tasks that still run are left to themselves."""
