"""Statuses and results of the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a run, job, combination or stage ended; `WAIT` where it has not. Values are those of `run --format json`."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIP = "skip"
    CANCEL = "cancel"
    WAIT = "wait"

    def __str__(self) -> str:
        return self.name


SUCCESS = Status.SUCCESS
FAILED = Status.FAILED
SKIP = Status.SKIP
CANCEL = Status.CANCEL
WAIT = Status.WAIT


class Result:
    """How an execution ended.

    `context` holds `outputs` (a map), `execution_time` (seconds), `stages` (a map from stage id to
    `{"status", "outputs", "error"}`), `combinations` (a list of `{"matrix", "status", "outputs", "stages"}`), `errors` (a
    list of `{"type", "message", "path", "line"}`), and for a skipped job `reason`. `trace` is the log of the
    execution, a line each.
    """

    __slots__ = ("context", "parent_run_id", "run_id", "status", "trace")

    def __init__(
        self,
        status: Status | str,
        context: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        parent_run_id: str | None = None,
        trace: list[str] | None = None,
    ) -> None:
        self.status = Status(status)
        self.context: dict[str, Any] = dict(context or {})
        self.run_id = run_id
        self.parent_run_id = parent_run_id
        self.trace: list[str] = trace or []

    @property
    def outputs(self) -> dict[str, Any]:
        found = self.context.get("outputs")
        return found if isinstance(found, dict) else {}

    @property
    def errors(self) -> list[dict[str, Any]]:
        return list(self.context.get("errors", ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and (self.status, self.context) == (other.status, other.context)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Result(status={self.status.name}, context={self.context!r})"
