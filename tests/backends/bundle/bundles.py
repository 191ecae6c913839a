"""Bundles for tests, and every Python on this machine that may run one."""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from jobc.backends.bundle.build import Bundle, bundle
from jobc.ir.program import Program
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

SOURCE = Path(__file__).parents[3] / "src"
VERSIONS = [(3, 9), (3, 10), (3, 11), (3, 12), (3, 13)]
OLD = [(2, 7), (3, 6), (3, 7), (3, 8)]


@functools.cache
def python(version: tuple[int, int]) -> str | None:
    """A Python of a version on PATH, or one that pyenv keeps."""
    if version == sys.version_info[:2]:
        return sys.executable
    name = "python{}.{}".format(*version)
    found = shutil.which(name)
    candidates = [found] if found is not None else []
    for root in [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]:
        if root:
            candidates += sorted(
                glob.glob(os.path.join(root, "versions", "{}.{}.*".format(*version), "bin", name))
            )
    for candidate in candidates:
        asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True).stdout.strip() == name[6:]:
            return candidate
    return None


def the_python(version: tuple[int, int]) -> str:
    found = python(version)
    if found is None:
        pytest.skip("there is no Python {}.{} on PATH or in pyenv".format(*version))
    return found


def program_of(text: str) -> Program:
    model = analyze(SourceFile("flow.job.yml", text))
    assert not model.diagnostics, [found.message for found in model.diagnostics]
    return lower(model)


def cache() -> Path:
    """Shared by the tests, so that the runtime is compressed once."""
    return Path(os.environ["XDG_CACHE_HOME"]) / "jobc" / "bundle"


def bundle_of(text: str) -> Bundle:
    return bundle(program_of(text), cache=cache())


def write_bundle(text: str, folder: Path) -> Path:
    path = folder / "flow.pyz"
    path.write_bytes(bundle_of(text).data)
    return path


def run(
    interpreter: str, *argv: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a bundle with nothing of jobc in reach."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(cwd), **(env or {})}
    return subprocess.run(
        [interpreter, *map(str, argv)], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120
    )
