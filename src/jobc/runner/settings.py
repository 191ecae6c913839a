"""How a runner was set up: what `jobc runner serve` was told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """What each task may take: processors, bytes, seconds, bytes. None: no limit."""

    cpu: float | None = None
    memory: int | None = None
    time: float | None = 24 * 3600.0
    disk: int | None = 10 * 2**30


@dataclass(frozen=True)
class User:
    """Whom tasks run as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


@dataclass(frozen=True)
class Settings:
    """`state` is an absolute path. Sizes in bytes, times in seconds."""

    state: str
    token_file: str
    concurrency: int = 1
    queue: int = 1000
    limits: Limits = field(default_factory=Limits)
    labels: tuple[str, ...] = ()
    #: None: tasks run as the user that the runner runs as.
    user: User | None = None
    python: str = "python3"
    #: Variables of the runner's environment that tasks see.
    environ: tuple[str, ...] = ()
    largest_bundle: int = 64 * 2**20
    largest_task: int = 2 * 2**30
    #: Of each file that is given out of what a task left; its output has no such limit, for it is read while it grows.
    largest_file: int = 2 * 2**30
    #: Longest silence while a body comes in, and the least bytes a second over all of it.
    body_silence: float = 15.0
    body_rate: float = 16 * 1024
    #: How long a connection may take to say what it wants.
    head_patience: float = 15.0
    #: Silence of an event stream before a sign of life.
    heartbeat: float = 15.0
    #: How long a task that has ended is kept for whoever wants to know.
    keep: float = 24 * 3600.0
    #: How long after that a key is known to be of the past.
    remember: float = 7 * 24 * 3600.0
    #: Room that must stay free on the disk of the state folder.
    least_free: int = 256 * 2**20
    #: How long running tasks are waited for on SIGTERM.
    drain: float = 30.0
