"""`jobc compile` as a user calls it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from jobc.cli.invocation import invoke
from jobc.cli.main import COMMANDS
from jobc.ir.codec import loads

GOOD = "a: {stages: [echo: hi]}\nb: {needs: a, stages: [bash: ls]}\n"
BAD = "a: {needs: [x], stages: [echo: hi]}\n"
TWO = "one: {type: Workflow, jobs: {a: {stages: [echo: x]}}}\ntwo: {type: Workflow, jobs: {b: {stages: [echo: x]}}}\n"


class Shell:
    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capfd = capfd

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *words: str) -> tuple[int, str, str]:
        code = invoke(["-C", str(self.folder), "compile", *words], COMMANDS)
        out, err = self._capfd.readouterr()
        return code, out, err


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capfd)


def test_a_program_goes_to_standard_output(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    code, out, err = shell.run("x.job.yml")
    assert (code, err) == (0, "")
    assert [job.id for job in loads(out.encode()).workflows[0].jobs] == ["a", "b"]


def test_standard_input_is_a_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    code, out, _ = shell.run("-", "--stdin-filename", "piped.job.yml")
    assert code == 0
    assert loads(out.encode()).files == ["piped.job.yml"]


def test_output_to_a_file_and_to_a_folder(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    shell.write("y.jobs.yaml", GOOD)
    assert shell.run("x.job.yml", "-o", "x.out")[0] == 0
    assert shell.run("x.job.yml", "y.jobs.yaml", "-o", "made/here/")[0] == 0
    assert sorted(p.name for p in (shell.folder / "made/here").iterdir()) == ["x.jobc.json", "y.jobc.json"]
    assert (shell.folder / "x.out").read_bytes() == (shell.folder / "made/here/x.jobc.json").read_bytes()


def test_several_programs_need_a_folder(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    shell.write("y.job.yml", GOOD)
    code, out, err = shell.run("x.job.yml", "y.job.yml")
    assert (code, out) == (2, "")
    assert "-o DIR" in err
    assert shell.run("x.job.yml", "y.job.yml", "-o", "one.json")[0] == 2


def test_no_output_overwrites_another(shell: Shell) -> None:
    shell.write("one/x.job.yml", GOOD)
    shell.write("two/x.job.yml", GOOD)
    code, _, err = shell.run("one/x.job.yml", "two/x.job.yml", "-o", "made/")
    assert code == 2
    assert "x.jobc.json" in err


def test_errors_are_shown_and_nothing_is_written(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    shell.write("y.job.yml", BAD)
    code, out, err = shell.run("x.job.yml", "y.job.yml", "-o", "made/")
    assert (code, out) == (2, "")
    assert "unknown-need" in err
    assert "y.job.yml" in err
    assert not (shell.folder / "made").exists()


def test_a_suppressed_error_still_cannot_be_compiled(shell: Shell) -> None:
    shell.write(
        "y.job.yml", "# jobc: allow[unsafe-splice]\na:\n  stages:\n    - bash: ${{ env('PROGRAM') }}\n"
    )
    code, _, err = shell.run("y.job.yml")
    assert code == 2
    assert "unsafe-splice" in err


def test_check_says_what_is_stale_or_missing_and_what_to_run(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    assert shell.run("--check", "x.job.yml") == (0, "", "")
    code, _, err = shell.run("--check", "x.job.yml", "-o", "x.jobc.json")
    assert code == 1
    assert "x.jobc.json is missing" in err
    assert "run: jobc compile x.job.yml -o x.jobc.json" in err
    assert shell.run("x.job.yml", "-o", "x.jobc.json")[0] == 0
    assert shell.run("--check", "x.job.yml") == (0, "", "")
    shell.write("x.job.yml", GOOD.replace("hi", "ho"))
    before = (shell.folder / "x.jobc.json").read_bytes()
    code, _, err = shell.run("--check", "x.job.yml")
    assert code == 1
    assert "x.jobc.json is stale" in err
    assert (shell.folder / "x.jobc.json").read_bytes() == before


def test_check_refuses_what_does_not_compile(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    shell.write("y.job.yml", BAD)
    code, _, err = shell.run("--check", "x.job.yml", "y.job.yml")
    assert code == 2
    assert "unknown-need" in err


def test_one_of_several_workflows_is_named_after_the_path(shell: Shell) -> None:
    shell.write("x.job.yml", TWO)
    code, _, err = shell.run("x.job.yml")
    assert code == 2
    assert "x.job.yml#one" in err
    code, out, _ = shell.run("x.job.yml#two")
    assert code == 0
    assert loads(out.encode()).workflows[0].name == "two"
    assert shell.run("--check", "x.job.yml")[0] == 0


def test_dump_and_graph(shell: Shell) -> None:
    shell.write("x.job.yml", GOOD)
    code, out, _ = shell.run("--dump", "x.job.yml")
    assert code == 0
    assert "job 1 b" in out
    assert "needs a (all_success)" in out
    code, out, _ = shell.run("--graph", "json", "x.job.yml")
    assert code == 0
    assert [node["id"] for node in json.loads(out)["nodes"]] == ["a", "b"]
    code, out, _ = shell.run("--graph", "x.job.yml")
    assert code == 0
    assert "digraph" in out
    assert shell.run("--graph", "pgn", "x.job.yml")[0] == 2
    assert shell.run("x.job.yml", "--graph", "mermaid", "-o", ".")[0] == 0
    assert (shell.folder / "x.mmd").exists()
