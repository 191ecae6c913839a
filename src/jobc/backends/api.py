"""What the engine asks of an environment, and what an environment says of itself.

A backend runs *tasks*: one attempt at one combination of one job. The engine owns everything else: when a
task starts, retries, timeouts, rate limits, the journal, and polling. It calls a backend from one thread:

    open(notify) → submit(task) → [poll(handles) …] → collect(handle) → close()

A `JobHandle` is plain data that goes into the journal, so a task can be found again by another process where
`Capabilities.reattach` says so: it is polled then, whatever `Capabilities.notifies` says, until it has ended or is
lost. A task that is lost is submitted again under another name, as long as its budget of interruptions lasts. `submit` is idempotent by `Task.name`: a second submission of a name gives the
handle of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

    __slots__ = ("files", "hosted", "max_tasks", "notifies", "poll_seconds", "reattach", "shares_machine")

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
    ) -> None:
        #: Calls `notify(handle)` once when a task ends: the engine then never polls it.
        self.notifies = notifies
        #: Takes `Task.host`: stages' events arrive while they run, and `trigger` stages work.
        self.hosted = hosted
        #: Runs with `Inputs.files`: stages run where its store and the work folder are, so artifacts and the cache work.
        self.files = files
        #: A handle is good in another process, after the one that submitted it has died.
        self.reattach = reattach
        #: Tasks that it holds at once; None: as many as the engine likes.
        self.max_tasks = max_tasks
        #: Seconds between two polls, where it does not notify.
        self.poll_seconds = poll_seconds
        #: Tasks run on this machine: the engine counts their `resources` against what it has.
        self.shares_machine = shares_machine


class Task:
    """One attempt at one combination. `workflow` and `job` are indices of the program.

    `name` is deterministic: run, job, combination and attempt. `arguments` are those of `runs-on`,
    evaluated; `resources` the job's. `host` is set for hosted backends only.
    """

    __slots__ = ("arguments", "host", "inputs", "job", "name", "program", "resources", "workflow")

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
    ) -> None:
        self.name = name
        self.program = program
        self.workflow = workflow
        self.job = job
        self.inputs = inputs
        self.arguments = arguments or {}
        self.resources = resources or {}
        self.host = host


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


class Backend(Protocol):
    """An environment that runs tasks. Errors of its libraries leave it as BackendError."""

    capabilities: Capabilities

    def open(self, notify: Callable[[JobHandle], None]) -> None:
        """Get ready for a run. `notify` may be called from any thread."""

    def submit(self, task: Task) -> JobHandle:
        """Start a task, or find it if its name was submitted before."""

    def poll(self, handles: Sequence[JobHandle]) -> list[JobStatus]:
        """The state of each, in their order."""

    def cancel(self, handle: JobHandle, reason: str, message: str) -> None:
        """Ask a task to end within its grace period. `reason` is `cancel` or `timeout`."""

    def kill(self, handle: JobHandle) -> None:
        """End a task at once."""

    def logs(self, handle: JobHandle, offset: int) -> tuple[str, int]:
        """The log from `offset` on, and the next offset. Hosted backends emit theirs instead and give ""."""

    def collect(self, handle: JobHandle) -> CombinationResult:
        """The result of a task that has ended; the handle is forgotten.

        A task that the environment took away (a preempted machine) ends as LOST, or in a result whose error has
        the type `lost`: it is run again without counting as a failure.
        """

    def close(self) -> None:
        """Release what `open` took. Tasks that still run are left to themselves."""
