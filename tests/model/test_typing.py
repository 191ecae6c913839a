"""What type checkers see: a user's file under mypy --strict, and the types that the main signatures reveal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import jobc

USER = Path(__file__).parent / "user.txt"


WRONG = [
    "Job(stagez=[])",
    "Strategy(max_parallel=[])",
    "Job(trigger_rule='all')",
    "Job().execute([])",
    "Job().check_needs([])",
    "OnDocker(args=SelfHostedArgs(host='', token=''))",
    "PyStage()",
]


def mypy(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", ".cache", name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What mypy says of the user's file."""
    return mypy(tmp_path_factory.mktemp("user"), "user.py", USER.read_text(encoding="utf-8")).splitlines()


def test_a_file_that_uses_the_whole_api_has_no_errors(checked: list[str]) -> None:
    assert [line for line in checked if " error: " in line] == []


def test_the_file_uses_every_public_name() -> None:
    text = USER.read_text(encoding="utf-8")
    unused = [name for name in jobc.__all__ if not re.search(rf"\b{name}\b", text.split("\n)\n", 1)[1])]
    assert unused == ["__version__"]


def test_what_is_revealed_is_what_is_written(checked: list[str]) -> None:
    written = {
        number: line.split("# → ")[1]
        for number, line in enumerate(USER.read_text(encoding="utf-8").splitlines(), 1)
        if "# → " in line and "reveal_type" in line
    }
    revealed = {
        int(found[1]): found[2]
        for line in checked
        if (found := re.match(r'user\.py:(\d+): note: Revealed type is "(.*)"', line))
    }
    assert len(written) > 25
    assert {number: re.sub(r"builtins\.", "", type) for number, type in revealed.items()} == written


@pytest.fixture(scope="module")
def wrong_lines(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Those of `WRONG` in which mypy sees an error."""
    folder = tmp_path_factory.mktemp("wrong")
    text = "from jobc import *\n" + "\n".join(WRONG) + "\n"
    found = re.finditer(r"wrong\.py:(\d+): error", mypy(folder, "wrong.py", text))
    return {WRONG[int(each[1]) - 2] for each in found}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_uses_are_seen(line: str, wrong_lines: set[str]) -> None:
    assert line in wrong_lines
