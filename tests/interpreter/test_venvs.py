"""Environments for `deps` are built once, whole or not at all, and anew where what they hold changed."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.interpreter.alone import start


@pytest.fixture
def installer(tmp_path: Path) -> dict[str, str]:
    """A stand-in for uv that counts its builds; an environment for it."""
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text(
        "#!/bin/sh\nset -e\n"
        f'if [ "$1" = venv ]; then shift 4; {sys.executable} -m venv --without-pip "$1"; exit; fi\n'
        'python=$5; shift 6; echo "$@" >> "$BUILDS"; sleep 0.2\n'
        "d=$(dirname $(dirname $python)); echo X = 1 > $(echo $d/lib/python*/site-packages)/thing.py\n"
    )
    uv.chmod(0o755)
    return {
        "PATH": "{}:{}".format(tmp_path / "bin", os.environ["PATH"]),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "BUILDS": str(tmp_path / "builds"),
    }


def wheel(place: Path) -> Path:
    """A package with a module and a command, ready to install."""
    path = place / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing.py", "def main():\n    print('the thing itself')\n")
        info = "thing-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\nthing = thing:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_pip_installs_a_package_and_its_command(build: Any, run: Any, tmp_path: Path) -> None:
    wheel(tmp_path)
    path = os.pathsep.join(
        folder for folder in os.environ["PATH"].split(os.pathsep) if not shutil.which("uv", path=folder)
    )
    environ = {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PIP_NO_INDEX": "1"}
    script = (
        "import subprocess, thing\nsaid = subprocess.run(['thing'], capture_output=True, text=True).stdout"
    )
    program = build.job(build.python(script, deps=["./thing-1.0-py3-none-any.whl"]))
    assert run(program, environ=environ).outputs["said"] == "the thing itself\n"
    missing = run(build.job(build.python("x = 1", deps=["nosuchpackage"])), environ=environ)
    assert missing.error.type == "deps"
    assert missing.error.message.startswith("`deps` cannot be installed (nosuchpackage): ")
    assert "No matching distribution found for nosuchpackage" in missing.error.message
    assert len(list((tmp_path / "cache" / "jobc" / "venvs").glob("*.*[!k]"))) == 1


def test_two_processes_build_once(build: Any, tmp_path: Path, installer: dict[str, str]) -> None:
    program = build.job(build.python("import thing\nx = thing.X", deps=["thing"]))
    engines = [start(program, tmp_path, **installer) for _ in range(2)]
    for engine in engines:
        said, _ = engine.communicate(timeout=120)
        assert '"status": "success"' in said.splitlines()[-1]
    assert Path(installer["BUILDS"]).read_text() == "thing\n"


def test_what_lies_at_a_path_is_installed_anew_when_it_changes(
    build: Any, run: Any, installer: dict[str, str]
) -> None:
    project = Path(run.workdir, "lib")
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\nname = 'lib'\n")
    program = build.job(build.python("import thing", deps=["./lib"]))
    for text in ("one = 1", "one = 1", "one = 11"):
        if not (project / "lib.py").exists() or (project / "lib.py").read_text() != text:
            (project / "lib.py").write_text(text)
        (project / "lib.egg-info").mkdir(exist_ok=True)
        (project / "lib.egg-info" / "left.py").write_text(str(os.urandom(3)))
        assert run(program, environ=installer).status == "success"
    assert Path(installer["BUILDS"]).read_text() == "./lib\n./lib\n"


def test_a_build_that_was_killed_leaves_nothing_behind(
    build: Any, run: Any, tmp_path: Path, installer: dict[str, str]
) -> None:
    program = build.job(build.python("import thing\nx = thing.X", deps=["thing"]))
    run(program, environ=installer)
    venvs = tmp_path / "cache" / "jobc" / "venvs"
    (link,) = [path for path in venvs.iterdir() if path.is_symlink()]
    built = link.resolve()
    link.unlink()
    built.rename(f"{link}.0dead")
    assert run(program, environ=installer).outputs == {"x": 1}
    assert {path.name for path in venvs.iterdir()} == {link.name, f"{link.name}.lock", link.resolve().name}
    assert link.resolve().name != f"{link.name}.0dead"


def test_a_cancelled_wait_for_another_build_ends(
    build: Any, run: Any, tmp_path: Path, installer: dict[str, str]
) -> None:
    import fcntl

    program = build.job(build.python("import thing\nx = thing.X", deps=["thing"]))
    run(program, environ=installer)
    venvs = tmp_path / "cache" / "jobc" / "venvs"
    (link,) = [path for path in venvs.iterdir() if path.is_symlink()]
    link.unlink()
    with open(f"{link}.lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        stage = build.python("x = 1", deps=["thing"], timeout=0.5)
        assert run(build.job(stage), environ=installer).error.type == "timeout"
