"""What a workflow reads of its parameters and jobs; where that is not known, nothing counts as unread."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.sema.reads import Reads
from jobc.source.file import SourceFile


def reads(stage: str) -> Reads:
    text = f"params: {{a: str, b: str, two-part: str}}\njobs:\n  j:\n    stages:\n      - {stage}\n"
    return analyze(SourceFile("a.job.yml", text)).workflows[0].reads


def read(stage: str) -> set[str]:
    found = reads(stage)
    return {name for name in ("a", "b", "two-part") if found.has("params", name)}


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("echo: ${{ params.a }}", {"a"}),
        ("echo: ${{ params['a'] }}", {"a"}),
        ("echo: ${{ params[params.b] }}", {"a", "b", "two-part"}),
        ("echo: ${{ toJson(params) }}", {"a", "b", "two-part"}),
        ("run: print(params.a)", {"a"}),
        ("run: print(params['a'])", {"a"}),
        ("run: print(params.two_part)", {"two-part"}),
        ("run: print(params.get('a'))", {"a", "b", "two-part"}),
        ("run: f(params)", {"a", "b", "two-part"}),
        ("run: print(eval('par' + 'ams.a'))", {"a", "b", "two-part"}),
        ("run: print(1)", set()),
        ("run: print(vars['a'])", set()),
        ("run: 'vars = {1: 2}; print(vars[1])'", set()),
        ("run: print(vars())", {"a", "b", "two-part"}),
        ("run: print(vars()['a'])", {"a", "b", "two-part"}),
        ("run: f(vars)", {"a", "b", "two-part"}),
        ("run: print(x.params)", set()),
        ("echo: ${{ params. }}", {"a", "b", "two-part"}),
        ("bash: echo a", set()),
    ],
)
def test_the_names_that_a_stage_may_read(stage: str, names: set[str]) -> None:
    assert read(stage) == names


def test_python_reads_of_needs_count_for_the_job() -> None:
    text = (
        "jobs:\n  a:\n    outputs: {x: 1, y: 2}\n    stages: [{echo: hi}]\n"
        "  b:\n    needs: a\n    stages: [{run: print(needs.a.outputs.x)}]\n"
        "  c:\n    needs: a\n    stages: [{echo: hi}]\n"
    )
    found = analyze(SourceFile("a.job.yml", text)).workflows[0].reads
    assert found.reads_need("b", "a")
    assert not found.reads_need("c", "a")
    assert found.reads_output("a", "x")
    assert not found.reads_output("a", "y")


def test_a_file_that_is_not_understood_whole_has_nothing_unused() -> None:
    text = "params: {a: str}\njobs:\n  j:\n    stages:\n      - {echo: hi}\n"
    assert [f.code for f in check(analyze(SourceFile("a.job.yml", text)))] == ["JC211"]
    broken = text + "      - {ehco: '${{ item }}'}\n"
    assert "JC211" not in [f.code for f in check(analyze(SourceFile("a.job.yml", broken)))]
