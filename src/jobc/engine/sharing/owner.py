"""Which process runs a run, so that others can tell whether it still does.

A process is told from a later one with the same number by the time it started, in ticks since the machine did, and
by the machine's boot: neither depends on the clock. Where the system tells neither, the number alone decides.
"""

from __future__ import annotations

import os
from functools import lru_cache


def this_process() -> tuple[int, str, str]:
    """(number, when it started, boot) of this process."""
    return _identity(os.getpid())


@lru_cache(maxsize=1)
def _identity(pid: int) -> tuple[int, str, str]:
    return pid, started(pid), boot()


def boot() -> str:
    """What names this boot of this machine, or ""."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def started(pid: int) -> str:
    """When a process started, in the system's own terms; "" if there is none, or the system does not say."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ""
    fields = text[text.rindex(")") + 2 :].split()
    return "" if fields[0] in "ZX" else fields[19]


def is_alive(pid: int, pid_started: str, boot_id: str) -> bool:
    """Whether the process that these three name still runs."""
    if boot_id != boot():
        return False
    if pid_started:
        return started(pid) == pid_started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
