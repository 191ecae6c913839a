"""Who is there that no session tells of: daemons that left everything behind, where there are no control groups.

With the first child this process becomes the one to which orphans below it go (PR_SET_CHILD_SUBREAPER; process 1 of a
container is it anyway). At a job's end the census looks at the processes that are new since it last looked, and finds those
with the job's cookie, and those without any that are orphans of ours: their job cannot be told, so they
end when no job is left that they could belong to. Orphans that ended are reaped. A look costs one listing of /proc.
"""

from __future__ import annotations

import os
import threading
from typing import List, Set

from jobc.interpreter.process_tree import engine_mark, environ, reap, stat

_PR_SET_CHILD_SUBREAPER = 36


class Census:
    """Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._foreign: Set[str] = set()
        self._families: Set[str] = set()

    def begin(self, family: str) -> None:
        """A family of children begins."""
        with self._lock:
            self._families.add(family)
            if self._owner != os.getpid():
                self._owner = os.getpid()
                self._foreign = set(_listing())
                _adopt()

    def strays(self, family: str) -> List[int]:
        """A family ends: its processes that are still there, and orphans that could be nobody else's."""
        with self._lock:
            self._families.discard(family)
            if self._owner != os.getpid():
                return []
            now = _listing()
            found: List[int] = []
            foreign = self._foreign.intersection(now)
            engine, mark = engine_mark().encode(), family.encode()
            for name in now:
                if name not in foreign:
                    kind = self._kind(int(name), engine, mark)
                    if kind == "foreign":
                        foreign.add(name)
                    elif kind == "stray":
                        found.append(int(name))
            self._foreign = foreign
            return found

    def _kind(self, pid: int, engine: bytes, mark: bytes) -> str:
        """`stray`, `foreign`, or `other`: to be looked at again."""
        about = stat(pid)
        if about is None:
            return "other"
        own = os.getpid()
        orphan = about.parent == own and about.session not in (pid, os.getsid(0))
        if about.state in b"ZX":
            if orphan:
                reap([pid])
            return "other"
        cookie = environ(pid)
        if mark in cookie:
            return "stray"
        if engine in cookie or pid == own:
            return "other"
        if orphan:
            return "other" if self._families else "stray"
        return "other" if about.parent == own else "foreign"


census = Census()


def _listing() -> List[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _adopt() -> None:
    """Have the orphans below this process become its children."""
    if os.getpid() == 1 or not os.path.isdir("/proc/self"):
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return
