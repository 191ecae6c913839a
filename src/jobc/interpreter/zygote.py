"""The process that Python stages are forked from: warm, with one thread, and without a secret.

It is started with the first Python stage of an interpreter (`forking`), imports what stages are likely to need while
it has nothing else to do (from its second request on), and forks a child for each request. A request is one message of one byte with five descriptors:
the child's standard output, its standard error, the request, the reply (both files, as in `child`), and a
socket on which the child tells its process number before it does anything of the stage, and the zygote how it ended:
two numbers `kind, value` of four bytes each.

What a stage does stays in its child: modules, working folder, umask, environment, threads. The child replaces its
environment by the stage's, closes what is not its own, and forgets modules that a file in the working folder
would hide from a fresh interpreter. `random` and hash seeds of the child: the module reseeds itself after a fork; the
seed of hashes is the zygote's. When the other end of its socket closes, the zygote kills what it started and ends.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

#: Kinds of numbers on a child's socket.
PID, ENDED, UNBORN = 1, 2, 3

#: What stages import most; each is imported when there is nothing else to do.
_WARM = (
    "jobc.interpreter.child_errors",
    "jobc.interpreter.function_call",
    "json",
    "re",
    "datetime",
    "decimal",
    "logging",
    "random",
    "pathlib",
    "subprocess",
    "tempfile",
    "csv",
    "shutil",
    "hashlib",
)
#: Requests after which it is likely that more will come: a run with one Python stage is not worth the warmth.
_ENOUGH = 2


def main(control_fd: int) -> None:
    """Serve until the other end closes. Returns only in a child, when its stage has been run."""

    own = set(sys.modules)
    import gc
    import select
    import socket

    control = socket.socket(fileno=control_fd)
    wake_read, wake_write = os.pipe()
    for fd in (wake_read, wake_write):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, _nothing)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(wake_read, select.POLLIN)
    warm = [name for name in _WARM if name not in sys.modules]
    children: Dict[int, int] = {}
    served = 0
    while True:
        ready = [fd for fd, _ in poller.poll(0 if warm and served >= _ENOUGH else None)]
        if not ready:
            _warm(warm.pop(0))
            if not warm:
                gc.collect()
                gc.freeze()
            continue
        if wake_read in ready:
            _drain(wake_read)
            _reap(children)
        if control_fd in ready:
            message, fds = _receive(control)
            if not message:
                _end(children)
            served += 1
            mine = [control_fd, wake_read, wake_write, *children.values()]
            status = fds[4]
            try:
                pid = os.fork()
            except OSError as error:
                _tell(status, UNBORN, error.errno or 0)
                pid = -1
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.detach()
                for fd in mine:
                    os.close(fd)
                _become(fds, own)
                return
            for fd in fds[:4]:
                os.close(fd)
            if pid > 0:
                children[pid] = status
            else:
                os.close(status)


def _nothing(*_: Any) -> None:
    """A handler, for without one the signal would wake nobody."""


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass


def _warm(name: str) -> None:
    try:
        __import__(name)
    except Exception:  # noqa: BLE001 (what cannot be imported here is the stage's business)
        return


def _receive(control: Any) -> Any:
    import array
    import socket

    size = array.array("i").itemsize
    message, ancillary, _, _ = control.recvmsg(16, socket.CMSG_LEN(5 * size))
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % size])
    for fd in fds:
        os.set_inheritable(fd, False)
    return message, list(fds)


def _tell(fd: int, kind: int, value: int) -> None:
    try:
        os.write(fd, kind.to_bytes(4, "little") + value.to_bytes(4, "little", signed=True))
    except OSError:
        return


def _reap(children: Dict[int, int]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        fd = children.pop(pid, None)
        if fd is not None:
            _tell(fd, ENDED, os.waitstatus_to_exitcode(status))
            os.close(fd)


def _end(children: Dict[int, int]) -> None:
    """The process that this one serves is gone, or needs it no longer."""
    if children:
        from jobc.interpreter.process_tree import kill_all, kill_pids, members

        roots = set(children)

        def once() -> List[int]:
            found = members("", roots)
            kill_pids(found, signal.SIGKILL)
            return found

        kill_all(once)
    os._exit(0)


def _become(fds: List[int], own: Any) -> None:
    """The child: run the stage, and end this process as an interpreter would."""
    out, err, request, reply, status = fds
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    _tell(status, PID, os.getpid())
    os.close(status)
    from jobc.interpreter import child

    child.main(request, reply, own)
