"""Contexts have the types that the file declares, each only where it exists."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.sema.positions import CONTEXTS, POSITIONS, STATUS_FUNCTIONS
from jobc.sema.types import show
from jobc.source.file import SourceFile
from jobc.syntax.ast import EmptyStage, TemplateValue

HEAD = """\
params:
  name: str
  region: {type: choice, enum: [eu, us], default: eu}
  count: {type: int, required: true}
  ratio: {type: float, default: 0.5}
  day: {type: date, required: true}
  rows: {type: list, default: [1]}
secrets: [TOKEN]
jobs:
  one:
    outputs: {x: "${{ 1 + 1 }}", s: "${{ stages.s.outputs.s }}"}
    stages: [{id: s, bash: make}]
  many:
    strategy: {matrix: {n: [1, 2]}}
    outputs: {x: "${{ matrix.n }}"}
    stages: [{bash: make}]
  free:
    stages: [{bash: make}]
  reader:
    needs: [one, many, free]
    strategy:
      matrix:
        os: [linux, macos]
        flag: [true, false]
        part: "${{ fromJson(needs.free.outputs.parts) }}"
        row: "${{ params.rows }}"
      include:
        - {os: linux, extra: 1}
    stages:
      - {id: before, bash: make}
      - echo: "${{ EXPR }}"
"""


def type_of(expr: str) -> str:
    model = analyze(SourceFile("a.job.yml", HEAD.replace("EXPR", expr)))
    assert not model.diagnostics, model.diagnostics
    (workflow,) = model.workflows
    stage = workflow.jobs["reader"].stages[1]
    assert isinstance(stage, EmptyStage)
    assert isinstance(stage.echo, TemplateValue)
    inner = stage.echo.holes[0].expr
    assert inner is not None
    return show(workflow.type_of(inner))


@pytest.mark.parametrize(
    ("expr", "type"),
    [
        ("params.name", "text or null"),
        ("params.region", "`'eu' | 'us'`"),
        ("params.count", "a whole number"),
        ("params.ratio", "a number"),
        ("params.day", "a date or time"),
        ("secrets.TOKEN", "a secret"),
        ("matrix.os", "`'linux' | 'macos'`"),
        ("matrix.flag", "true or false"),
        ("matrix.part", "anything"),
        ("matrix.row", "anything"),
        ("matrix.extra", "`1` or null"),
        ("needs.one.result", "`'success' | 'failed' | 'skip' | 'cancel'`"),
        ("needs.one.outputs.x", "a whole number"),
        ("needs.one.outputs.s", "anything"),
        ("needs.many.outputs.x", "a list of whole numbers"),
        ("needs.many.combinations[0].matrix.n", "`1 | 2` or null"),
        ("needs.free.outputs.whatever", "anything"),
        ("stages.before.outputs.anything", "anything"),
        ("stages.before.result", "`'success' | 'failed' | 'skip' | 'cancel'`"),
        ("env.HOME", "text or null"),
        ("run.attempt", "a whole number"),
        ("strategy.index", "a whole number"),
        ("job.id", "`'reader'`"),
    ],
)
def test_the_type_of_a_context_follows_from_the_file(expr: str, type: str) -> None:
    assert type_of(expr) == type


def rules(text: str) -> list[str]:
    return [finding.diagnostic.rule for finding in check(analyze(SourceFile("a.job.yml", text)))]


def stages(body: str, head: str = "") -> str:
    return f"{head}jobs:\n  a:\n    stages:\n{body}"


def test_without_declared_params_every_parameter_is_taken() -> None:
    assert rules(stages("      - echo: ${{ params.anything.at.all }}\n")) == []
    assert rules(stages("      - echo: ${{ params.x }}\n", "params: {}\n")) == ["undefined-name"]


def test_a_stage_sees_only_those_that_ended_before_it() -> None:
    later = "      - echo: ${{ stages.later.result }}\n      - {id: later, bash: make}\n"
    assert rules(stages(later)) == ["undefined-name"]
    sibling = (
        "      - parallel:\n          left: [{id: l, bash: make}]\n"
        "          right: [{echo: '${{ stages.l.result }}'}]\n"
    )
    assert rules(stages(sibling)) == ["undefined-name"]
    after = "      - parallel: {left: [{id: l, bash: make}]}\n      - echo: ${{ stages.l.result }}\n"
    assert rules(stages(after)) == []


def test_the_item_has_the_type_of_the_list() -> None:
    text = (
        "      - foreach: [1, 2]\n        stages:\n          - condition: item == 'a'\n            echo: hi\n"
    )
    assert rules(stages(text)) == ["incomparable-types"]
    assert rules(stages(text.replace("'a'", "2"))) == []


def test_vars_are_there_in_the_script_that_has_them() -> None:
    text = "      - run: print(${{ vars.x }})\n        vars: {x: 1}\n"
    assert rules(stages(text)) == []
    assert rules(stages(text.replace("vars.x", "vars.y"))) == ["undefined-name"]
    assert rules(stages("      - run: print(${{ vars.x }})\n")) == ["context-unavailable"]


def test_an_include_that_is_a_combination_of_its_own_lacks_the_other_keys() -> None:
    text = (
        "jobs:\n  a:\n    strategy: {matrix: {os: [linux], py: [3]}, include: [{os: macos}]}\n"
        "    stages: [{echo: '${{ matrix.py ?? 1 }} ${{ matrix.os }}'}]\n"
    )
    model = analyze(SourceFile("a.job.yml", text))
    (workflow,) = model.workflows
    shown = {show(type) for type in workflow.types.values()}
    assert "`3` or null" in shown
    assert "`'linux' | 'macos'`" in shown


@pytest.mark.parametrize(
    ("key", "value"),
    [("max-parallel", "'x'"), ("fail-fast", "1"), ("matrix", "[1]"), ("matrix", "{'a': 1}['a']")],
)
def test_an_expression_of_the_wrong_type_is_found_where_the_key_knows_its_type(key: str, value: str) -> None:
    matrix = "" if key == "matrix" else "matrix: {a: [1]}, "
    text = f'jobs:\n  a:\n    strategy: {{{matrix}{key}: "${{{{ {value} }}}}"}}\n    stages: [{{echo: hi}}]\n'
    assert rules(text) == ["wrong-type"]


def test_every_position_says_of_every_context_whether_or_why_not() -> None:
    for position in POSITIONS.values():
        there = set(position.contexts)
        missing = set(CONTEXTS) - there
        assert missing <= set(position.absent), position.name
        assert not set(position.absent) & there
        assert set(position.absent) <= {*CONTEXTS, *STATUS_FUNCTIONS}
        assert all(why and why[0].islower() and why[-1] != "." for why in position.absent.values())


@pytest.mark.parametrize("function", STATUS_FUNCTIONS)
def test_status_functions_are_there_where_something_has_run(function: str) -> None:
    assert rules(stages(f"      - echo: first\n      - condition: {function}()\n        echo: hi\n")) == []
    text = f"env: {{X: '${{{{ {function}() }}}}'}}\njobs:\n  a:\n    stages: [{{echo: hi}}]\n"
    assert rules(text) == ["context-unavailable"]


def test_defaults_may_read_what_only_some_jobs_have() -> None:
    text = (
        "defaults:\n  runs-on: {type: docker, image: 'x:${{ matrix.v }}-${{ needs.b.outputs.y }}'}\n"
        "jobs:\n  a:\n    strategy: {matrix: {v: [1]}}\n    stages: [{echo: hi}]\n"
    )
    assert rules(text) == []
    assert rules(text.replace("matrix.v", "stages.v")) == ["context-unavailable"]


def test_outputs_keep_their_types_when_the_workflow_has_expressions_of_its_own() -> None:
    text = (
        "env: {X: '${{ params.x }}'}\nconcurrency: {group: '${{ params.x }}'}\n"
        "jobs:\n  a:\n    outputs: {n: '${{ 1 }}'}\n    stages: [{echo: hi}]\n"
        "  b:\n    needs: a\n    condition: needs.a.outputs.n == 'one'\n    stages: [{echo: hi}]\n"
        "outputs: {same: \"${{ needs.a.outputs.n == 'one' }}\"}\n"
    )
    assert rules(text) == ["incomparable-types", "incomparable-types"]


def test_an_entry_whose_combinations_are_excluded_is_one_of_its_own() -> None:
    text = (
        "jobs:\n  a:\n    strategy:\n      matrix: {os: [linux, windows], py: [1, 2]}\n"
        "      exclude: [{os: windows}]\n      include: [{os: windows, extra: 1}]\n"
        "    stages: [{echo: '${{ matrix.py }} ${{ matrix.os }} ${{ matrix.extra }}'}]\n"
    )
    (workflow,) = analyze(SourceFile("a.job.yml", text)).workflows
    (stage,) = workflow.jobs["a"].stages
    assert isinstance(stage, EmptyStage)
    assert isinstance(stage.echo, TemplateValue)
    types = [show(workflow.type_of(hole.expr)) for hole in stage.echo.holes if hole.expr is not None]
    assert types == ["`1 | 2` or null", "`'linux' | 'windows'`", "`1` or null"]


def test_a_decimal_is_a_number_that_is_handed_on_as_text() -> None:
    text = (
        "params: {price: {type: decimal, default: '1.50'}}\njobs:\n"
        "  a:\n    outputs: {all: '${{ [params.price + 1] }}'}\n    stages: [{id: s, run: 'x = ${{ params.price }}'}, {echo: '${{ stages.s.outputs.x }}'}]\n"
        "  b:\n    needs: a\n    condition: needs.a.outputs.all[0] == '2.50'\n    stages: [{echo: '${{ needs.a.outputs.all }}'}]\n"
    )
    model = analyze(SourceFile("a.job.yml", text))
    assert model.diagnostics == []
    (workflow,) = model.workflows
    types = []
    for job, number in (("a", 1), ("b", 0)):
        stage = workflow.jobs[job].stages[number]
        assert isinstance(stage, EmptyStage)
        assert isinstance(stage.echo, TemplateValue)
        expr = stage.echo.holes[0].expr
        assert expr is not None
        types.append(show(workflow.type_of(expr)))
    assert types == ["a number or text", "a list"]
