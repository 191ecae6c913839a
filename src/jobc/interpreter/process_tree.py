"""All processes that a child started, wherever they went.

A process belongs to a child's tree by any of three marks: an ancestor in it, its session, a cookie in its
environment. The cookie finds what a double fork and `setsid` have cut loose. Where there is no /proc, the
child's process group is all that is known.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Dict, List, Optional, Set

COOKIE = "JOBC_COOKIE"


def group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def tree(root: int, cookie: str) -> List[int]:
    """Every living process of a child's tree, found in /proc; empty where there is no /proc."""
    mark = ("%s=%s" % (COOKIE, cookie)).encode()
    parents: Dict[int, int] = {}
    found: Set[int] = set()
    own = os.getpid()
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        pid = int(name)
        try:
            with open("/proc/%s/stat" % name, "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            state, parent, session = fields[0], int(fields[1]), int(fields[3])
        except (OSError, ValueError, IndexError):
            continue
        parents[pid] = parent
        if state in (b"Z", b"X") or pid == own:
            continue
        if session == root or pid == root or _marked(name, mark):
            found.add(pid)
    for pid in parents:
        seen: Set[int] = set()
        at: Optional[int] = pid
        while at is not None and at not in seen and at != own:
            if at in found or at == root:
                found.update(seen)
                break
            seen.add(at)
            at = parents.get(at)
    found.discard(own)
    return sorted(found)


def _marked(name: str, mark: bytes) -> bool:
    try:
        with open("/proc/%s/environ" % name, "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def signal_tree(root: int, cookie: str, number: int) -> List[int]:
    """Send a signal to a child's whole tree; gives the processes it found beside the group."""
    members = tree(root, cookie)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(root, number)
    for pid in members:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != root:
                os.kill(pid, number)
    return members


def kill_tree(root: int, cookie: str) -> None:
    """SIGKILL a child's whole tree, again while processes that were just forked appear in it."""
    for _ in range(20):
        if not signal_tree(root, cookie, signal.SIGKILL):
            return
        time.sleep(0.002)


def kill_leftover(group: int, cookie: str) -> None:
    """End what a child left running in its group, unless that group's number belongs to someone else by now."""
    if not group_alive(group):
        return
    mark = ("%s=%s" % (COOKIE, cookie)).encode()
    members = tree(group, cookie)
    if not os.path.isdir("/proc/self") or any(_marked(str(pid), mark) for pid in members):
        kill_tree(group, cookie)
