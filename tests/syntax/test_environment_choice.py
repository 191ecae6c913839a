"""`runs-on` by expression, from the file to the IR and back."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from jobc.ir.codec import dumps, loads
from jobc.ir.program import Program
from jobc.ir.text import dump
from jobc.lower.program import lower
from jobc.model.compiling import compile_workflow
from jobc.model.job import Job
from jobc.model.stages import EmptyStage
from jobc.model.workflow import Workflow
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


def found(runs_on: str, head: str = "") -> list[str]:
    text = f"{head}\njobs:\n  a:\n    strategy: {{matrix: {{where: [local, docker]}}}}\n    runs-on: {runs_on}\n    stages: [{{echo: hi}}]\n"
    return [each.message for each in analyze(SourceFile("a.job.yml", text)).diagnostics]


def program(runs_on: str) -> Program:
    text = f"jobs: {{a: {{strategy: {{matrix: {{where: [local, docker]}}}}, runs-on: {runs_on}, stages: [{{echo: hi}}]}}}}"
    return lower(analyze(SourceFile("a.job.yml", text)))


@pytest.mark.parametrize(
    "runs_on",
    [
        '"${{ matrix.where }}"',
        '{type: "${{ matrix.where }}", image: "a:1", host: h, token: t, partition: p}',
        '{type: "$<< matrix.where >>", args: {image: "a:1"}}',
        "\"${{ matrix.where == 'local' ? 'self_hosted' : 'gcp-batch' }}\"",
        '"${{ params.any }}"',
    ],
)
def test_what_may_come_out_is_accepted(runs_on: str) -> None:
    assert found(runs_on, "params: {any: str}") == []


@pytest.mark.parametrize(
    ("runs_on", "message"),
    [
        ("\"${{ matrix.where == 'local' ? 'dokcer' : 'local' }}\"", "`runs-on` can be `dokcer` here"),
        ('"${{ params.where }}"', "`runs-on` can be `kubernetes` here"),
        ('"${{ 7 }}"', "`runs-on` must be text"),
        ('{type: "${{ matrix.where }}", imgae: x}', "an environment has no key `imgae`"),
        ('"${{ matrix.were }}"', "were"),
        ("dokcer", "`runs-on` cannot be `dokcer`"),
    ],
)
def test_what_cannot_be_an_environment_is_said(runs_on: str, message: str) -> None:
    head = "params: {where: {type: str, enum: [local, kubernetes]}}"
    assert any(message in each for each in found(runs_on, head)), found(runs_on, head)


def test_the_ir_holds_the_expression() -> None:
    made = program('{type: "${{ matrix.where }}", image: "a:1"}')
    again = loads(dumps(made))
    runs_on = again.workflows[0].jobs[0].runs_on
    assert runs_on.type == ""
    assert again.codes[runs_on.choice or 0].tree == ["get", ["name", "matrix"], "where"]
    assert [name for name, _ in runs_on.args] == ["image"]
    assert 'runs-on ${{ matrix.where }} (image: "a:1")' in dump(again)
    assert dumps(again) == dumps(made)


def test_python_says_the_same() -> None:
    job = Job(
        id="a",
        runs_on={"type": "${{ params.where }}", "image": "a:1"},  # type: ignore[arg-type]
        stages=[EmptyStage(echo="hi")],
    )
    flow = Workflow(name="f", params={"where": "str"}, jobs={"a": job})
    runs_on = compile_workflow(flow).program.workflows[0].jobs[0].runs_on
    assert (runs_on.type, [name for name, _ in runs_on.args]) == ("", ["image"])
    assert runs_on.choice is not None


def test_an_environment_that_a_package_brings_takes_any_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("acme_cloud", "acme:Backend", "jobc.backends")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **chosen: [point])
    assert found("{type: acme-cloud, queue: fast, Own_Key: [1, 2]}") == []
    runs_on = program("{type: acme_cloud, queue-name: fast}").workflows[0].jobs[0].runs_on
    assert (runs_on.type, [name for name, _ in runs_on.args]) == ("acme-cloud", ["queue_name"])
    assert found('{type: "${{ matrix.where }}", queue: fast}') == []
