"""Python stages forked from a warm process: this side of the `zygote`.

There is one zygote for each interpreter and what of the environment an interpreter reads at its start (`PYTHONPATH`,
the locale, library paths); it is told nothing else, so no secret stands in its environment. At most `MOST` are kept.

A zygote can be killed, by the out-of-memory killer say. A child tells its process number before it does anything, so
where that number never came, nothing of the stage has run and a new zygote serves the request; where it
came, the child is killed, and the stage fails and says so: it may have done half its work.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import marshal
import os
import signal
import socket
import sys
import tempfile
import threading
from array import array
from types import CodeType
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from jobc.interpreter import zygote as numbers
from jobc.interpreter.census import census
from jobc.interpreter.cgroups import Group, groups
from jobc.interpreter.guard import package_root
from jobc.interpreter.launcher import (
    REPLY_BOUND,
    FreshLauncher,
    Interrupted,
    Spawn,
    read_reply,
)
from jobc.interpreter.lines import Output
from jobc.interpreter.process_tree import COOKIE, engine_mark, kill_tree, new_cookie
from jobc.interpreter.processes import Exit, signal_name, watch
from jobc.interpreter.spawning import StartError, hold, prepare, start
from jobc.interpreter.wire import pack_map

#: Zygotes that are kept at a time.
MOST = 4
#: How long a zygote may take to fork, its own start included, in seconds.
_PATIENCE = 120.0
_READ_AT_START = ("PYTHON", "LD_", "LC_", "MALLOC_", "GLIBC_")
_READ_TOO = frozenset(["LANG", "LANGUAGE", "TZ", "HOME"])

_BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from jobc.interpreter.zygote import main; "
    "sys.path.remove({root!r}); main({control})"
)


class Lost(Exception):
    """The zygote has ended, and nothing of the stage has run."""


def available() -> bool:
    """Whether stages can be forked here; `JOBC_ZYGOTE=off` says no."""
    return (
        sys.platform.startswith("linux")
        and hasattr(os, "fork")
        and hasattr(socket, "SOCK_SEQPACKET")
        and os.environ.get("JOBC_ZYGOTE") != "off"
    )


class _Zygote:
    """A running zygote."""

    def __init__(self, interpreter: str, env: Dict[str, str], cwd: str) -> None:
        prepare()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        boot = _BOOT.format(root=package_root(), control=theirs.fileno())
        # Its output is a pipe, for that is what its children will have in its place.
        reading, writing = os.pipe()
        try:
            self.pid = start(
                [interpreter, "-c", boot],
                {**env, COOKIE: engine_mark() + "0;"},
                cwd,
                writing,
                writing,
                (theirs.fileno(),),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(reading)
            os.close(writing)
        self._control = ours
        #: How many of its children have not ended.
        self.active = 0

    def fork(self, fds: List[int]) -> None:
        """Ask for a child. Raises Lost."""
        try:
            self._control.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))])
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETOOMANYREFS):
                raise StartError("a Python stage cannot be started: %s" % error.strerror) from None
            raise Lost from None

    def close(self) -> None:
        """Let it go; it ends by itself."""
        self._control.close()

    def gone(self) -> bool:
        """Whether a zygote that was let go has ended."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    def died_of(self) -> str:
        """How it ended."""
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            return "nobody knows how"
        return signal_name(-status) if status < 0 else "exit code %d" % status


class _Forked:
    """A child of a zygote, as `processes.watch` wants it."""

    def __init__(
        self, pid: int, status: socket.socket, streams: Dict[int, str], group: Optional[Group]
    ) -> None:
        self.pid = pid
        self.group = group
        self.streams = streams
        self.lost = False
        self._socket = status
        self._status: Optional[int] = None

    def end_fd(self) -> Optional[int]:
        return self._socket.fileno()

    def poll(self) -> Optional[int]:
        if self._status is None:
            with contextlib.suppress(BlockingIOError):
                self._read(socket.MSG_DONTWAIT)
        return self._status

    def wait(self) -> int:
        while self._status is None:
            self._read(0)
        return self._status

    def _read(self, flags: int) -> None:
        message = _message(self._socket, flags)
        if message is None:
            self.lost = True
            self._status = -signal.SIGKILL
        elif message[0] == numbers.ENDED:
            self._status = message[1]

    def close(self) -> None:
        self._socket.close()


def _message(status: socket.socket, flags: int) -> Optional[Tuple[int, int]]:
    """The next two numbers; None at the end."""
    try:
        raw = status.recv(8, flags)
    except (ConnectionError, socket.timeout):
        return None
    if len(raw) < 8:
        return None
    return int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:], "little", signed=True)


class ForkLauncher:
    """Serves requests from zygotes; where there can be none, as `FreshLauncher` does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._zygotes: Dict[Tuple[Any, ...], _Zygote] = {}
        self._leaving: List[_Zygote] = []
        self._fresh = FreshLauncher()
        atexit.register(self.close)

    def launch(
        self, request: Dict[str, Any], code: Optional[CodeType], spawn: Spawn
    ) -> Tuple[Exit, Optional[Dict[str, Any]]]:
        if not available():
            return self._fresh.launch(request, code, spawn)
        cookie = new_cookie(spawn.family)
        env = {
            name: str(value) for name, value in spawn.env.items()
        }  # marshal refuses a text of a secret's class
        env[COOKIE] = env.get(COOKIE, "") + cookie
        packed = pack_map(request)
        prepare()
        if groups.root is None:
            census.begin(spawn.family)
        group = groups.take()
        message = {
            "request": packed,
            "code": marshal.dumps(code) if code is not None else None,
            "doors": group.doors if group is not None else [],
            "place": {"cwd": spawn.cwd, "env": env},
        }
        raw = marshal.dumps(message)
        for _ in range(3):
            key, zygote = self._zygote(spawn)
            try:
                with _file() as outgoing, _file() as incoming:
                    outgoing.write(raw)
                    outgoing.seek(0)
                    child = _fork(zygote, outgoing.fileno(), incoming.fileno(), group)
                    output = Output(spawn.masker, spawn.sink, spawn.limit)
                    ended = watch(child, cookie, spawn.cancellation, spawn.grace, output)
                    if child.lost and not ended.cut:
                        self._bury(key, zygote, child, cookie, ended)
                    incoming.seek(0)
                    return ended, read_reply(incoming.read(REPLY_BOUND + 1))
            except Lost:
                self._drop(key, zygote)
            finally:
                with self._lock:
                    zygote.active -= 1
        raise StartError(
            "the process that Python stages are forked from does not start with %s; JOBC_ZYGOTE=off does without"
            % spawn.interpreter
        )

    def _zygote(self, spawn: Spawn) -> Tuple[Tuple[Any, ...], _Zygote]:
        env = {
            name: value
            for name, value in spawn.env.items()
            if name in _READ_TOO or name.startswith(_READ_AT_START)
        }
        key = (spawn.interpreter, spawn.cwd, *sorted(env.items()))
        with self._lock:
            if self._owner != os.getpid():
                self._owner, self._zygotes, self._leaving = os.getpid(), {}, []
            zygote = self._zygotes.pop(key, None)
            if zygote is None:
                zygote = _Zygote(spawn.interpreter, env, spawn.cwd)
            self._zygotes[key] = zygote
            zygote.active += 1
            for other in [other for other, each in self._zygotes.items() if not each.active][:-MOST]:
                self._let_go(self._zygotes.pop(other))
            self._leaving = [each for each in self._leaving if not each.gone()]
        return key, zygote

    def _let_go(self, zygote: _Zygote) -> None:
        zygote.close()
        self._leaving.append(zygote)

    def _drop(self, key: Tuple[Any, ...], zygote: _Zygote) -> None:
        """Have no further child of a zygote that has ended."""
        with self._lock:
            if self._zygotes.get(key) is zygote:
                del self._zygotes[key]
                zygote.close()

    def _bury(
        self, key: Tuple[Any, ...], zygote: _Zygote, child: _Forked, cookie: str, ended: Exit
    ) -> NoReturn:
        """A zygote ended while its child ran: end the child too, for how it would end nobody can tell."""
        self._drop(key, zygote)
        kill_tree(child.pid, cookie, child.group)
        if ended.left is not None:
            ended.left.end()
        raise Interrupted(
            "the process that Python stages are forked from was ended (%s), and the stage with it; it may have run out"
            " of memory; run the stage again, or give it a `retry`" % zygote.died_of()
        )

    def close(self) -> None:
        """Let the zygotes go; the next request starts another one."""
        with self._lock:
            for zygote in self._zygotes.values():
                self._let_go(zygote)
            self._zygotes = {}


def _file() -> Any:
    """A file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):
            return open(os.memfd_create("jobc"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _fork(zygote: _Zygote, request: int, reply: int, group: Optional[Group]) -> _Forked:
    """A child of the zygote that is about to serve the request. Raises Lost and StartError."""
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            zygote.fork([out_write, err_write, request, reply, theirs.fileno()])
        finally:
            os.close(out_write)
            os.close(err_write)
            theirs.close()
        ours.settimeout(_PATIENCE)
        message = _message(ours, 0)
        if message is None:
            raise Lost
        ours.settimeout(None)
        kind, value = message
        if kind == numbers.UNBORN:
            raise StartError("a Python stage cannot be started: %s" % os.strerror(value))
    except BaseException:
        for fd in (out_read, err_read):
            os.close(fd)
        ours.close()
        raise
    hold(value)
    return _Forked(value, ours, {out_read: "stdout", err_read: "stderr"}, group)
