"""The state of a run as its events tell it: what the plain and the live display read."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]

#: Lines of log that are kept to be shown under a failure.
TAIL = 10
#: Failed combinations of one job that are shown in full: the first by their order, not by the time they ended.
SHOWN_FAILURES = 3


class FailureView:
    """A combination that failed, by its `index`: `stage` is None where it failed before any."""

    __slots__ = ("error", "index", "matrix", "stage", "tail")

    def __init__(
        self,
        index: int,
        matrix: dict[str, Any],
        stage: str | None,
        error: Mapping[str, Any],
        tail: list[str],
    ) -> None:
        self.index = index
        self.matrix = matrix
        self.stage = stage
        self.error = error
        self.tail = tail


class JobView:
    __slots__ = (
        "duration",
        "ended",
        "failed",
        "failures",
        "id",
        "note",
        "ready",
        "reason",
        "running",
        "started",
        "status",
        "total",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        #: `waiting`, `running`, or a terminal status.
        self.status = "waiting"
        self.reason: str | None = None
        #: Its needs have ended; what keeps it from starting is a limit.
        self.ready = False
        #: What an event says of it beside its status: `taken over from run x`, `from the cache`.
        self.note: str | None = None
        self.started = 0.0
        self.duration = 0.0
        self.total = 0
        self.ended = 0
        self.failed = 0
        #: combination → name of the stage that it is at.
        self.running: dict[int, str] = {}
        self.failures: list[FailureView] = []


class RunView:
    """The first run in full; of those that it triggers only names, for log lines. `folder` is the jobs file's."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.id = ""
        self.workflow = ""
        self.status = "running"
        self.reason: str | None = None
        #: Why it is coming to an early end, while it is.
        self.ending: str | None = None
        #: What the run waits for before it may begin, while it does.
        self.waits: str | None = None
        self.duration = 0.0
        self.outputs: dict[str, Any] = {}
        self.jobs: dict[str, JobView] = {}
        #: What each job needs, by its id.
        self.needs: dict[str, list[str]] = {}
        self.started = time.monotonic()
        self._prefixes: dict[str, str] = {}
        self._matrices: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._tails: dict[tuple[str, int], deque[str]] = {}
        self._stages: dict[tuple[str, int], tuple[str, Mapping[str, Any]]] = {}

    def take(self, event: Event) -> None:
        kind, run = event["event"], event["run"]
        if kind == "run-started":
            if not self.id:
                self.id, self.workflow = run, event["workflow"]
                self.jobs = {id: JobView(id) for id in event["jobs"]}
                self.needs = event.get("needs") or {}
            parent = event["parent"]
            if parent is None:
                self._prefixes[run] = ""
            else:
                number = run.rpartition(".")[2]
                self._prefixes[run] = f"{self._prefixes.get(parent, '')}{event['workflow']}.{number}/"
        if kind == "combination-started":
            self._matrices[(run, event["job"], event["combination"])] = event["matrix"]
        elif kind == "combination-ended" and event["retried_in_s"] is None:
            self._matrices.pop((run, event["job"], event["combination"]), None)
        if run != self.id:
            return
        self.waits = event["reason"] if kind == "run-waiting" else None
        if kind == "run-cancelling":
            self.ending = event["reason"]
            return
        if kind == "run-ended":
            self.status, self.reason = event["status"], event["reason"]
            self.duration, self.outputs = event["duration_s"], event["outputs"]
            return
        job = self.jobs.get(event["job"] or "")
        if job is not None:
            self._take_job(kind, event, job)

    def _take_job(self, kind: str, event: Event, job: JobView) -> None:
        combination = event["combination"]
        key = (job.id, combination if combination is not None else -1)
        if event.get("note") and combination is None:
            job.note = event["note"]
        if kind == "job-ready":
            job.ready = True
        elif kind == "job-started":
            job.status, job.started, job.total = "running", time.monotonic(), event["combinations"]
            job.reason = None
            job.ended = event.get("ended", 0)
        elif kind == "job-waiting":
            job.reason = event["reason"]
        elif kind == "combination-started":
            job.running[combination] = ""
            self._stages.pop(key, None)
        elif kind == "stage-started":
            job.running[combination] = event["name"]
        elif kind == "log":
            self._tails.setdefault(key, deque(maxlen=TAIL)).append(event["text"])
        elif kind == "stage-ended":
            if event["error"] and event["status"] == "failed":
                self._stages.setdefault(key, (event["name"], event["error"]))
        elif kind == "combination-ended":
            job.running.pop(combination, None)
            if event["retried_in_s"] is not None:
                return
            job.ended += 1
            tail = self._tails.pop(key, None)
            if event["status"] == "failed":
                job.failed += 1
                name, error = self._stages.get(key, (None, event["error"]))
                if error is not None:
                    failure = FailureView(combination, event["matrix"], name, error, list(tail or ()))
                    job.failures.append(failure)
                    job.failures.sort(key=lambda each: each.index)  # in Python 3.9 `insort` has no key
                    del job.failures[SHOWN_FAILURES:]
            self._stages.pop(key, None)
        elif kind == "job-ended":
            job.status, job.reason, job.duration = event["status"], event["reason"], event["duration_s"]
            if event["error"] is not None and not job.failures:  # it failed before any combination
                job.failures.append(FailureView(0, {}, None, event["error"], []))

    def waits_for(self, job: JobView) -> str:
        """Why a job has not started."""
        if job.ready:
            return job.reason or job.note or "waits for its turn"
        ended = ("success", "failed", "skip", "cancel")
        open_needs = [id for id in self.needs.get(job.id, []) if self.jobs[id].status not in ended]
        shown = ", ".join(open_needs[:3])
        more = f" and {len(open_needs) - 3} more" if len(open_needs) > 3 else ""
        return f"waits for {shown}{more}" if open_needs else ""

    def place(self, error: Mapping[str, Any]) -> str:
        """`path:line` as seen from where the command was called, or ""."""
        if not error.get("path"):
            return ""
        return f"{os.path.normpath(os.path.join(self.folder, error['path']))}:{error['line']}"

    def label(self, event: Event) -> str:
        """The job of an event, with the values of its combination."""
        job = event["job"]
        if job is None:
            return ""
        matrix = event.get("matrix") or self._matrices.get((event["run"], job, event["combination"])) or {}
        return f"{self._prefixes.get(event['run'], '')}{job}{matrix_text(matrix)}"


def matrix_text(matrix: Mapping[str, Any]) -> str:
    return f"[{', '.join(f'{key}={value}' for key, value in matrix.items())}]" if matrix else ""
