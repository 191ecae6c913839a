"""`jobc cache`, `jobc runs artifacts`, and what `jobc run` says of both, as a user types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """\
name: etl
params: {day: {type: str, default: mon}}
jobs:
  build:
    strategy: {matrix: {n: [1, 2]}}
    cache: {key: "${{ params.day }}", outputs: ["out/${{ matrix.n }}"]}
    artifacts: {out: {parts: "out/${{ matrix.n }}"}}
    stages: [{bash: "mkdir -p out; echo ${{ matrix.n }} > out/${{ matrix.n }}"}]
  merge:
    needs: build
    artifacts: {in: {parts: all}, out: {parts: merged}}
    stages: [{bash: cat all/* > merged}]
"""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def jobc(self, *words: str, code: int = 0, **environ: str) -> str:
        env = {name: value for name, value in os.environ.items() if not name.startswith("JOBC_")}
        done = subprocess.run(
            [sys.executable, "-m", "jobc", *words],
            cwd=self.path,
            env={**env, "NO_COLOR": "1", **environ},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def run(self, *words: str) -> str:
        return self.jobc("run", "flow.job.yml", "--format", "plain", *words)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "flow.job.yml").write_text(FLOW)
    return Folder(tmp_path)


def test_a_run_says_hit_or_why_not_for_each_combination(folder: Folder) -> None:
    first = folder.run("--run-id", "one")
    assert "build[n=1]: cache miss: no entry yet" in first
    second = folder.run("--run-id", "two")
    assert "build[n=1]: cached from run one" in second
    assert "build[n=2]: cached from run one" in second
    assert re.search("build: succeeded.*: cached from run one", second)
    assert "build[n=2]: cache miss: key changed from mon to tue" in folder.run("-p", "day=tue")
    assert "cache" not in folder.run("--no-cache")
    assert "build[n=1]: cache miss: not looked up (--refresh)" in folder.run("--refresh")


def test_the_result_and_the_history_know_hits_and_artifacts(folder: Folder) -> None:
    folder.run("--run-id", "one")
    result = json.loads(folder.jobc("run", "flow.job.yml", "--run-id", "two", "--format", "json"))
    first = result["jobs"]["build"]["combinations"][0]
    assert first["cache"] == {"hit": True, "reason": "cached from run one", "from_run": "one"}
    assert first["artifacts"] == [{"name": "parts", "files": 1, "size": 2}]
    shown = folder.jobc("runs", "show", "two")
    assert "artifact parts: out/1, 2 B" in shown
    assert "cached from run one" in shown
    assert "cache miss: no entry yet" in folder.jobc("runs", "show", "one")


def test_artifacts_are_listed_and_copied_out(folder: Folder) -> None:
    folder.run("--run-id", "one")
    listed = folder.jobc("runs", "artifacts", "one")
    assert "build[n=1] parts: out/1, 2 B" in listed
    assert "merge parts: merged, 4 B" in listed
    rows = json.loads(folder.jobc("runs", "artifacts", "one", "--job", "merge", "--format", "json"))
    assert [(row["job"], row["name"], row["files"][0]["path"]) for row in rows] == [
        ("merge", "parts", "merged")
    ]
    assert folder.jobc("runs", "artifacts", "one", "-o", "got") == "3 files written to got\n"
    found = sorted(
        str(path.relative_to(folder.path)) for path in (folder.path / "got").rglob("*") if path.is_file()
    )
    assert found == ["got/parts/build/n=1/1", "got/parts/build/n=2/2", "got/parts/merge/merged"]
    assert (
        folder.jobc("runs", "artifacts", "last", "--job", "merge", "-o", "one") == "a file written to one\n"
    )
    assert (folder.path / "one/parts/merged").read_text() == "1\n2\n"
    wrong = folder.jobc("runs", "artifacts", "one", "--name", "prts", "-o", "x", code=2)
    assert "published no such artifact; there are: build/parts, merge/parts" in wrong


def test_artifacts_outlive_the_cache_and_not_the_store(folder: Folder) -> None:
    folder.run("--run-id", "one")
    folder.jobc("cache", "prune", "--all")
    folder.jobc("runs", "artifacts", "one", "-o", "got")
    for path in (folder.path / ".jobc/store/objects").rglob("*"):
        if path.is_file():
            path.unlink()
    gone = folder.jobc("runs", "artifacts", "one", "-o", "again", code=2)
    assert "out/1 is not in the store any more" in gone.replace("artifact `parts` of `build`: 1", "out/1")


def test_the_cache_is_listed_checked_and_pruned(folder: Folder) -> None:
    assert folder.jobc("cache", "list") == "the cache is empty; a job with `cache:` fills it\n"
    assert folder.jobc("cache", "prune") == "the cache is empty\n"
    folder.run("--run-id", "one")
    listed = folder.jobc("cache", "list")
    assert "build[n=1]" in listed
    assert "2 entries, 4 B of 10 GB" in listed
    assert folder.jobc("cache", "verify") == "2 files read, all sound\n"
    entries = json.loads(folder.jobc("cache", "list", "--format", "json"))
    assert {entry["run"] for entry in entries} == {"one"}
    assert sorted(entry["files"][0] for entry in entries) == ["out/1", "out/2"]
    store = Path(folder.jobc("cache", "dir").strip())
    assert store == folder.path / ".jobc/store"
    blob = next(
        path for path in (store / "objects").rglob("*") if path.is_file() and path.read_text() == "1\n"
    )
    blob.chmod(0o644)
    blob.write_text("x\n")
    checked = folder.jobc("cache", "verify", code=1)
    assert "build[n=1]" in checked
    assert "out/1 is damaged or gone" in checked
    assert "1 entry removed" in checked
    assert "1 entry removed" in folder.jobc("cache", "prune", "--job", "build")
    assert folder.jobc("cache", "list").startswith("the cache is empty")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cache", "prune", "--max-size", "many"], "--max-size cannot be `many`"),
        (["cache", "prune", "--older-than", "soon"], "--older-than: "),
        (["cache", "prune", "--all", "--job", "x"], "--all leaves nothing to choose"),
        (["run", "flow.job.yml", "--no-cache", "--refresh"], "--no-cache and --refresh exclude each other"),
        (["runs", "artifacts", "none"], "there is no run `none`"),
    ],
)
def test_mistakes_are_said_in_one_line(folder: Folder, words: list[str], said: str) -> None:
    assert said in folder.jobc(*words, code=2)


def test_the_bound_is_a_setting(folder: Folder) -> None:
    (folder.path / "jobc.toml").write_text('[cache]\nmax-size = "1.5K"\n')
    folder.run()
    assert "of 1.5 KB" in folder.jobc("cache", "list")
    assert "of 2.0 MB" in folder.jobc("cache", "list", JOBC_CACHE_MAX_SIZE="2M")
    (folder.path / "jobc.toml").write_text('[cache]\nmax-size = "big"\n')
    assert "`cache.max-size` is 'big'" in folder.jobc("cache", "list", code=2)


def test_what_no_job_publishes_stops_the_run_before_it_starts(folder: Folder) -> None:
    (folder.path / "flow.job.yml").write_text(FLOW.replace("in: {parts: all}", "in: {prts: all}"))
    said = folder.jobc("run", "flow.job.yml", code=2)
    assert "missing-producer" in said
    assert "did you mean `parts`?" in said
