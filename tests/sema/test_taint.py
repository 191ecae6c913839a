"""Free text is followed from parameters to where it runs, and only along ways that can be pointed at."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


def flows(text: str) -> list[tuple[int, list[int]]]:
    """The line of each tainted command, and the lines of the way to it."""
    findings = check(analyze(SourceFile("a.job.yml", text)))
    return [
        (f.diagnostic.span.line, [label.span.line for label in f.diagnostic.related])
        for f in findings
        if f.code == "JC501"
    ]


def shell(expression: str, declared: str = "{x: str}", before: str = "") -> list[tuple[int, list[int]]]:
    """What is said of a shell that an expression chooses."""
    text = f"params: {declared}\n{before}jobs:\n  a:\n    stages:\n      - shell: ${{{{ {expression} }}}}\n        bash: echo hi\n"
    return flows(text)


@pytest.mark.parametrize(
    "declared",
    ["{x: str}", "{x: {type: str, default: sh}}", "{x: any}", "{x: {type: str, min: 3}}"],
)
def test_free_text_is_a_source(declared: str) -> None:
    assert shell("params.x", declared) == [(5, [1])]


@pytest.mark.parametrize(
    "declared",
    [
        "{x: {type: choice, enum: [sh, bash]}}",
        "{x: {type: str, enum: [sh, bash]}}",
        "{x: {type: str, pattern: '[a-z]+'}}",
        "{x: int}",
        "{x: bool}",
        "{x: date}",
    ],
)
def test_what_is_bounded_is_none(declared: str) -> None:
    assert shell("params.x", declared) == []


@pytest.mark.parametrize(
    "expression",
    [
        "params.x + ''",
        "params.x ?? 'sh'",
        "'a' == 'b' ? 'sh' : params.x",
        "params.x | lower",
        "format('{0}', params.x)",
        "join([params.x], '')",
        "params['x']",
    ],
)
def test_operations_that_keep_text_carry_it(expression: str) -> None:
    assert len(shell(expression)) == 1


@pytest.mark.parametrize(
    "expression", ["params.x == 'a' ? 'sh' : 'bash'", "len(params.x)", "hashFiles(params.x)", "'params.x'"]
)
def test_what_only_depends_on_text_does_not(expression: str) -> None:
    assert shell(expression) == []


JOBS = """\
params: {x: str}
jobs:
  first:
    outputs: {name: "${{ stages.w.outputs.name }}"}
    stages:
      - id: w
        %s
  second:
    needs: first
    strategy: {matrix: {k: ["${{ needs.first.outputs.name }}"]}}
    stages:
      - foreach: ["${{ matrix.k }}"]
        stages:
          - shell: ${{ item }}
            bash: echo hi
"""


@pytest.mark.parametrize(
    "writes",
    [
        'bash: echo "name=${{ params.x }}" >> "$JOBC_OUTPUT"',
        "run: name = ${{ params.x }}",
        "run: \"result.outputs = {'name': ${{ params.x }}}\"",
    ],
)
def test_the_way_through_scripts_outputs_matrix_and_loop_is_shown(writes: str) -> None:
    assert flows(JOBS % writes) == [(14, [1, 7, 4, 10])]


@pytest.mark.parametrize(
    "writes",
    [
        'bash: echo "name=$(./compute ${{ 1 }})" >> "$JOBC_OUTPUT"',
        'bash: echo "other=${{ params.x }}" >> "$JOBC_OUTPUT"',
        "run: other = ${{ params.x }}",
    ],
)
def test_what_a_program_computes_is_not_taken_to_be_tainted(writes: str) -> None:
    assert flows(JOBS % writes) == []


@pytest.mark.parametrize(
    ("script", "reported"),
    [
        ("$X --version", True),
        ('"$X"', True),
        ('eval "run $X"', True),
        ('sh -c "$X"', True),
        ("sudo $X", True),
        ('echo "$X"', False),
        ('sh -c \'echo "$1"\' _ "$X"', False),
        ('for f in $X; do echo "$f"; done', False),
        ("Y=$X", False),
        ("echo '$X'", False),
    ],
)
def test_variables_that_are_run_are_told_from_those_that_are_passed(script: str, reported: bool) -> None:
    text = f"params: {{x: str}}\njobs:\n  a:\n    env: {{X: '${{{{ params.x }}}}'}}\n    stages:\n      - bash: |\n          {script}\n"
    assert bool(flows(text)) == reported


def test_a_variable_that_a_stage_sets_itself_hides_the_tainted_one() -> None:
    text = (
        "params: {x: str}\njobs:\n  a:\n    env: {X: '${{ params.x }}'}\n"
        "    stages:\n      - env: {X: ls}\n        bash: $X\n"
    )
    assert flows(text) == []


def test_a_circle_of_outputs_ends() -> None:
    text = (
        "params: {x: str}\njobs:\n  a:\n    needs: b\n    outputs: {o: '${{ needs.b.outputs.o }}'}\n"
        "    stages: [{shell: '${{ needs.b.outputs.o }}', bash: echo}]\n"
        "  b:\n    needs: a\n    outputs: {o: '${{ needs.a.outputs.o }}'}\n    stages: [{echo: hi}]\n"
    )
    assert flows(text) == []
