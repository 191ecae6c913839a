"""Other programs that jobc asks, found without starting them, and how many of them are worth starting."""

from __future__ import annotations

import os
import sys


def shellcheck() -> str | None:
    """The path of ShellCheck: beside this Python (the extra `shell` installs it there), else on PATH."""
    folders = [os.path.dirname(sys.executable), *os.environ.get("PATH", "").split(os.pathsep)]
    for folder in folders:
        path = os.path.join(folder, "shellcheck")
        if folder and os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None


def cores() -> int:
    """How many processes can run at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def identity(path: str | None) -> str:
    """What changes with the program, for caches; empty without one."""
    if path is None:
        return ""
    stat = os.stat(path)
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"
