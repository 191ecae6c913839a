"""Jobs files through the whole compiler, run by the interpreter: values, places and contexts as an author sees them."""

from __future__ import annotations

from typing import Any

from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.decode import decode

HOSTILE = "'; rm -rf x; $(id) `id` \"\\n' \t\n*"


def compiled(text: str) -> Any:
    return lower(analyze(decode(text.encode(), "t.job.yml")))


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_values_pass_every_context_of_both_languages(run: Any) -> None:
    text = """
params: {v: str, items: list}
jobs:
  a:
    outputs: {s: "${{ stages.p.outputs.s }}", c: "$<< stages.p.outputs.c >>"}
    stages:
      - bash: |
          # a comment
          printf '%s\\0' ${{ params.v }} "in ${{ params.v }}" 'in ${{ params.v }}' $<< params.items >> > words
          cat <<EOF > here
          ${{ params.v }}
          EOF
          echo $(( ${{ 3 + 4 }} + 1 ))
      - id: p
        run: |
          c = [${{ params.v }}, ${{ params.items }}]
          s = f"{1 + 1} ${{ params.v }}"
"""
    items = ["a b", HOSTILE]
    result = run(compiled(text), params={"v": HOSTILE, "items": items})
    assert result.error is None
    assert run.host.lines() == ["8"]
    with open(run.workdir + "/words", encoding="utf-8", newline="") as file:
        assert file.read().split("\0") == [HOSTILE, "in " + HOSTILE, "in " + HOSTILE, *items, ""]
    with open(run.workdir + "/here", encoding="utf-8", newline="") as file:
        assert file.read() == HOSTILE + "\n"
    assert result.outputs == {"s": "2 " + HOSTILE, "c": [HOSTILE, items]}


def test_a_failing_python_line_is_the_line_of_the_file(run: Any) -> None:
    text = """
jobs:
  a:
    stages:
      - name: one
        run: |
          def f(x):

              return 1 / x   # here

          f(0)
"""
    error = run(compiled(text)).error
    assert (error.type, error.path, error.line) == ("ZeroDivisionError", "t.job.yml", line_of(text, "# here"))
    assert f'  File "t.job.yml", line {line_of(text, "f(0)")}, in <module>' in run.host.lines("stderr")


def test_a_failing_bash_line_is_the_line_of_the_file(run: Any) -> None:
    text = """
params: {v: list}
jobs:
  a:
    stages:
      - bash: |
          echo ${{ params.v }}
          nosuchcommand
"""
    error = run(compiled(text), params={"v": [1]}).error
    assert (error.exit_code, error.line) == (127, line_of(text, "nosuchcommand"))


def test_conditions_and_nesting(run: Any) -> None:
    text = """
params: {n: int, env: str}
jobs:
  a:
    stages:
      - foreach: ${{ range(params.n) }}
        max-parallel: 2
        id: loop
        stages:
          - id: sq
            run: square = item * item
      - case: ${{ params.env }}
        match:
          - {case: prod, stages: [{echo: careful}]}
          - {case: _, stages: [{echo: "free ${{ len(stages.loop.outputs.items) }}"}]}
      - until: stages.n.outputs.item >= 3
        item: 0
        stages:
          - id: n
            run: item = item + 1
      - if: ${{ params.env == 'prod' }}
        echo: never
      - parallel:
          l: [{raise: "no ${{ params.env }}"}]
          r: [{echo: r}]
      - condition: failure()
        echo: handled
"""
    result = run(compiled(text), params={"n": 3, "env": "dev"})
    assert result.status == "failed"
    assert run.host.lines() == ["free 3", "r", "handled"]
    by_path = {stage.path: stage for stage in result.stages}
    assert [item["outputs"]["square"] for item in by_path["loop"].outputs["items"]] == [0, 1, 4]
    assert by_path["3"].reason == "condition `params.env == 'prod'` is false: params.env is 'dev'"
    assert result.error.message == "branch `l`: no dev"
