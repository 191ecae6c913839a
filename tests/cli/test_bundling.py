"""`jobc compile --bundle`: files for machines without jobc."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobc.cli.main import main

FLOW = """\
params: {name: {type: str, default: world}}
secrets: [TOKEN]
env: {AUTH: "Bearer ${{ secrets.TOKEN }}"}
jobs:
  greet:
    strategy: {matrix: {x: [1, 2]}}
    outputs: {n: "${{ stages.a.outputs.n }}"}
    stages:
      - id: a
        bash: |
          echo "hello ${{ params.name }} ${{ matrix.x }} $AUTH"
          echo n=3 >> "$JOBC_OUTPUT"
          env | grep -c JOBC_SECRET || :
      - echo: "n is ${{ stages.a.outputs.n }}"
  use:
    needs: greet
    stages: [{echo: "greet was ${{ needs.greet.result }}"}]
  up:
    env: {LOUD: "${{ upper(secrets.TOKEN) }}"}
    stages: [{echo: hi}]
  python:
    stages: [{run: "print(1)"}]
  again:
    retry: 2
    stages: [{bash: "true"}]
  never:
    condition: "${{ params.name == 'nobody' }}"
    stages: [{bash: "true"}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "flow.job.yml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_bundle_runs_and_is_the_same_again(folder: Path) -> None:
    assert main(["compile", "flow.job.yml", "--bundle", "flow.pyz"]) == 0
    first = (folder / "flow.pyz").read_bytes()
    assert os.access(folder / "flow.pyz", os.X_OK)
    os.unlink(folder / "flow.pyz")
    assert main(["compile", "--bundle", "flow.pyz", "flow.job.yml"]) == 0
    assert (folder / "flow.pyz").read_bytes() == first
    done = subprocess.run(
        [sys.executable, "flow.pyz", "--job", "greet", "-p", "name=you", "--format", "json"],
        env={"PATH": os.environ["PATH"], "JOBC_SECRET_TOKEN": "sesame-xyz"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["jobs"]["greet"]["outputs"] == {"n": ["3", "3"]}


def test_check_says_when_a_bundle_is_stale(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["compile", "flow.job.yml", "--bundle", "flow.pyz", "--check"]
    assert main(command) == 1
    assert capsys.readouterr().err == (
        "flow.pyz is missing\n  run: jobc compile flow.job.yml --bundle flow.pyz\n"
    )
    main(command[:-1])
    assert main(command) == 0
    (folder / "flow.job.yml").write_text(FLOW.replace("hello", "bye"))
    assert main(command) == 1
    assert "flow.pyz is stale" in capsys.readouterr().err


@pytest.mark.parametrize("shell", [["dash"], ["busybox", "ash"], ["bash", "--posix"]])
def test_one_job_becomes_one_script(folder: Path, shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]} here")
    argv = ["compile", "flow.job.yml", "--job", "greet", "--index", "1", "-p", 'name=it\'s "you"']
    assert main([*argv, "--bundle", "greet.sh"]) == 0
    script = (folder / "greet.sh").read_bytes()
    assert main([*argv, "--bundle", "greet.sh"]) == 0
    assert (folder / "greet.sh").read_bytes() == script
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    missing = subprocess.run([*shell, "greet.sh"], env=env, capture_output=True, text=True)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == "error: no value for the secret TOKEN\nhelp: set JOBC_SECRET_TOKEN\n"
    env["JOBC_SECRET_TOKEN"] = "sesame 'xyz'"
    done = subprocess.run([*shell, "greet.sh"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "hello it's \"you\" 2 Bearer sesame 'xyz'\n0\nn is 3\n"
    assert "jobc: stage a: success" in done.stderr


def test_a_script_of_a_job_with_needs_knows_their_results(folder: Path) -> None:
    (folder / "made.json").write_text('{"greet": {"status": "success"}}')
    assert main(["compile", "flow.job.yml", "--bundle", "-", "--job", "use"]) == 2
    argv = ["compile", "flow.job.yml", "--bundle", "use.sh", "--job", "use", "--needs", "made.json"]
    assert main(argv) == 0
    env = {"PATH": os.environ["PATH"], "JOBC_SECRET_TOKEN": "x"}
    done = subprocess.run(["sh", "use.sh"], env=env, capture_output=True, text=True)
    assert done.stdout == "greet was success\n"


@pytest.mark.parametrize(
    ("argv", "message", "remedy"),
    [
        (["flow.sh"], "a script is of one job, and `flow` has 6", "--job greet|use|up|python|again|never"),
        (["flow.sh", "--job", "gret"], "there is no job `gret`", "did you mean `greet`?"),
        (["flow.sh", "--job", "greet"], "has 2 combinations", "--index K, from 0 to 1"),
        (["flow.sh", "--job", "greet", "--index", "2"], "has no combination 2: it has 2", ""),
        (["flow.sh", "--job", "use"], "job `use` needs `greet`", "--needs FILE"),
        (["flow.sh", "--job", "up"], "flow.job.yml:19: `upper(secrets.TOKEN)`", "FILE.pyz"),
        (["flow.sh", "--job", "python"], "flow.job.yml:22: a `python` stage needs Python", "FILE.pyz"),
        (["flow.sh", "--job", "again"], "`retry` of job `again` is the engine's work", "on its stages"),
        (["flow.sh", "--job", "never"], "job `never` does not run so: condition", "parameters"),
        (["flow.pyz", "--job", "use"], "--job goes with `--bundle FILE.sh`", "when it runs"),
        (["flow.pyz", "-p", "name=x"], "-p goes with `--bundle FILE.sh`", "when it runs"),
        (["flow.zip"], "`--bundle` cannot write `flow.zip`", "FILE.pyz"),
        (["flow.pyz", "-o", "x"], "`-o` does not go with `--bundle`", "`--bundle FILE`"),
        (["flow.pyz", "--dump"], "not allowed with", "--help"),
    ],
)
def test_wrong_use_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str, remedy: str
) -> None:
    assert main(["compile", "flow.job.yml", "--bundle", *argv]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert remedy in said
    assert sorted(path.name for path in folder.iterdir()) == ["flow.job.yml"]


def test_the_name_of_the_bundle_comes_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--bundle", "flow.job.yml"]) == 2
    assert "would write over a jobs file" in capsys.readouterr().err
    (folder / "other.job.yml").write_text(FLOW)
    assert main(["compile", "--bundle", "flow.pyz"]) == 2
    assert "a bundle is of one file, not of 2" in capsys.readouterr().err
    assert (folder / "flow.job.yml").read_text() == FLOW


def test_a_file_with_errors_is_not_bundled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "flow.job.yml").write_text("job:\n  stages: [{echo: '${{ params.x }}', bash: ls}]\n")
    assert main(["compile", "flow.job.yml", "--bundle", "flow.pyz"]) == 2
    assert not (folder / "flow.pyz").exists()
