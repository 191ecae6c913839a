"""What a condition says is known to what is evaluated only where it holds."""

from __future__ import annotations

import pytest

from jobc.check.runner import check_alone
from jobc.sema.analyze import analyze
from jobc.sema.types import show
from jobc.source.file import SourceFile
from jobc.syntax.ast import EmptyStage, TemplateValue
from jobc.syntax.expr import Member, walk

HEAD = """\
params:
  label: str
  flag: bool
  size: {type: choice, enum: [small, large, huge], default: small}
jobs:
  build:
    stages: [{id: pack, run: version = str(1)}]
  reader:
    needs: build
    trigger-rule: all_done
    stages:
      - condition: CONDITION
        echo: "${{ EXPR }}"
"""


def last(expr: str, path: str, condition: str = "true") -> str:
    """The type of the last read of a path in an expression."""
    text = HEAD.replace("CONDITION", condition).replace("EXPR", expr)
    model = analyze(SourceFile("a.job.yml", text))
    assert not model.diagnostics, model.diagnostics
    (workflow,) = model.workflows
    stage = workflow.jobs["reader"].stages[0]
    assert isinstance(stage, EmptyStage)
    assert isinstance(stage.echo, TemplateValue)
    inner = stage.echo.holes[0].expr
    assert inner is not None
    name = path.rsplit(".", 1)[1]
    reads = [part for part in walk(inner) if isinstance(part, Member) and part.name == name]
    return show(workflow.type_of(reads[-1]))


@pytest.mark.parametrize(
    "condition",
    [
        "params.size == 'tiny'",
        "params.size in ['tiny', 'wide']",
        "params.size == 'tiny' || params.size == 'wide'",
    ],
)
def test_a_comparison_that_never_holds_is_told_once_and_tells_nothing(condition: str) -> None:
    text = HEAD.replace("CONDITION", condition).replace("EXPR", "params.size == 'small'")
    model = analyze(SourceFile("a.job.yml", text))
    assert {d.span.line for d in model.diagnostics} <= {12}
    assert model.diagnostics


@pytest.mark.parametrize(
    ("expr", "path", "type"),
    [
        ("params.size in ['small', 'tiny'] ? params.size : ''", "params.size", "`'small'`"),
        ("params.label", "params.label", "text or null"),
        ("params.label != null && params.label != ''", "params.label", "text"),
        ("params.label == null || params.label != ''", "params.label", "text"),
        ("params.label != null ? params.label : ''", "params.label", "text"),
        ("params.label == null ? '' : params.label", "params.label", "text"),
        ("!(params.label == null) && params.label != ''", "params.label", "text"),
        ("params.size == 'small' ? 1 : len(params.size)", "params.size", "`'large' | 'huge'`"),
        ("params.size in ['small', 'huge'] ? params.size : ''", "params.size", "`'small' | 'huge'`"),
        (
            "params.size == 'small' || params.size == 'huge' ? params.size : ''",
            "params.size",
            "`'small' | 'huge'`",
        ),
        ("params.flag && params.flag", "params.flag", "`true`"),
        ("params.label != null || params.label != ''", "params.label", "null"),
        ("needs.build.outputs.version", "needs.build.outputs.version", "text or null"),
        (
            "needs.build.result == 'success' ? needs.build.outputs.version : ''",
            "needs.build.outputs.version",
            "text",
        ),
        (
            "needs.build.result != 'success' ? '' : needs.build.outputs.version",
            "needs.build.outputs.version",
            "text",
        ),
    ],
)
def test_a_part_sees_what_the_test_before_it_says(expr: str, path: str, type: str) -> None:
    assert last(expr, path) == type


def test_a_stage_sees_what_its_condition_says() -> None:
    assert last("params.label", "params.label", "params.label != null") == "text"
    condition = "needs.build.result == 'success' && params.size != 'huge'"
    assert last("needs.build.outputs.version", "needs.build.outputs.version", condition) == "text"
    assert last("params.size", "params.size", condition) == "`'small' | 'large'`"


@pytest.mark.parametrize(
    "condition",
    [
        "params.size == 'small' || params.size == 'small'",
        "params.size != 'small' && params.size == 'small'",
        "params.flag && params.flag == false",
    ],
)
def test_what_a_condition_decides_is_no_mistake_of_types(condition: str) -> None:
    text = HEAD.replace("CONDITION", condition).replace("EXPR", "1")
    rules = {f.diagnostic.rule for f in check_alone(analyze(SourceFile("a.job.yml", text)))}
    assert "incomparable-types" not in rules


def test_params_that_a_script_may_change_are_unknown_after_it() -> None:
    text = (
        "params: {label: str}\njobs:\n  a:\n    condition: params.label != null\n    stages:\n"
        "      - run: params.label = None\n      - echo: ${{ params.label }}\n"
    )
    model = analyze(SourceFile("a.job.yml", text))
    (workflow,) = model.workflows
    stage = workflow.jobs["a"].stages[1]
    assert isinstance(stage, EmptyStage)
    assert isinstance(stage.echo, TemplateValue)
    inner = stage.echo.holes[0].expr
    assert inner is not None
    assert show(workflow.type_of(inner)) == "anything"
