"""Expressions and conditions of the original, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.cli.importing.draft import Draft
from jobc.cli.importing.expressions import translate
from jobc.cli.importing.outline import WorkflowOutline
from jobc.cli.importing.place import Place
from jobc.cli.importing.scalars import emit
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Mapping, Scalar
from jobc.syntax.printer import print_expr

WORKFLOW = """\
type: Workflow
params: {s: str, n: int, d: datetime, m: map, a: array}
jobs:
  early:
    stages:
      - {name: P, id: py, run: x = 1}
      - {name: B, id: sh, bash: ls}
  wide:
    strategy: {matrix: {k: [1]}}
    stages: [{name: P, id: p, run: x = 1}]
  here:
    needs: [early, wide]
    stages:
      - {name: S, id: st, run: x = 1}
      - {name: F, id: each, foreach: [1, two], stages: [{name: I, id: in, run: x = 1}]}
"""


def place() -> Place:
    file = SourceFile("w.yml", WORKFLOW)
    (root,) = compose(file).documents
    assert isinstance(root, Mapping)
    workflow = WorkflowOutline("w", root, {})
    return Place(Draft(file), workflow, workflow.jobs["here"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("params.s", "params.s"),
        ("params.m?.owner?.name?", "params.m.owner.name"),
        ("params.d | fmt", "params.d | fmt('%Y-%m-%d %H:%M:%S')"),
        ("params.d | fmt(fmt='%Y') | int", "fromJson(params.d | fmt('%Y'))"),
        ("params.n | abs | str", "format('{0}', max(params.n, -params.n))"),
        ("params.s | str", "params.s"),
        ("params.a | list", "params.a"),
        ("params.m | list", "params.m | keys"),
        ("params.m | values", "params.m | values"),
        ("params.m | getitem('k', 'd')", "params.m['k'] ?? 'd'"),
        ("params.a | getindex(-1)", "params.a[-1]"),
        ("params.s | coalesce('x') | title", None),
        ("params.s | mine", None),
        ("stages.st.outputs.x", "stages.st.outputs.x"),
        ("stages.st.status", "stages.st.result"),
        ("stages.st.errors.message", None),
        ("stages.nope.outputs.x", None),
        ("stages.each.outputs.foreach.two.stages.in.outputs.x", "stages.each.outputs.items[1].outputs.x"),
        ("stages.each.outputs.foreach.1.stages.in.outputs.x", "stages.each.outputs.items[0].outputs.x"),
        ("stages.each.outputs.foreach.three.stages.in.outputs.x", None),
        ("jobs.early.stages.py.outputs.x", "needs.early.outputs.x"),
        ("jobs.early.stages.sh.outputs.return_code", "0"),
        ("jobs.early.stages.sh.outputs.stderr", None),
        ("jobs.early.status", "needs.early.result"),
        ("jobs.here.stages.st.outputs.x", "stages.st.outputs.x"),
        ("jobs.wide.stages.p.outputs.x", None),
        ("jobs.wide.strategies.9876.stages.p.outputs.x", None),
        ("jobs.gone.stages.p.outputs.x", None),
        ("retry", "run.attempt - 1"),
        ("branch", None),
        ("a b", None),
    ],
)
def test_an_expression(source: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Untranslatable) as raised:
            translate(source, place())
        assert raised.value.help
    else:
        assert print_expr(translate(source, place()).expr) == expected


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("'${{ params.s }}' == 'a'", "params.s == 'a'"),
        ("${{ params.s | rstr }} == 'a'", "params.s == 'a'"),
        ("'${{ params.n }}' == '3'", "params.n == 3"),
        ("'${{ params.n }}' == 'x'", "format('{0}', params.n) == 'x'"),
        ("'${{ stages.st.outputs.x }}' == 'True'", "stages.st.outputs.x == true"),
        ("${{ stages.st.outputs.x }} is not None", "stages.st.outputs.x != null"),
        ("1 < ${{ params.n }} <= 5", "1 < params.n && params.n <= 5"),
        ("not ${{ params.n }} in [1, 2] or False", "!params.n in [1, 2] || false"),
        ("${{ params.n }} not in (1, 2)", "params.n not in [1, 2]"),
        ("params['m'].get('k', 1) == 1", "(params.m.k ?? 1) == 1"),
        ("'${{ params.s }}-x'.upper().endswith('X')", "endsWith(upper(format('{0}-x', params.s)), 'X')"),
        ("len('${{ params.s }}'.strip()) > 0", "len(trim(params.s)) > 0"),
        ("datetime.now().weekday() < 5", "datetime.now().weekday() < 5"),
        ("(1 if ${{ params.n }} else 2) == 1", "(params.n ? 1 : 2) == 1"),
        ("'${{ jobs.early.status }}' == 'FAILED'", "needs.early.result == 'failed'"),
        ("'${HOME:x}' == '/'", "env('HOME', 'x') == '/'"),
        ("[x for x in params]", None),
        ("open('x')", None),
        ("${{ params.n }} ==", None),
        ("unknown == 1", None),
        ("${{ params.s | mine }} == 1", None),
    ],
)
def test_a_condition(python: str, expected: str | None) -> None:
    from jobc.cli.importing.guards import condition

    file = SourceFile("c.yml", f"if: {emit(python, 'double')}\n")
    (root,) = compose(file).documents
    assert isinstance(root, Mapping)
    node = root.get("if")
    assert isinstance(node, Scalar)
    if expected is None:
        with pytest.raises(Untranslatable):
            condition(node, place())
    else:
        assert condition(node, place())[0] == f"${{{{ {expected} }}}}"


@given(
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=30),
    st.sampled_from(["plain", "single", "double"]),
    st.booleans(),
)
def test_a_scalar_reads_back_as_the_text_that_it_was_made_of(text: str, style: str, flow: bool) -> None:
    made = emit(text, style, flow=flow)
    file = SourceFile("s.yml", f"[{made}, x]\n" if flow else f"k: {made}\n")
    (root,) = compose(file).documents
    node: Any = root.items[0] if flow else root.get("k")  # type: ignore[union-attr]
    assert isinstance(node, Scalar)
    assert node.value == text
