"""Control groups (v2) for tasks, where the runner was given some of its own.

A unit of systemd with `Delegate=yes` and `DelegateSubgroup=server` is: its processes stand in a group below the one that is handed
down, so groups of tasks can be made beside it. Without, memory and processors are held by the limits of each process.
"""

from __future__ import annotations

import os

_NAME = "tasks"


def task_group() -> str | None:
    """The folder in which groups of tasks are made, None where there is none to have."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = next(line[3:].strip() for line in file if line.startswith("0::"))
        with open("/proc/self/mounts", encoding="utf-8") as file:
            mount = next(line.split()[1] for line in file if line.split()[2] == "cgroup2")
    except (OSError, StopIteration, IndexError):
        return None
    parent = os.path.dirname((mount + own).rstrip("/"))
    place = os.path.join(parent, _NAME)
    if len(parent) < len(mount):
        return None
    try:
        with open(os.path.join(parent, "cgroup.controllers"), encoding="ascii") as file:
            if not {"cpu", "memory"} <= set(file.read().split()):
                return None
        os.makedirs(place, exist_ok=True)
        for folder in (parent, place):
            with open(os.path.join(folder, "cgroup.subtree_control"), "w", encoding="ascii") as control:
                control.write("+cpu +memory")
    except OSError:
        return None
    return place
