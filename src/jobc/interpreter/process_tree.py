"""All processes that a child started, wherever they went.

A process belongs to a child's tree by any of four marks: its control group (`cgroups`, exact, where there are any), an
ancestor in the tree, its session, a cookie in its environment. The cookie finds what a double fork and `setsid` have cut loose.
Where there is no /proc, the child's process group is all that is known.

What clears its environment too still bears the engine's brand, where there are no control groups: a limit that bounds
nothing (real-time processor time, of some hundred thousand years) with a number of its own. Every process has it
from its parent, few programs ever touch it, and /proc shows it. It tells the engine, not the child.

A cookie is `<engine>.<family>.<number>;`: the process that runs jobc, the combination, the child. A jobc that runs
in a stage of another one appends its cookies, so the outer one finds all that the inner one started.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Set

if TYPE_CHECKING:
    from jobc.interpreter.cgroups import Group

COOKIE = "JOBC_COOKIE"
#: How long to go on killing what appears anew in a tree, in seconds.
_LONGEST = 5.0

#: The families of which a child was started since `take_started`.
_started: Set[str] = set()
_families = itertools.count(1)
_numbers = itertools.count(1)
_engine = (0, "")


def engine_mark() -> str:
    """What the cookies of everything that this process starts begin with."""
    global _engine
    if _engine[0] != os.getpid():
        _engine = (os.getpid(), os.urandom(8).hex())
    return _engine[1] + "."


def brand_of(mark: str) -> int:
    """The limit, in microseconds, that the processes of the engine with that mark have."""
    return 1 << 62 | int(mark[:12], 16)


def brand(pid: int) -> None:
    """Give a process, and all that it will start, this engine's brand."""
    try:
        import resource

        soft, hard = resource.prlimit(pid, resource.RLIMIT_RTTIME)
        if soft == hard == resource.RLIM_INFINITY:  # else it has that of a jobc around this one
            resource.prlimit(pid, resource.RLIMIT_RTTIME, (brand_of(engine_mark()), hard))
    except (ImportError, AttributeError, OSError, ValueError):
        return  # it has ended, or the system has no such limit


def branded(mark: str) -> List[int]:
    """The living processes with the brand of the engine with that mark, but for this one."""
    needle = b" %d " % brand_of(mark)
    found: List[int] = []
    for pid, each in processes().items():
        if pid == os.getpid() or each.state in b"ZX":
            continue
        try:
            with open("/proc/%d/limits" % pid, "rb") as file:
                if needle in file.read():
                    found.append(pid)
        except OSError:
            continue
    return found


def new_family() -> str:
    """What the cookies of one combination's children begin with."""
    return "%s%d." % (engine_mark(), next(_families))


def take_started(family: str) -> bool:
    """Whether a child of the family was started since this was last asked."""
    found = family in _started
    _started.discard(family)
    return found


def new_cookie(family: str) -> str:
    _started.add(family)
    return "%s%d;" % (family, next(_numbers))


def group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Stat:
    """A process as /proc shows it."""

    __slots__ = ("parent", "pid", "session", "state")

    def __init__(self, pid: int, state: bytes, parent: int, session: int) -> None:
        self.pid = pid
        self.state = state
        self.parent = parent
        self.session = session


def stat(pid: int) -> Optional[Stat]:
    """None for a process that is not there."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return Stat(pid, fields[0], int(fields[1]), int(fields[3]))
    except (OSError, ValueError, IndexError):
        return None


def processes() -> Dict[int, Stat]:
    """Every process in /proc; none where there is no /proc."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    found = (stat(int(name)) for name in names if name.isdigit())
    return {each.pid: each for each in found if each is not None}


def environ(pid: int) -> bytes:
    """The environment that a process was started with."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            return file.read()
    except OSError:
        return b""


def members(mark: str, roots: Set[int]) -> List[int]:
    """The living processes whose cookie has `mark` in it, whose session is in `roots`, or that have such an ancestor.

    An empty `mark` is in none.
    """
    own = os.getpid()
    table = processes()
    needle = mark.encode()
    found: Set[int] = set()
    for pid, each in table.items():
        if each.state == b"Z" and each.parent == own and each.session in roots and pid not in roots:
            reap([pid])
        elif (
            pid != own
            and each.state not in b"ZX"
            and (each.session in roots or (mark and needle in environ(pid)))
        ):
            found.add(pid)
    for pid in table:
        seen: Set[int] = set()
        at = pid
        while at in table and at not in seen and at != own:
            if at in found or at in roots:
                found.update(seen)
                break
            seen.add(at)
            at = table[at].parent
    found.discard(own)
    return sorted(pid for pid in found if pid in table and table[pid].state not in b"ZX")


def tree(root: int, cookie: str) -> List[int]:
    """Every living process of a child's tree, found in /proc; empty where there is no /proc."""
    return members(cookie, {root})


def signal_tree(root: int, cookie: str, number: int, group: Optional[Group] = None) -> List[int]:
    """Send a signal to a child's whole tree; gives the processes it found beside the process group."""
    found = tree(root, cookie)
    if group is not None:
        found = sorted({*found, *group.pids()})
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(root, number)
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != root:
                os.kill(pid, number)
    return found


def kill_tree(root: int, cookie: str, group: Optional[Group] = None) -> None:
    """SIGKILL a child's whole tree, again while processes that were just forked appear in it."""
    if group is not None:
        group.kill()
    kill_all(lambda: signal_tree(root, cookie, signal.SIGKILL, group))


def kill_all(once: Callable[[], List[int]]) -> None:
    """Do `once`, which kills and gives what it found, until it finds nothing."""
    until = time.monotonic() + _LONGEST
    while once() and time.monotonic() < until:
        time.sleep(0.002)


def kill_pids(pids: List[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap(pids: List[int]) -> None:
    """Take leave of orphans that became this process's children and have ended."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
