"""Every workflow of `fixtures/workflows/` is linted, compiled, drawn and really run, as a user would do it.

`expected.json` beside a workflow lists its runs: arguments, exit code, and the JSON of `jobc run` without what
changes from run to run (ids, instants, durations). `pytest --update-golden` rewrites the results; review the diff.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

WORKFLOWS = Path(__file__).parents[2] / "fixtures" / "workflows"
NAMES = sorted(p.name for p in WORKFLOWS.iterdir() if p.is_dir())
VOLATILE = {"run_id", "started_at", "duration_s", "version"}


def main_file(folder: Path) -> Path:
    (found,) = folder.glob("*.job*.yml")
    return found


def jobc(*args: object, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "JOBC_COLOR": "never", "XDG_CACHE_HOME": str(cwd / ".cache"), **environ}
    return subprocess.run(
        [sys.executable, "-m", "jobc", *map(str, args)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def stable(value: Any) -> Any:
    """A result without what changes from run to run."""
    if isinstance(value, dict):
        return {key: stable(part) for key, part in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [stable(part) for part in value]
    return value


@pytest.fixture
def workflow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A fresh copy of the workflow's folder."""
    copy = tmp_path / request.param
    shutil.copytree(WORKFLOWS / request.param, copy)
    return copy


each = pytest.mark.parametrize("workflow", NAMES, indirect=True)


def test_there_are_at_least_twelve_and_all_forms_and_spellings_occur() -> None:
    texts = {name: main_file(WORKFLOWS / name).read_text() for name in NAMES}
    assert len(NAMES) >= 12
    assert sum("$<<" in text for text in texts.values()) * 3 >= len(NAMES)
    assert any("\n---\n" in text for text in texts.values()), "a stream"
    assert any("type: Workflow" in text for text in texts.values()), "a named workflow"
    assert any("\njobs:" in text for text in texts.values()), "a workflow"
    assert any("jobs:" not in text for text in texts.values()), "a jobs file"
    assert any("max_parallel" in text for text in texts.values())
    assert any("max-parallel" in text for text in texts.values())


@each
def test_lint_has_nothing_to_say_that_is_more_than_advice(workflow: Path) -> None:
    done = jobc("lint", "--format", "json", main_file(workflow).name, cwd=workflow)
    found = json.loads(done.stdout)["diagnostics"]
    assert [each for each in found if each["severity"] != "info"] == []
    assert done.returncode == 0, done.stderr


@each
def test_compiling_elsewhere_under_another_hash_seed_gives_the_same_bytes(
    workflow: Path, tmp_path: Path
) -> None:
    name = main_file(workflow).name
    here = jobc("compile", name, cwd=workflow, PYTHONHASHSEED="1")
    assert here.returncode == 0, here.stderr
    elsewhere = tmp_path / "another" / "place"
    shutil.copytree(workflow, elsewhere)
    there = jobc("compile", elsewhere / name, cwd=tmp_path, PYTHONHASHSEED="2")
    assert there.stdout == here.stdout
    assert json.loads(here.stdout)


@each
def test_dump_names_every_job(workflow: Path) -> None:
    name = main_file(workflow).name
    dump = jobc("compile", "--dump", name, cwd=workflow)
    assert dump.returncode == 0, dump.stderr
    graph = json.loads(jobc("compile", "--graph", "json", name, cwd=workflow).stdout)
    assert graph["nodes"]
    for node in graph["nodes"]:
        assert node["id"] in dump.stdout


@each
def test_svg_shows_every_job(workflow: Path) -> None:
    name = main_file(workflow).name
    first = jobc("compile", "--graph", "svg", name, cwd=workflow, PYTHONHASHSEED="1")
    assert first.returncode == 0, first.stderr
    assert jobc("compile", "--graph", "svg", name, cwd=workflow, PYTHONHASHSEED="2").stdout == first.stdout
    root = ElementTree.fromstring(first.stdout)
    shown = {e.attrib["id"] for e in root.iter() if e.attrib.get("id", "").startswith("job-")}
    graph = json.loads(jobc("compile", "--graph", "json", name, cwd=workflow).stdout)
    assert shown == {"job-" + node["id"] for node in graph["nodes"]}


@pytest.mark.parametrize("name", NAMES)
def test_runs_as_expected(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    golden = WORKFLOWS / name / "expected.json"
    runs = json.loads(golden.read_text()) if golden.exists() else [{"args": []}]
    seen = []
    for number, run in enumerate(runs):
        folder = tmp_path / str(number) / name
        shutil.copytree(WORKFLOWS / name, folder)
        done = jobc("run", main_file(folder).name, "--format", "json", *run["args"], cwd=folder)
        assert done.returncode in (0, 1), done.stderr
        seen.append({"args": run["args"], "exit": done.returncode, "result": stable(json.loads(done.stdout))})
    if request.config.getoption("--update-golden"):
        golden.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n")
    assert seen == runs
