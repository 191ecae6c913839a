"""Python scripts in this process, for live objects that cannot leave it.

Standard output and error are shared by all threads, so while any script runs inline a dispatcher stands in their place
and gives what a script's own thread prints to that script's log. A cancellation or timeout raises `Interrupted` in
the script at its next bytecode; a call that never returns to Python cannot be ended. The working folder is the process's.
"""

from __future__ import annotations

import builtins
import ctypes
import sys
import threading
from types import CodeType
from typing import Any, Callable, Dict

from jobc.interpreter import child, wire
from jobc.interpreter.lines import Output
from jobc.interpreter.stages.attempt import Attempt, Cut

#: Parts of a request that a script may change without anybody else seeing it.
OWN = ("vars", "slots", "arguments")

_lock = threading.Lock()
_running = 0
_local = threading.local()


class Interrupted(BaseException):
    """Raised in an inline script that is cancelled."""


class _Dispatcher:
    """A text stream that writes to the running script's log, or to the stream that it replaced."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, original: Any) -> None:
        self.name = name
        self.original = original

    def write(self, text: str) -> int:
        output = getattr(_local, "output", None)
        if output is None:
            written = self.original.write(text)
            return written if isinstance(written, int) else len(text)
        output.feed(self.name, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        if getattr(_local, "output", None) is None:
            self.original.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


def _install() -> None:
    global _running
    with _lock:
        if _running == 0:
            sys.stdout = _Dispatcher("stdout", sys.stdout)  # type: ignore[assignment,unused-ignore]
            sys.stderr = _Dispatcher("stderr", sys.stderr)  # type: ignore[assignment,unused-ignore]
        _running += 1


def _remove() -> None:
    global _running
    with _lock:
        _running -= 1
        if _running == 0:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if isinstance(stream, _Dispatcher):
                    setattr(sys, name, stream.original)


Work = Callable[[Dict[str, Any]], Dict[str, Any]]


def script(code: CodeType) -> Work:
    """The work of running a script."""
    names: Dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    return lambda request: child.execute(request, code, names)


def run_inline(request: Dict[str, Any], work: Work, attempt: Attempt) -> Dict[str, Any]:
    """Do a request's work in this thread; its reply. Raises Cut where the cancellation ended it."""
    output = Output(attempt.state.masker, attempt.emit_line, attempt.output_limit)
    guard = _Guard()
    _install()
    _local.output = output
    attempt.cancellation.listen(guard.interrupt)
    try:
        reply = work({**request, **{key: _copied(request[key]) for key in OWN if key in request}})
        guard.end()
    except Interrupted:
        guard.end()
        raise Cut from None
    finally:
        attempt.cancellation.unlisten(guard.interrupt)
        output.end()
        _local.output = None
        _remove()
    error = reply["error"]
    if error is not None and error["type"] == Interrupted.__name__:
        raise Cut
    reply["params"]["set"] = {key: wire.unpack(value) for key, value in reply["params"]["set"].items()}
    return reply


def _copied(value: Any) -> Any:
    """Plain maps and lists anew, so that a script's changes stay its own; live objects are themselves."""
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) is list:
        return [_copied(item) for item in value]
    return value


class _Guard:
    """Interrupts one thread while its script runs, and never after."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._open = True
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                raise_in(ctypes.c_ulong(self._thread), ctypes.py_object(Interrupted))

    def end(self) -> None:
        with self._lock:
            self._open = False


raise_in: Callable[..., int] = ctypes.pythonapi.PyThreadState_SetAsyncExc
