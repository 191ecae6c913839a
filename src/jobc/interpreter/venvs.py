"""Virtual environments for the `deps` of Python stages, built once and kept.

One lies at `$XDG_CACHE_HOME/jobc/venvs/<hash>`; the hash is of the sorted requirements, of what lies at the paths
among them, and of the Python that made it. It is a link to a folder beside it: the folder is built under a lock, by one
process for all, and the link is renamed into place last, so what is there is whole, and the scripts in its `bin` have a
place that stays. A build that was killed is swept away by the next one. `uv` is used where it is on PATH, else
`venv` and pip. `rm -r` of the `venvs` folder removes them all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import threading
from collections import deque
from typing import Deque, Dict, Iterator, List, Optional

from jobc.interpreter.api import Cancellation
from jobc.interpreter.lines import LineSink, instant
from jobc.interpreter.masking import Masker
from jobc.interpreter.processes import StartError, run_process

_lock = threading.Lock()
#: Lines of an installer's output that a failure quotes.
_QUOTED = 3
_LONGEST = 600


class VenvProblem(Exception):
    """The packages cannot be installed; the message says which and why."""


class Venvs:
    """Builds environments for one stage: with its process environment, its log, its cancellation."""

    def __init__(
        self,
        env: Dict[str, str],
        cwd: str,
        grace: float,
        cancellation: Cancellation,
        masker: Masker,
        sink: LineSink,
        family: str,
    ) -> None:
        self._env = env
        self._cwd = cwd
        self._grace = grace
        self._cancellation = cancellation
        self._masker = masker
        self._sink = sink
        self._family = family

    def folder(self, deps: List[str]) -> str:
        """The environment that holds `deps`; builds it where there is none yet. Raises VenvProblem."""
        wanted = sorted({dep.strip() for dep in deps if dep.strip()})
        for dep in wanted:
            if dep.startswith("-"):
                raise VenvProblem(
                    "`%s` in `deps` is an option of pip, not a package; write name and version" % dep
                )
        root = os.path.join(cache_folder(self._env), "venvs")
        place = os.path.join(root, _name(wanted, self._cwd))
        if os.path.exists(python_of(place)):
            return place
        try:
            os.makedirs(root, exist_ok=True)
            with _lock, open(place + ".lock", "w") as file:
                if not self._locked(file.fileno()):
                    raise VenvProblem("the wait for another build of the same `deps` was ended")
                if not os.path.exists(python_of(place)):
                    self._build(place, wanted)
        except OSError as error:
            raise VenvProblem(
                "the folder %s cannot be used: %s; set XDG_CACHE_HOME" % (root, error.strerror)
            ) from None
        return place

    def _locked(self, fd: int) -> bool:
        """Wait for the lock, or for the cancellation."""
        try:
            import fcntl
        except ImportError:
            return True
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._cancellation.wait(0.1):
                    return False
            else:
                return True

    def _build(self, place: str, wanted: List[str]) -> None:
        for old in _builds(place):
            shutil.rmtree(old, ignore_errors=True)
        built = "%s.%s" % (place, os.urandom(4).hex())
        python = python_of(built)
        uv = shutil.which("uv", path=self._env.get("PATH"))
        if uv is not None:
            steps = [
                [uv, "venv", "--quiet", "--python", sys.executable, built],
                [uv, "pip", "install", "--quiet", "--python", python, "--", *wanted],
            ]
        else:
            steps = [
                [sys.executable, "-I", "-m", "venv", built],
                [
                    python,
                    "-I",
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--",
                    *wanted,
                ],
            ]
        self._sink("stderr", self._masker.mask("installing %s" % ", ".join(wanted)), instant())
        try:
            for step in steps:
                self._step(step, wanted)
            link = built + ".link"
            os.symlink(os.path.basename(built), link)
            os.replace(link, place)
        except BaseException:
            shutil.rmtree(built, ignore_errors=True)
            raise

    def _step(self, step: List[str], wanted: List[str]) -> None:
        last: Deque[str] = deque(maxlen=_QUOTED)

        def sink(stream: str, text: str, at: float) -> None:
            if text.strip() and not text.startswith(("[notice]", "WARNING:")):
                last.append(text.strip())
            self._sink(stream, text, at)

        try:
            ended = run_process(
                step,
                env=self._env,
                cwd=self._cwd,
                cancellation=self._cancellation,
                grace=self._grace,
                masker=self._masker,
                sink=sink,
                family=self._family,
            )
        except StartError as error:
            raise VenvProblem("the virtual environment cannot be made: %s" % error) from None
        if ended.left is not None:
            ended.left.end()
        if ended.code != 0 or ended.cut:
            why = " / ".join(last)[-_LONGEST:] or "its installer gave no reason"
            raise VenvProblem("`deps` cannot be installed (%s): %s" % (", ".join(wanted), why))


def python_of(place: str) -> str:
    """The interpreter of an environment."""
    return os.path.join(place, "bin", "python")


def entered(env: Dict[str, str], place: str) -> Dict[str, str]:
    """A process environment in which an environment is active: what it installed is on PATH."""
    path = os.pathsep.join(filter(None, [os.path.join(place, "bin"), env.get("PATH")]))
    return {**env, "VIRTUAL_ENV": place, "PATH": path}


def cache_folder(env: Dict[str, str]) -> str:
    home = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(home, "jobc")


def _builds(place: str) -> Iterator[str]:
    """The folders of earlier builds of a place."""
    with contextlib.suppress(OSError):
        for name in os.listdir(os.path.dirname(place)):
            if name.startswith(os.path.basename(place) + ".") and not name.endswith(".lock"):
                yield os.path.join(os.path.dirname(place), name)


def _name(wanted: List[str], cwd: str) -> str:
    digest = hashlib.sha256("\n".join([sys.version, sys.executable, *wanted]).encode("utf-8"))
    for dep in wanted:
        path = _path(dep, cwd)
        if path is not None:
            digest.update(_content(path))
    return digest.hexdigest()[:20]


def _path(dep: str, cwd: str) -> Optional[str]:
    """Where a requirement lies in this file system; None for a package of an index."""
    where = dep.partition(" @ ")[2].strip() or dep
    if where.startswith("file:"):
        where = where[5:]
        where = where[2:] if where.startswith("//") else where
    elif "/" not in where and not where.startswith("."):
        return None
    path = os.path.join(cwd, where.partition("[")[0])
    return path if os.path.exists(path) else None


def _content(path: str) -> bytes:
    """What is installed from a file, or from a folder's sources: names, sizes, instants of the last change."""
    found = [path] if os.path.isfile(path) else list(_sources(path))
    facts: List[str] = []
    for name in found:
        with contextlib.suppress(OSError):
            about = os.stat(name)
            facts.append("%s %d %d" % (name, about.st_size, about.st_mtime_ns))
    return "\n".join(facts).encode("utf-8", "surrogateescape")


def _sources(path: str) -> Iterator[str]:
    """The Python files of a project and what says how it is built, but not what a build or a run has left there."""
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith((".", "__pycache__", "build", "dist")) and not name.endswith(".egg-info")
        )
        for name in sorted(files):
            if name.endswith((".py", ".pyx", ".c")) or name in (
                "pyproject.toml",
                "setup.cfg",
                "requirements.txt",
            ):
                yield os.path.join(folder, name)
