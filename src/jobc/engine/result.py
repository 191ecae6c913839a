"""What a run gives back, and its JSON form (CLI: JSON of run)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from jobc.engine.journal.journal import plain
from jobc.errors import StateError
from jobc.interpreter.api import CombinationResult, ErrorInfo
from jobc.ir.status import SUCCESS

VERSION = 1


class JobResult:
    """`status` is terminal; `reason` says why it was skipped, cancelled or failed. `duration` in seconds.

    `attempts` is the largest of its combinations'; 0 where it never ran. `error` is set where the job failed
    before any combination (its condition or its matrix).
    """

    __slots__ = ("attempts", "combinations", "duration", "error", "outputs", "reason", "status")

    def __init__(self, status: str) -> None:
        self.status = status
        self.reason: str | None = None
        self.duration = 0.0
        self.attempts = 0
        self.outputs: dict[str, Any] = {}
        self.combinations: Sequence[CombinationResult] = ()
        self.error: ErrorInfo | None = None

    def to_json(self) -> dict[str, Any]:
        return {**self._head(), "combinations": [_combination(each) for each in self.combinations]}

    def _head(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "reason": self.reason,
            "duration_s": round(self.duration, 6),
            "attempts": self.attempts,
            "outputs": self.outputs,
            "error": self.error.to_json() if self.error else None,
        }

    def streamed(self, shown: Callable[[Any], Any]) -> dict[str, Any]:
        """As `to_json`, what is shown of it; its combinations are made while they are written."""
        return {**shown(self._head()), "combinations": _Streamed(self.combinations, shown)}


def _combination(result: CombinationResult) -> dict[str, Any]:
    return {**result.to_json(), "error": result.error.to_json() if result.error else None}


class _Streamed(list[Any]):
    """A list for an encoder that reads it once from its beginning, and no other."""

    def __init__(self, combinations: Sequence[CombinationResult], shown: Callable[[Any], Any]) -> None:
        super().__init__()
        self._combinations = combinations
        self._shown = shown

    def __iter__(self) -> Iterator[Any]:
        return (self._shown(_combination(each)) for each in self._combinations)

    def __len__(self) -> int:
        return len(self._combinations)


class RunResult:
    """`jobs` in the program's order. `timed_out`: the run's own time was over. `reason` where it is no success.

    `state_error` is set where the journal failed on the way: the run went to a graceful end without it.
    """

    __slots__ = (
        "duration",
        "jobs",
        "mask",
        "outputs",
        "reason",
        "run_id",
        "started_at",
        "state_error",
        "status",
        "timed_out",
        "workflow",
    )

    def __init__(self, run_id: str, workflow: str, started_at: str) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self.started_at = started_at
        self.status = ""
        self.reason: str | None = None
        self.duration = 0.0
        self.outputs: dict[str, Any] = {}
        self.jobs: dict[str, JobResult] = {}
        self.timed_out = False
        self.state_error: StateError | None = None
        #: Masks secrets in plain data; `to_json` is for people and logs.
        self.mask: Any = lambda value: value

    def exit_code(self, signal: int | None) -> int:
        """Of the process that ran it; `signal` is the first one that it was sent."""
        if self.status == SUCCESS:
            return 0
        if self.timed_out:
            return 124
        return 128 + signal if signal is not None else 1

    def to_json(self) -> dict[str, Any]:
        jobs = {name: job.to_json() for name, job in self.jobs.items()}
        return {**self._shown(self._head()), "jobs": self._shown(jobs)}

    def write_json(self, stream: TextIO) -> None:
        """Write `to_json` to a stream, in memory for one combination."""
        jobs = {name: job.streamed(self._shown) for name, job in self.jobs.items()}
        document = {**self._shown(self._head()), "jobs": jobs}
        for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(document):
            stream.write(part)
        stream.write("\n")

    def _shown(self, value: Any) -> Any:
        return self.mask(plain(value))

    def _head(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "run_id": self.run_id,
            "workflow": self.workflow,
            "status": self.status,
            "reason": self.reason,
            "started_at": self.started_at,
            "duration_s": round(self.duration, 6),
            "outputs": self.outputs,
        }
