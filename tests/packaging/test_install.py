"""`pip install .` in an empty virtual environment gives a working `jobc`, grammar and all."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS = "hello:\n  stages:\n    - bash: echo ${{ 1 + 1 }}\n"


def test_the_wheel_holds_the_grammar_and_the_type_marker(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"jobc/grammar/expression.lark", "jobc/py.typed"} <= names


@pytest.mark.services
def test_a_plain_install_runs_a_workflow(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)],
        check=True,
        timeout=600,
    )
    (tmp_path / "hello.jobs.yml").write_text(JOBS)
    for command in ([tmp_path / "venv" / "bin" / "jobc"], [python, "-m", "jobc"]):
        subprocess.run([*command, "lint", "hello.jobs.yml"], cwd=tmp_path, check=True)
        done = subprocess.run(
            [*command, "run", "hello.jobs.yml", "--format", "jsonl"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        assert '"text": "2"' in done.stdout or '"text":"2"' in done.stdout
