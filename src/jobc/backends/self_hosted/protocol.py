"""What a runner and its clients agree on: paths, the form of a submission, states, codes of errors.

    GET    /v1/runner                      what it is, what it has room for
    PUT    /v1/bundles/HASH                a bundle by its SHA-256; sent once
    PUT    /v1/tasks/KEY                   a submission; the same key again gives the first task
    GET    /v1/tasks/KEY                   a task's state
    GET    /v1/tasks/KEY/output            what it wrote, by byte ranges
    GET    /v1/tasks/KEY/events            the same as server-sent events, from a byte offset
    GET    /v1/tasks/KEY/files/NAME        a file that it left
    POST   /v1/tasks/KEY/cancel, /kill     end it
    DELETE /v1/tasks/KEY                   forget a task that has ended
    POST   /v1/forget                      forget all tasks of a run that have ended, but those that are named
    GET    /v1/events?stream=ID            server-sent events of all tasks that a client follows
    POST   /v1/streams/ID                  the tasks that it follows

A submission is one line of JSON, the head, and then the files that the head names, one after another. So it is read as it
comes, into files, whatever its size; and what a head says can be refused before the rest is sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

#: Raised where a client of today could not speak with a runner of before.
PROTOCOL = 1
#: Header of every request and every answer.
PROTOCOL_HEADER = "jobc-protocol"
#: Header of a submission: the stream that is to tell of the task.
STREAM_HEADER = "jobc-stream"

#: Longest head of a submission, in bytes.
HEAD_BYTES = 64 * 1024
_PIECE = 256 * 1024

# States of a task.
QUEUED = "queued"
RUNNING = "running"
#: It came to an end of its own: the result file has the truth, `exit_code`, `signal` and `reason` explain its absence.
ENDED = "ended"
#: The runner lost it; `message` says how.
LOST = "lost"
FINISHED = frozenset([ENDED, LOST])

# Why a runner ended a task, as `reason` of its record.
CANCELLED = "cancel"
KILLED = "kill"
MEMORY = "memory"
DISK = "disk"
TIME = "time"

# Codes of errors, as `code` of an answer that is no success: `{"code", "message", "help"}`.
UNAUTHORIZED = "unauthorized"
VERSION = "protocol"
INVALID = "invalid"
UNKNOWN = "unknown"
NO_FILE = "no-file"
GONE = "gone"
NEEDS_BUNDLE = "needs-bundle"
BAD_HASH = "bad-hash"
OTHER_TASK = "other-task"
LABELS = "labels"
TOO_MUCH = "too-much"
TOO_LARGE = "too-large"
TOO_SLOW = "too-slow"
FULL = "full"
DRAINING = "draining"
DISK_FULL = "disk-full"
NOT_ENDED = "not-ended"
INTERNAL = "internal"


def key_of(name: str) -> str:
    """The key of a task: its name as something that may stand in a path."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


class Head:
    """What is said of a submission before its files. `files` are (name, size in bytes) in their order.

    `cpu` in processors, `memory` in bytes, `timeout` and `grace` in seconds. No value of a secret stands here.
    """

    __slots__ = ("bundle", "cpu", "environ", "files", "grace", "labels", "memory", "name", "run", "timeout")

    def __init__(
        self,
        name: str,
        bundle: str,
        files: list[tuple[str, int]],
        *,
        run: str = "",
        environ: Mapping[str, str] | None = None,
        labels: list[str] | None = None,
        cpu: float | None = None,
        memory: int | None = None,
        timeout: float | None = None,
        grace: float = 10.0,
    ) -> None:
        self.name = name
        self.bundle = bundle
        self.files = files
        #: The run that it belongs to.
        self.run = run
        self.environ = dict(environ or {})
        self.labels = labels or []
        self.cpu = cpu
        self.memory = memory
        self.timeout = timeout
        self.grace = grace

    def line(self) -> bytes:
        document = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def submission(head: Head, files: Mapping[str, bytes]) -> Iterator[bytes]:
    """The body of a submission, in pieces. `head.files` are names of `files`."""
    yield head.line()
    for name, _ in head.files:
        data = memoryview(files[name])
        for start in range(0, len(data), _PIECE):
            # Whole files would be copied over and over by what sends them a little at a time.
            yield bytes(data[start : start + _PIECE])


def told(answer: Any) -> tuple[str, str, str]:
    """(code, message, help) of an error's answer, as far as it is one of a runner."""
    if not isinstance(answer, dict):
        return "", "", ""
    code, message, help = (answer.get(name) for name in ("code", "message", "help"))
    return str(code or ""), str(message or ""), str(help or "")
