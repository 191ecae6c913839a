"""The state of runs, jobs and combinations while they run: data, changed by the scheduler alone.

A job goes `waiting` (for needs) → `queued` (for its concurrency group) → `open` (combinations may start) →
`ended`; it may end from any of them.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobc.engine.combinations import Combinations
from jobc.engine.recorder import Place
from jobc.engine.result import JobResult, RunResult
from jobc.interpreter.api import Cancellation, TriggerOutcome
from jobc.ir.environments import canonical
from jobc.ir.program import Job, Workflow

if TYPE_CHECKING:
    from jobc.backends.api import JobHandle
    from jobc.engine.sharing.groups import Group
    from jobc.engine.timers import Timer
    from jobc.interpreter.replay import Replay

WAITING = "waiting"
QUEUED = "queued"
OPEN = "open"
ENDED = "ended"


class Ticket:
    """A `trigger` stage that waits in a worker thread for the run it asked for."""

    __slots__ = ("cancellation", "combination", "done", "outcome", "params", "run", "stage", "workflow")

    def __init__(
        self,
        combination: CombinationState,
        workflow: int,
        params: dict[str, Any],
        stage: str,
        cancellation: Cancellation,
    ) -> None:
        self.combination = combination
        self.workflow = workflow
        self.params = params
        self.stage = stage
        self.cancellation = cancellation
        self.run: RunState | None = None
        self.outcome: TriggerOutcome | None = None
        self.done = threading.Event()


class CombinationState:
    """One combination of a job, from its first attempt to its last."""

    __slots__ = (
        "abandon",
        "attempt",
        "base",
        "cancelled",
        "deadline",
        "ended",
        "environment",
        "handle",
        "index",
        "interruptions",
        "job",
        "lent",
        "matrix",
        "needs",
        "replay",
        "restarts",
        "started",
    )

    def __init__(self, job: JobState, index: int, matrix: dict[str, Any]) -> None:
        self.job = job
        self.index = index
        self.matrix = matrix
        self.attempt = 0
        #: The attempt after which the retry budget counts: 0, or the last one before the job was to run again.
        self.base = 0
        #: How many of its attempts since then were taken away, rather than failed.
        self.interruptions = 0
        #: How often the present attempt was begun in vain, its engine having died.
        self.restarts = 0
        #: What was done of the attempt then.
        self.replay: Replay | None = None
        self.started = 0.0
        self.ended = False
        self.handle: JobHandle | None = None
        #: The name of the environment that it runs on; "" where that is not known yet, or cannot be (`Tasks.environment`).
        self.environment = job.environment or ""
        self.deadline: Timer | None = None
        self.abandon: Timer | None = None
        #: (reason, message) once it was asked to end.
        self.cancelled: tuple[str, str] | None = None
        #: Trigger stages that wait; while there are any, its slot is lent to their runs.
        self.lent = 0
        #: What it takes of this machine while it runs; None until it was asked.
        self.needs: dict[str, float] | None = None

    @property
    def name(self) -> str:
        """Of the task: the same whenever this attempt is submitted."""
        again = f".{self.restarts}" if self.restarts else ""
        return f"{self.job.run.id}.{self.job.job.id}.{self.index}.{self.attempt}{again}"

    @property
    def place(self) -> Place:
        job = self.job
        return Place(job.run.id, job.run.key, job.job.id, job.position, self.index, self.attempt)


class Restored:
    """A combination that goes on: at once, after the rest of its delay (`wait`, seconds), or where `handle` says it runs."""

    __slots__ = ("combination", "elapsed", "handle", "submitted", "told", "told_ends", "wait")

    def __init__(self, combination: CombinationState, *, wait: float | None = None) -> None:
        self.combination = combination
        self.wait = wait
        #: Whether it may have been submitted; `handle` says where to, if that was recorded.
        self.submitted = False
        #: Seconds since its first stage began.
        self.elapsed = 0.0
        #: How far its output was told (`Stream.told`), and the stages whose ends were.
        self.told = (0, "")
        self.told_ends: set[str] = set()
        self.handle: JobHandle | None = None


class JobState:
    """One job of a run. `waiting` counts needs that have not ended."""

    __slots__ = (
        "_view",
        "attempts",
        "bases",
        "dependents",
        "environment",
        "fail_fast",
        "job",
        "listed",
        "matrices",
        "max_parallel",
        "needs",
        "next_index",
        "open_dependents",
        "peeked",
        "phase",
        "plan",
        "position",
        "queued",
        "restored",
        "result",
        "results",
        "retries",
        "retrying",
        "run",
        "running",
        "started",
        "stopped",
        "total",
        "waiting",
        "warned",
    )

    def __init__(self, run: RunState, position: int, job: Job) -> None:
        self.run = run
        self.position = position
        self.job = job
        #: The name of the environment that it runs on; None where each combination has its own.
        self.environment = canonical(job.runs_on.type) if job.runs_on.choice is None else None
        self.phase = WAITING
        self.needs: list[JobState] = []
        self.dependents: list[JobState] = []
        self.waiting = 0
        #: How many of its dependents have not ended.
        self.open_dependents = 0
        self._view: dict[str, Any] | None = None
        self.result: JobResult | None = None
        self.started = 0.0
        self.attempts = 0
        #: What was decided when it began, in a form that a resumed run goes by (`Judge.strategy`, `group`).
        self.plan: dict[str, Any] = {}
        #: When it came to its concurrency group, of a job that an earlier engine saw come.
        self.queued = math.inf
        #: Combination → the attempts that it had before the job was to run again.
        self.bases: dict[int, int] = {}
        #: Combinations that an earlier engine began, until the scheduler takes them up.
        self.restored: list[Restored] = []
        self.matrices: Iterator[dict[str, Any]] = iter(())
        self.total = 0
        self.next_index = 0
        #: The next combination, if it was looked at before its start.
        self.peeked: CombinationState | None = None
        self.max_parallel = 1
        self.fail_fast = False
        #: Why no further combination starts.
        self.stopped: str | None = None
        self.running: set[CombinationState] = set()
        #: Failed combinations whose delay is over, and how many wait for it.
        self.retries: deque[CombinationState] = deque()
        self.retrying: dict[CombinationState, Timer] = {}
        self.results = Combinations()
        #: Whether it stands in the ring, or in a line there.
        self.listed = False
        #: The resources of which this machine has too little, once that was said.
        self.warned: tuple[str, ...] = ()

    @property
    def view(self) -> dict[str, Any]:
        """What `needs.<id>` is for those that need this job, once it has ended; made when it is first asked for."""
        if self._view is None:
            result = self.result
            if result is None:
                return {}
            self._view = {
                "result": result.status,
                "outputs": result.outputs,
                "combinations": [
                    {"matrix": each.matrix, "result": each.status, "outputs": each.outputs}
                    for each in result.combinations
                ],
            }
        return self._view

    def take_view(self, view: dict[str, Any]) -> None:
        """Set what `needs.<id>` is, of a job that is not run."""
        self._view = view

    def forget_view(self) -> None:
        """Nobody asks for it any more, or it can be made again."""
        if self.result is not None and self.result.combinations:
            self._view = None

    @property
    def startable(self) -> bool:
        """Whether a combination waits that may start as far as this job goes."""
        if self.phase != OPEN or len(self.running) >= self.max_parallel:
            return False
        return bool(self.retries) or (self.stopped is None and self.next_index < self.total)

    def upcoming(self) -> CombinationState:
        """The combination that starts next; the job is `startable`."""
        if self.retries:
            return self.retries[0]
        if self.peeked is None:
            peeked = self.peeked = CombinationState(self, self.next_index, next(self.matrices))
            peeked.attempt = peeked.base = self.bases.get(self.next_index, 0)
        return self.peeked

    def start_next(self) -> CombinationState:
        """Take out the combination that starts next."""
        combination = self.upcoming()
        if self.retries:
            self.retries.popleft()
        else:
            self.peeked = None
            self.next_index += 1
        return combination

    def not_started(self) -> Iterator[dict[str, Any]]:
        """The matrices of the combinations that were never started."""
        if self.peeked is not None:
            yield self.peeked.matrix
        yield from self.matrices

    @property
    def exhausted(self) -> bool:
        """Whether nothing runs and nothing is to be run."""
        if self.running or self.retries or self.retrying:
            return False
        return self.stopped is not None or self.next_index >= self.total

    @property
    def is_matrix(self) -> bool:
        strategy = self.job.strategy
        return strategy is not None and (strategy.matrix is not None or strategy.include is not None)


class RunState:
    """A run: the first one, or one that a `trigger` stage asked for. `key` is its row in the journal.

    A run whose workflow has a concurrency `group` begins when it is in it.
    """

    __slots__ = (
        "active",
        "begun",
        "cancelled",
        "children",
        "deadline",
        "depth",
        "env",
        "group",
        "id",
        "jobs",
        "key",
        "killed",
        "limit",
        "params",
        "parent_id",
        "pending",
        "result",
        "running",
        "started",
        "ticket",
        "timeout",
        "workflow",
        "workflow_index",
    )

    def __init__(
        self, id: str, workflow_index: int, workflow: Workflow, params: dict[str, Any], started_at: str
    ) -> None:
        self.id = id
        self.workflow_index = workflow_index
        self.workflow = workflow
        self.params = params
        self.key = 0
        self.depth = 0
        self.ticket: Ticket | None = None
        #: Of a first run: the run that its caller says it belongs to.
        self.parent_id: str | None = None
        self.children = 0
        self.env: dict[str, str] = {}
        self.jobs: list[JobState] = []
        self.pending = 0
        self.limit: int | None = None
        self.running = 0
        #: (reason, message) once it was asked to end; `killed` once clean-up jobs were, too.
        self.cancelled: tuple[str, str] | None = None
        self.killed = False
        self.started = 0.0
        self.group: Group | None = None
        self.begun = False
        #: Seconds that earlier engines worked on it.
        self.active = 0.0
        #: Its own time in seconds.
        self.timeout: float | None = None
        self.deadline: Timer | None = None
        self.result = RunResult(id, workflow.name, started_at)

    @property
    def needs(self) -> dict[str, list[str]]:
        """Job → the jobs that it needs, of those that need any."""
        return {state.job.id: [need.job.id for need in state.needs] for state in self.jobs if state.needs}

    @property
    def triggered_by(self) -> tuple[Place, str] | None:
        """The attempt of another run that asked for this one, and the stage of it."""
        return None if self.ticket is None else (self.ticket.combination.place, self.ticket.stage)

    def run_context(self, attempt: int = 1) -> dict[str, Any]:
        """The `run` context of an attempt."""
        parent = self.ticket.combination.job.run.id if self.ticket else self.parent_id
        return {
            "id": self.id,
            "attempt": attempt,
            "workflow": self.workflow.name,
            "parent_id": parent,
            "started_at": self.result.started_at,
        }

    def enter(self, selected: set[int] | None) -> None:
        """Make the states of its jobs: all, or those at the `selected` positions."""
        states: dict[int, JobState] = {}
        for position, job in enumerate(self.workflow.jobs):
            if selected is not None and position not in selected:
                continue
            state = states[position] = JobState(self, position, job)
            state.needs = [states[need] for need in job.needs if need in states]
            state.waiting = len(state.needs)
            for need in state.needs:
                need.dependents.append(state)
                need.open_dependents += 1
        self.jobs = list(states.values())
        self.pending = len(self.jobs)

    def take_as_ended(self, views: Mapping[str, Mapping[str, Any]]) -> None:
        """Take jobs as ended before the run begins: `views` maps their ids to what `needs.<id>` is for others."""
        for state in self.jobs:
            view = views.get(state.job.id)
            if view is not None:
                state.phase = ENDED
                state.take_view(dict(view))
                state.result = JobResult(view["result"])
                state.result.outputs = dict(view["outputs"])
                self.result.jobs[state.job.id] = state.result
                self.pending -= 1
                for dependent in state.dependents:
                    dependent.waiting -= 1
