"""Virtual environments for the `deps` of Python stages, built once and kept.

One lies at `$XDG_CACHE_HOME/jobc/venvs/<hash>`; the hash is of the sorted requirements and the Python that made it. It is
built in a folder beside its place, under a lock, and a marker file is written last, so a build that was killed is
built again. `uv` is used where it is on PATH, else `venv` and pip.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from typing import Dict, List

from jobc.interpreter.api import Cancellation
from jobc.interpreter.masking import Masker
from jobc.interpreter.processes import LineSink, StartError, run_process

_MARK = "jobc-ready"
_lock = threading.Lock()


class VenvProblem(Exception):
    """The packages cannot be installed; the message says which and where the reason stands."""


def environment(
    deps: List[str],
    env: Dict[str, str],
    grace: float,
    cancellation: Cancellation,
    masker: Masker,
    sink: LineSink,
) -> str:
    """The interpreter of an environment that holds `deps`; builds it where there is none yet."""
    wanted = sorted({dep.strip() for dep in deps if dep.strip()})
    for dep in wanted:
        if dep.startswith("-"):
            raise VenvProblem(
                "`%s` in `deps` is an option of pip, not a package; write name and version" % dep
            )
    named = "\n".join([sys.version, sys.executable, *wanted])
    root = os.path.join(_cache_folder(env), "venvs")
    place = os.path.join(root, hashlib.sha256(named.encode("utf-8")).hexdigest()[:20])
    python = os.path.join(place, "bin", "python")
    if os.path.exists(os.path.join(place, _MARK)):
        return python
    try:
        os.makedirs(root, exist_ok=True)
        with _lock, open(place + ".lock", "w") as file:
            _lock_file(file.fileno())
            if not os.path.exists(os.path.join(place, _MARK)):
                _build(place, python, wanted, env, grace, cancellation, masker, sink)
    except OSError as error:
        raise VenvProblem(
            "the folder %s cannot be used: %s; set XDG_CACHE_HOME" % (root, error.strerror)
        ) from None
    return python


def _cache_folder(env: Dict[str, str]) -> str:
    home = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(home, "jobc")


def _lock_file(fd: int) -> None:
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(fd, fcntl.LOCK_EX)


def _build(
    place: str,
    python: str,
    wanted: List[str],
    env: Dict[str, str],
    grace: float,
    cancellation: Cancellation,
    masker: Masker,
    sink: LineSink,
) -> None:
    shutil.rmtree(place, ignore_errors=True)
    uv = shutil.which("uv", path=env.get("PATH"))
    if uv is not None:
        steps = [
            [uv, "venv", "--quiet", "--python", sys.executable, place],
            [uv, "pip", "install", "--quiet", "--python", python, "--", *wanted],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", place],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--", *wanted],
        ]
    sink("stderr", masker.mask("installing %s" % ", ".join(wanted)))
    for step in steps:
        try:
            ended = run_process(
                step,
                env=env,
                cwd=os.path.dirname(place),
                cancellation=cancellation,
                grace=grace,
                masker=masker,
                sink=sink,
            )
        except StartError as error:
            raise VenvProblem("the virtual environment cannot be made: %s" % error) from None
        if ended.code != 0 or ended.cut:
            shutil.rmtree(place, ignore_errors=True)
            raise VenvProblem("`deps` cannot be installed (%s); the log above says why" % ", ".join(wanted))
    with open(os.path.join(place, _MARK), "w") as file:
        file.write("\n".join(wanted) + "\n")
