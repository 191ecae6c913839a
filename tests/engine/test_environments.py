"""Where a combination runs is the combination's own: room, notifications, files and all that follows from it."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from engine_programs import Scripted, success

from jobc.backends import registry
from jobc.backends.api import Capabilities
from jobc.conformance.bench import ENVIRON, compiled
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.placing import place
from jobc.engine.result import RunResult
from jobc.engine.resuming.resume import resume
from jobc.engine.run import check_params, execute
from jobc.engine.storage.store import path_in as store_in
from jobc.errors import UsageError

SERVICES = str(Path(__file__).parents[1] / "services")


class Elsewhere(Scripted):
    """Says which task it was given."""

    capabilities = Capabilities(notifies=True, max_tasks=1)
    made: list[Elsewhere] = []

    def __init__(self) -> None:
        super().__init__(lambda task: success(task, by="third", image=task.arguments.get("image")))
        self.made.append(self)


@pytest.fixture(autouse=True)
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """`local`, and `process` and `third`, which packages bring."""
    monkeypatch.syspath_prepend(SERVICES)
    monkeypatch.setitem(sys.modules, "third_package", type(sys)("third_package"))
    sys.modules["third_package"].Backend = Elsewhere  # type: ignore[attr-defined]
    added = {"third": "third_package:Backend", "process": "process_backend:ProcessBackend"}
    points = [EntryPoint(name, value, registry.GROUP) for name, value in added.items()]
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda **chosen: points if chosen["group"] == registry.GROUP else [],
    )
    Elsewhere.made = []


MIXED = """
params: {folder: str, where: {type: str, default: third}}
jobs:
  seed:
    artifacts: {out: seed.txt}
    stages: [{bash: 'echo "from here" > seed.txt'}]
  build:
    needs: [seed]
    strategy: {matrix: {where: [local, process, third]}, max-parallel: 4}
    runs-on: {type: "${{ matrix.where }}", image: "img:${{ matrix.where }}", folder: "${{ params.folder }}"}
    artifacts: {in: {seed: "in-${{ matrix.where }}"}, out: {built: {paths: "out-${{ matrix.where }}/**", if-missing: ignore}}}
    stages:
      - bash: |
          mkdir -p out-${{ matrix.where }}; cp in-${{ matrix.where }}/seed.txt out-${{ matrix.where }}/
          echo "by=$(cat out-${{ matrix.where }}/seed.txt) ${{ matrix.where }}" >> "$JOBC_OUTPUT"
  last:
    needs: [build]
    runs-on: "${{ params.where }}"
    stages: [{echo: "${{ needs.build.outputs.by }}"}]
"""


def run(tmp_path: Path, text: str, params: dict[str, Any] | None = None, **options: Any) -> RunResult:
    program = compiled(text)
    if "runs_on" in options:
        place(program, options["runs_on"])
    journal = Journal.create(path_in(str(tmp_path / "state")))
    (tmp_path / "here").mkdir(exist_ok=True)
    try:
        chosen = Options(
            **{
                "journal": journal,
                "store": store_in(str(tmp_path / "state")),
                "workdir": str(tmp_path / "here"),
                "environ": dict(ENVIRON),
                "max_parallel": 4,
                **options,
            }
        )
        return execute(program, check_params(program.workflows[0], params or {}), chosen)
    finally:
        journal.close()


def test_one_graph_runs_in_three_environments(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    result = run(tmp_path, MIXED, {"folder": str(folder)})
    assert result.status == "success", result.to_json()
    build = result.jobs["build"]
    assert build.outputs["by"] == ["from here local", "from here process", "third"]
    assert [each.matrix["where"] for each in build.combinations] == ["local", "process", "third"]
    assert build.combinations[2].outputs["image"] == "img:third"
    (third,) = Elsewhere.made
    assert sorted(third.submitted) == ["build[2]", "last"]
    assert list(folder.iterdir()) == []
    assert (tmp_path / "here" / "out-local" / "seed.txt").exists()
    assert not (tmp_path / "here" / "out-process").exists(), "it ran elsewhere"


def test_all_run_where_the_run_says(tmp_path: Path) -> None:
    result = run(tmp_path, MIXED, {"folder": "-"}, runs_on="local")
    assert result.status == "success"
    assert result.jobs["build"].outputs["by"] == [f"from here {x}" for x in ("local", "process", "third")]
    assert Elsewhere.made == []


def test_a_resumed_run_stays_where_it_was_placed(tmp_path: Path) -> None:
    text = """
    jobs:
      a:
        strategy: {matrix: {where: [third]}}
        runs-on: "${{ matrix.where }}"
        stages: [{bash: 'test -e go'}]
    """
    first = run(tmp_path, text, runs_on="local", run_id="one")
    assert first.status == "failed"
    (tmp_path / "here" / "go").touch()
    journal = Journal.create(path_in(str(tmp_path / "state")))
    try:
        options = Options(environ=dict(ENVIRON))
        second = resume(journal, "one", options, program=compiled(text), failed_only=True)
    finally:
        journal.close()
    assert second.status == "success"
    assert Elsewhere.made == []


def test_an_environment_that_is_none_fails_its_combination_alone(tmp_path: Path) -> None:
    text = """
    params: {where: list}
    jobs:
      a:
        strategy: {matrix: {where: "${{ params.where }}"}}
        runs-on: {type: "${{ matrix.where }}"}
        retry: {attempts: 1, delay: 0}
        stages: [{echo: hi}]
    """
    result = run(tmp_path, text, {"where": ["third", "dokcer", 7]})
    statuses = [each.status for each in result.jobs["a"].combinations]
    assert statuses == ["success", "failed", "failed"]
    errors = [each.error.message for each in result.jobs["a"].combinations if each.error]
    assert errors == [
        "`runs-on` is `dokcer`, which is no environment here; there are: docker, local, process, self-hosted, third",
        "`runs-on` must be the name of an environment, but this is the number 7",
    ]


def test_another_attempt_may_run_elsewhere(tmp_path: Path) -> None:
    text = """
    jobs:
      a:
        runs-on: {type: "${{ run.attempt == 1 ? 'local' : 'third' }}"}
        retry: {attempts: 1, delay: 0}
        stages: [{bash: "exit 1"}]
    """
    result = run(tmp_path, text)
    assert result.status == "success"
    assert result.jobs["a"].outputs["by"] == "third"


def test_room_is_that_of_each_environment(tmp_path: Path) -> None:
    text = """
    jobs:
      a:
        strategy: {matrix: {n: "${{ range(12) }}"}, max-parallel: 12}
        runs-on: {type: "${{ matrix.n % 2 == 0 ? 'third' : 'local' }}"}
        stages: [{echo: hi}]
    """
    result = run(tmp_path, text, max_parallel=12)
    assert result.status == "success"
    assert Elsewhere.made[0].most == 1
    assert len(Elsewhere.made[0].submitted) == 6


def test_a_place_that_is_none_is_refused_before_anything_runs() -> None:
    program = compiled("jobs: {a: {stages: [{echo: hi}]}}")
    with pytest.raises(UsageError) as raised:
        place(program, "lokal")
    assert raised.value.help == "did you mean `local`?"
