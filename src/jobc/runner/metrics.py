"""The runner's metrics in Prometheus' text format."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from jobc.runner.tasks import Tasks

TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Requests:
    """Counts the answers to requests by method, route and status."""

    def __init__(self) -> None:
        self.started = time.time()
        self.answers: dict[tuple[str, str, int], int] = {}
        self.refused_tokens = 0

    def count(self, method: str, route: str, status: int) -> None:
        key = (method, route, status)
        self.answers[key] = self.answers.get(key, 0) + 1


def text(tasks: Tasks, requests: Requests, version: str) -> str:
    capacity = tasks.capacity()
    families: list[tuple[str, str, str, Iterable[tuple[dict[str, object], float]]]] = [
        ("jobc_runner_info", "gauge", "The version of the runner.", [({"version": version}, 1)]),
        ("jobc_runner_start_time_seconds", "gauge", "When the server started.", [({}, requests.started)]),
        ("jobc_runner_tasks_running", "gauge", "Tasks that run.", [({}, capacity["running"])]),
        ("jobc_runner_tasks_queued", "gauge", "Tasks that wait.", [({}, capacity["queued"])]),
        ("jobc_runner_concurrency", "gauge", "Tasks that may run at once.", [({}, capacity["concurrency"])]),
        ("jobc_runner_queue_length", "gauge", "Tasks that may wait.", [({}, capacity["queue"])]),
        ("jobc_runner_draining", "gauge", "1 while it is shutting down.", [({}, int(tasks.draining))]),
        ("jobc_runner_disk_free_bytes", "gauge", "Free bytes for tasks.", [({}, tasks.folders.free())]),
        ("jobc_runner_event_streams", "gauge", "Clients that follow tasks.", [({}, tasks.feed.count)]),
        ("jobc_runner_tasks_submitted_total", "counter", "Tasks taken.", [({}, tasks.submitted)]),
        (
            "jobc_runner_tasks_ended_total",
            "counter",
            "Tasks that came to an end, and why where the runner ended them.",
            [
                ({"state": state, "reason": reason}, count)
                for (state, reason), count in sorted(tasks.ends.items())
            ],
        ),
        (
            "jobc_runner_unauthorized_total",
            "counter",
            "Requests without a good token.",
            [({}, requests.refused_tokens)],
        ),
        (
            "jobc_runner_requests_total",
            "counter",
            "Answers to requests.",
            [
                ({"method": method, "route": route, "status": status}, count)
                for (method, route, status), count in sorted(requests.answers.items())
            ],
        ),
        ("process_resident_memory_bytes", "gauge", "Memory of the server.", [({}, _memory())]),
    ]
    lines = []
    for name, kind, help, samples in families:
        lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
        for labels, value in samples:
            shown = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
            lines.append(f"{name}{{{shown}}} {value}" if shown else f"{name} {value}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _memory() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
