"""How a run is to be executed: everything that is not the program and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobc.backends.registry import containers, create
from jobc.engine.clock import MONOTONIC, Clock
from jobc.engine.control import Control

if TYPE_CHECKING:
    from jobc.backends.api import Backend
    from jobc.engine.journal.journal import Journal
    from jobc.interpreter.containers import Containers

#: Seconds between SIGTERM and SIGKILL.
GRACE = 10.0
#: How often an attempt may be interrupted (by the death of its engine or its machine) and is begun again.
INTERRUPTIONS = 10
#: Runs inside runs (`trigger` stages), counted from the first.
MAX_DEPTH = 16
#: Bytes that the files of the cache's entries may take together.
CACHE_SIZE = 10 * 1024**3


class Options:
    """`run_id` is made where it is None. `job` restricts the run to that job and what it needs, `index` that job to one of
    its combinations.

    `max_parallel` bounds combinations at once over the whole run, nested runs included (None: what the workflow and
    the environment say). `timeout`, `grace` in seconds. `secrets` holds the values of declared secrets. `environ`
    is what processes inherit, `workdir` where they run. `now` fixes what `datetime.now()` gives. `file` is the
    path of the entry file as shown to people. Without a `journal` nothing is kept. `given` holds what `needs.<id>` is
    for jobs of the entry workflow that are not run but taken as ended so. `live` holds live objects for the `vars` of
    Python stages, by the span of the stage. `parent_id` is what `run.parent_id` is in the first run. `groups` is the
    folder in which engines share their concurrency groups; without one a group ends with the run. `clock` is what the
    engine times by. `store` is the folder of the store (`engine.store`), for the cache and for artifacts that outlive the
    run; `cache` what the cache is used for (`engine.cache`), `cache_size` how many bytes its entries may take.
    `trace` gives the trace that tasks belong to (`Inputs.trace`), once the run has started.
    """

    __slots__ = (
        "backend",
        "cache",
        "cache_size",
        "clock",
        "containers",
        "control",
        "environ",
        "file",
        "given",
        "grace",
        "groups",
        "index",
        "job",
        "job_timeout",
        "journal",
        "live",
        "max_interruptions",
        "max_parallel",
        "now",
        "parent_id",
        "run_id",
        "secrets",
        "store",
        "timeout",
        "trace",
        "workdir",
    )

    def __init__(
        self,
        *,
        run_id: str | None = None,
        job: str | None = None,
        index: int | None = None,
        max_parallel: int | None = None,
        timeout: float | None = None,
        grace: float = GRACE,
        secrets: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        workdir: str = ".",
        now: datetime | None = None,
        file: str = "",
        journal: Journal | None = None,
        control: Control | None = None,
        backend: Callable[[str], Backend] = create,
        containers: Callable[[], Containers] = containers,
        given: Mapping[str, Mapping[str, Any]] | None = None,
        live: Mapping[int, Mapping[str, Any]] | None = None,
        parent_id: str | None = None,
        groups: str | None = None,
        clock: Clock = MONOTONIC,
        store: str | None = None,
        cache: str = "use",
        cache_size: int = CACHE_SIZE,
        trace: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.run_id = run_id
        self.job = job
        self.index = index
        #: Of jobs that set none, in seconds; `execute` reads it from the environment.
        self.job_timeout = 3600.0
        #: `execute` reads it from the environment.
        self.max_interruptions = INTERRUPTIONS
        self.max_parallel = max_parallel
        self.timeout = timeout
        self.grace = grace
        self.secrets = dict(secrets or {})
        self.environ = dict(environ or {})
        self.workdir = workdir
        self.now = now
        self.file = file
        self.journal = journal
        self.control = control or Control()
        self.backend = backend
        self.containers = containers
        self.given = given or {}
        self.live = live or {}
        self.parent_id = parent_id
        self.groups = groups
        self.clock = clock
        self.store = store
        self.cache = cache
        self.cache_size = cache_size
        self.trace = trace
