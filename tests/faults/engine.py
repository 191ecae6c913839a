"""An engine in a process of its own that can be told when to die.

The process is forked from this one, which has imported everything and has one thread: an engine begins within
milliseconds, and dies by a real SIGKILL. Where it dies is said by a `Death`: it is put around the journal's commits from outside,
the program knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


class Death:
    """At the commit with this number, counted from 1: before it, after it, or so many seconds after it."""

    def __init__(self, commit: int, *, before: bool = False, delay: float | None = None) -> None:
        self.commit = commit
        self.before = before
        self.delay = delay

    def __repr__(self) -> str:
        when = (
            "before"
            if self.before
            else "after"
            if self.delay is None
            else f"{self.delay * 1000:.1f} ms after"
        )
        return f"{when} commit {self.commit}"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def _die_later(seconds: float) -> None:
    time.sleep(seconds)
    _die()


def _arm(death: Death) -> None:
    from jobc.engine.journal.journal import Journal

    lock = threading.Lock()
    count = 0

    def around(method: Any) -> Any:
        def wrapped(journal: Journal, *arguments: Any) -> Any:
            nonlocal count
            with lock:
                count += 1
                own = count
            if own == death.commit and death.before:
                _die()
            result = method(journal, *arguments)
            if own == death.commit and not death.before:
                if death.delay is None:
                    _die()
                threading.Thread(target=_die_later, args=(death.delay,), daemon=True).start()
            return result

        return wrapped

    Journal._write = around(Journal._write)  # type: ignore[method-assign]


def run(words: list[str], folder: Path, incarnation: int, death: Death | None = None) -> int | None:
    """Run `jobc WORDS` in a folder to its end; its exit code, None where it was killed."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            _engine(words, folder, incarnation, death)
        finally:
            os._exit(99)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return None
    return os.waitstatus_to_exitcode(status)


def _engine(words: list[str], folder: Path, incarnation: int, death: Death | None) -> None:
    import tempfile

    os.setpgid(0, 0)
    os.chdir(folder)
    out = os.open(folder / f"engine-{incarnation}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["INCARNATION"] = str(incarnation)
    os.environ["JOBC_MAX_INTERRUPTIONS"] = "1000"
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "tmp")
    if death is not None:
        _arm(death)
    from jobc.cli.main import entry

    sys.argv = ["jobc", *words]
    try:
        entry()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


def warm_up() -> None:
    """Import what an engine needs, so that those forked from here have it."""
    import importlib

    for name in [
        "cli.main",
        "cli.commands.run",
        "cli.compiler",
        "cli.resuming",
        "cli.run_inputs",
        "cli.progress.plain",
        "cli.progress.live",
        "sema.analyze",
        "check.runner",
        "lower.program",
        "engine.run",
        "engine.resuming.resume",
        "engine.signals",
        "backends.local",
        "interpreter.run",
        "interpreter.inline",
        "ir.matrix",
        "ir.codec",
    ]:
        importlib.import_module(f"jobc.{name}")
