"""Jobs files as people write them, read into models."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobc import SUCCESS, BashStage, CaseStage, EmptyStage, OnDocker, PyStage, Rule, Workflow
from jobc.ir.codec import dumps
from jobc.model.compiling import compile_workflow


def read(text: str) -> Workflow:
    workflow = Workflow.from_yaml(text)
    assert Workflow.from_yaml(workflow.to_yaml()) == workflow
    return workflow


def test_scalars_that_are_no_text_are_texts_where_texts_belong() -> None:
    workflow = read(
        "name: 3\njobs:\n  1:\n    desc: 1.50\n    needs: 2\n    stages:\n      - {id: 7, name: yes, bash: true}\n  2:\n    stages: [{run: 1.0}]\n"
    )
    assert workflow.name == "3"
    job = workflow.jobs["1"]
    assert (job.desc, job.needs) == ("1.50", ["2"])
    stage = job.stages[0]
    assert isinstance(stage, BashStage)
    assert (stage.id, stage.name, stage.bash) == ("7", "yes", "true")
    assert isinstance(workflow.jobs["2"].stages[0], PyStage)
    assert workflow.jobs["2"].stages[0].run == "1.0"


def test_nothing_behind_a_key_is_as_if_it_were_not_there() -> None:
    workflow = read(
        "params:\n  x:\nenv:\noutputs:\njobs:\n  a:\n    env:\n    needs:\n    extras:\n    stages:\n      - run: pass\n        vars:\n        deps:\n"
    )
    assert workflow.params == {"x": None}
    assert workflow.jobs["a"].needs == []
    assert workflow.execute({"x": 1}).status.name == "SUCCESS"


def test_one_item_may_stand_for_a_list() -> None:
    workflow = read("secrets: TOKEN\njobs:\n  a:\n    stages: [{run: pass, deps: requests}]\n")
    assert workflow.secrets == ["TOKEN"]
    stage = workflow.jobs["a"].stages[0]
    assert isinstance(stage, PyStage)
    assert stage.deps == ["requests"]


def test_what_a_merge_brings_gives_way_in_any_spelling() -> None:
    workflow = read(
        "x-base: &base\n  runs_on: {type: docker, image: x}\n  trigger-rule: all-done\n"
        "jobs:\n  a:\n    <<: *base\n    runs-on: local\n    stages: []\n  b:\n    <<: *base\n    stages: []\n"
    )
    assert workflow.jobs["a"].runs_on.type == "local"
    assert isinstance(workflow.jobs["b"].runs_on, OnDocker)
    assert {job.trigger_rule for job in workflow.jobs.values()} == {Rule.ALL_DONE}


def test_defaults_of_a_case_in_all_their_places() -> None:
    workflow = read(
        "a:\n  stages:\n"
        "    - {case: params.x, match: [{case: 1, stages: [{echo: one}]}], else: [{echo: other}]}\n"
        "    - {case: params.x, match: [{case: 1, stages: [{echo: one}]}, {else: [{echo: other}]}]}\n"
        "    - {case: params.x, match: [{case: _, stages: [{echo: other}]}]}\n"
    )
    assert all(isinstance(stage, CaseStage) for stage in workflow.jobs["a"].stages)
    assert workflow.execute({"x": 2}).trace == ["other"] * 3
    assert workflow.execute({"x": 1}).trace == ["one", "one", "other"]


@pytest.mark.parametrize(
    "text",
    [
        "a: {stages: [{echo: x}]}\n",
        "jobs:\n  a: {stages: [{echo: x}]}\n",
        "type: Workflow\njobs:\n  a: {stages: [{echo: x}]}\n",
        "flow:\n  type: Workflow\n  jobs:\n    a: {stages: [{echo: x}]}\n",
        "---\na: {stages: [{echo: x}]}\n",
    ],
)
def test_every_form_of_a_document(text: str) -> None:
    workflow = read(text)
    assert workflow.jobs["a"].stages == [EmptyStage(echo="x")]
    assert workflow.execute().trace == ["x"]


def test_a_job_may_be_called_like_a_key() -> None:
    workflow = read("jobs:\n  env: {stages: [{echo: x}]}\n  jobs: {needs: env, stages: [{echo: y}]}\n")
    assert list(workflow.jobs) == ["env", "jobs"]
    assert workflow.execute().trace == ["x", "y"]


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "flow.job.yml").write_text("a: {stages: [{bash: pwd}, {run: import beside}]}\n")
    (tmp_path / "here" / "beside.py").write_text("print('beside')\n")
    monkeypatch.chdir(tmp_path)
    workflow = Workflow.from_yaml("here/flow.job.yml")
    assert workflow.execute().trace == [str(tmp_path / "here"), "beside"]


def test_a_file_and_its_model_compile_to_the_same_program(tmp_path: Path) -> None:
    path = tmp_path / "flow.job.yml"
    path.write_text("name: flow\njobs:\n  a:\n    stages:\n      - echo: ${{ params.x }}\n")
    workflow = Workflow.from_yaml(path)
    from jobc.lower.program import lower
    from jobc.sema.analyze import analyze
    from jobc.source.file import SourceFile

    direct = lower(analyze(SourceFile("flow.job.yml", path.read_text())))
    assert dumps(compile_workflow(workflow).program) == dumps(direct)


@pytest.mark.parametrize(
    "default", ["_: [{echo: other}]", "else: [{echo: other}]", "{case: _, stages: [{echo: other}]}"]
)
def test_every_spelling_of_the_default_arm_is_read(default: str) -> None:
    text = f"j:\n  stages:\n    - case: params.mode\n      match:\n        - {{case: fast, stages: [{{echo: quick}}]}}\n        - {default}\n"
    assert Workflow.from_yaml(text).execute({"mode": "slow"}).status == SUCCESS
    assert Workflow.from_yaml(text).jobs["j"].execute({"mode": "slow"}).trace == ["other"]
