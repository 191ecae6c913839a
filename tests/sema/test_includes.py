"""Jobs and stages that are reused across files: what they are in the file that uses them."""

from __future__ import annotations

import pytest

from jobc.errors import UsageError
from jobc.sema.analyze import analyze
from jobc.sema.model import SemanticModel
from jobc.source.file import SourceFile
from jobc.syntax.ast import BashStage, Const, EmptyStage, Job, TemplateValue, Value, child_stages
from jobc.syntax.printer import print_expr


def model(**files: str) -> SemanticModel:
    """The model of `main`; `lib_x` is the file lib/x.yml."""
    texts = {name.replace("_", "/") + ".yml": text for name, text in files.items()}

    def load(path: str) -> SourceFile:
        if path not in texts:
            raise UsageError(f"{path}: no such file")
        return SourceFile(path, texts[path])

    return analyze(SourceFile("main.yml", texts["main.yml"]), load)


def jobs(**files: str) -> dict[str, Job]:
    made = model(**files)
    assert not made.diagnostics, [(d.message, d.span) for d in made.diagnostics]
    return made.workflows[0].jobs


def said(value: Value | None) -> object:
    """A constant, or the text of an expression, or the parts of a text."""
    if isinstance(value, Const):
        return value.value
    assert isinstance(value, TemplateValue)
    parts = [part if isinstance(part, str) else print_expr(part.expr) for part in value.parts if part]  # type: ignore[arg-type]
    return parts[0] if value.whole else parts


def echo(job: Job, index: int = 0) -> object:
    stage = job.stages[index]
    assert isinstance(stage, EmptyStage)
    return said(stage.echo)


def test_an_include_brings_the_jobs_of_a_file() -> None:
    made = jobs(
        main="include: lib/a.yml\njobs: {own: {needs: x}}\n",
        lib_a="jobs: {x: {stages: [{echo: hi}]}, y: {needs: x}}\n",
    )
    assert list(made) == ["own", "x", "y"]
    assert made["x"].id_span.file.path == "lib/a.yml"


def test_an_include_may_name_one_job() -> None:
    assert list(jobs(main="include: a.yml#y\n", a="jobs: {x: {}, y: {}}\n")) == ["y"]


def test_paths_are_relative_to_the_file_that_they_stand_in() -> None:
    made = jobs(main="include: lib/a.yml\n", lib_a="include: b.yml\n", lib_b="jobs: {x: {}}\n")
    assert list(made) == ["x"]


def test_a_job_that_uses_another_is_that_job_but_for_its_own_keys() -> None:
    made = jobs(
        main="jobs:\n  first: {}\n  j: {uses: a.yml#x, needs: first, timeout: 5, env: {B: own}}\n",
        a="jobs:\n  x:\n    timeout: 9\n    needs: z\n    env: {A: a, B: b}\n    condition: 1 > 0\n    stages: [{echo: hi}]\n  z: {}\n",
    )
    job = made["j"]
    assert said(job.timeout) == 5
    assert [n.id for n in job.needs] == ["first"]
    assert {i.key: said(i.value) for i in job.env} == {"A": "a", "B": "own"}
    assert said(job.condition) == "1 > 0"
    assert echo(job) == "hi"


def test_extends_takes_what_is_absent_and_merges_maps() -> None:
    made = jobs(
        main="jobs:\n  first: {}\n  base: {needs: first, retry: 2, resources: {cpu: 1, gpu: 1}, stages: [{echo: base}]}\n"
        "  j: {extends: base, resources: {cpu: 2}}\n  k: {extends: base, needs: [], stages: [{echo: own}]}\n"
    )
    assert [n.id for n in made["j"].needs] == ["first"]
    resources = made["j"].resources
    assert resources is not None
    assert {i.key: said(i.value) for i in resources.entries} == {"cpu": 2, "gpu": 1}
    assert echo(made["j"]) == "base"
    assert made["k"].needs == []
    assert echo(made["k"]) == "own"
    assert made["k"].retry is not None


def test_stages_of_another_job_stand_in_the_place_of_uses() -> None:
    made = jobs(
        main="jobs:\n  j:\n    stages:\n      - echo: before\n      - parallel:\n          b:\n            - uses: a.yml#x\n"
        "              if: 1 < 2\n              env: {C: use}\n      - echo: after\n",
        a="jobs: {x: {env: {A: job, C: job}, stages: [{echo: one, if: 2 < 3}, {echo: two, env: {A: stage}}]}}\n",
    )
    assert [s.kind for s in made["j"].stages] == ["empty", "parallel", "empty"]
    ((one, two),) = child_stages(made["j"].stages[1])
    assert said(one.condition) == "1 < 2 && 2 < 3"
    assert said(two.condition) == "1 < 2"
    assert {i.key: said(i.value) for i in one.env} == {"A": "job", "C": "use"}
    assert {i.key: said(i.value) for i in two.env} == {"A": "stage", "C": "use"}


@pytest.mark.parametrize(
    ("given", "whole", "text"),
    [
        ("5", "5", ["n=", "5"]),
        ("${{ matrix.n + 1 }}", "matrix.n + 1", ["n=", "matrix.n + 1"]),
        ("v${{ matrix.n }}{}", "format('v{0}{{}}', matrix.n)", ["n=", "format('v{0}{{}}', matrix.n)"]),
        ("[1, '${{ matrix.n }}']", "[1, matrix.n]", ["n=", "[1, matrix.n]"]),
    ],
)
def test_values_of_with_stand_where_the_parameter_was_read(given: str, whole: str, text: list[str]) -> None:
    made = (
        model(
            main=f"jobs: {{j: {{uses: a.yml#x, strategy: {{matrix: {{n: [1, 2]}}}}, with: {{n: {given}}}}}}}\n"
            if not given.startswith(("$", "v"))
            else f"jobs: {{j: {{uses: a.yml#x, strategy: {{matrix: {{n: [1, 2]}}}}, with: {{n: '{given}'}}}}}}\n",
            a="params: {n: any}\njobs:\n  x:\n    stages:\n      - echo: ${{ params.n }}\n      - echo: n=${{ params['n'] }}\n",
        )
        .workflows[0]
        .jobs["j"]
    )
    assert echo(made) == whole
    assert echo(made, 1) == text


def test_parameters_that_are_not_given_are_the_own_ones_or_the_defaults() -> None:
    lib = (
        "params: {a: {type: int, default: 1}, b: {type: str, default: x}, c: date, d: {type: date, default: 2024-01-31}}\n"
        "jobs: {x: {stages: [{echo: '${{ params.a }}'}, {echo: '${{ params.b }}'}, {echo: '${{ params.c }}'},"
        " {echo: '${{ params.d }}'}]}}\n"
    )
    made = jobs(main="params: {a: int}\ninclude: lib/a.yml\n", lib_a=lib)["x"]
    assert [echo(made, n) for n in range(4)] == ["params.a", "'x'", "null", "datetime.parse('2024-01-31')"]


def test_params_as_a_whole_are_those_of_the_other_file() -> None:
    lib = "params: {a: int, b: {type: int, default: 2}}\njobs: {x: {stages: [{echo: '${{ toJson(params) }}'}]}}\n"
    whole = jobs(main="params: {}\njobs: {j: {uses: a.yml#x, with: {a: 1}}}\n", a=lib)["j"]
    assert echo(whole) == "toJson({a: 1, b: 2})"
    partial = jobs(main="params: {b: int}\njobs: {j: {uses: a.yml#x, with: {a: 1}}}\n", a=lib)["j"]
    assert echo(partial) == "toJson(merge(params, {a: 1}))"


def test_a_chain_of_reuse_has_an_end() -> None:
    lines = [f"  j{n}: {{extends: j{n + 1}}}\n" for n in range(400)]
    made = model(main="jobs:\n" + "".join(lines) + "  j400: {stages: [{echo: hi}]}\n")
    assert {d.rule for d in made.diagnostics} == {"call-mismatch"}
    assert all("deep" in d.message for d in made.diagnostics)


def test_python_code_that_reads_a_bound_parameter_by_itself_is_found() -> None:
    code = """\
params: {n: int, m: {type: int, default: 1}}
jobs:
  x:
    stages:
      - run: |
          é = ${{ params.n }}; a = params.n
          b = params['m'] + params.get("n")  # params.n
          params['n'] = 3
          c = params.other
"""
    made = model(main="params: {m: int}\njobs: {j: {uses: a.yml#x, with: {n: 1}}}\n", a=code)
    found = [d for d in made.diagnostics if d.rule == "call-mismatch"]
    assert sorted((d.span.line, d.span.column, d.span.text) for d in found) == [
        (6, 36, "params"),
        (7, 29, "params"),
    ]


def test_each_use_is_a_copy_with_its_own_values() -> None:
    made = jobs(
        main="jobs:\n  j: {uses: a.yml#x, with: {n: 1}}\n  k: {uses: a.yml#x, with: {n: 2}}\n",
        a="params: {n: int}\njobs: {x: {stages: [{echo: '${{ params.n }}'}]}}\n",
    )
    assert (echo(made["j"]), echo(made["k"])) == ("1", "2")


def test_what_surrounds_a_job_comes_with_it() -> None:
    made = jobs(
        main="env: {E: main}\njobs: {j: {uses: a.yml#x}}\n",
        a="env: {E: lib, F: lib}\nsecrets: [TOKEN]\ndefaults: {timeout: 9, shell: sh}\n"
        "jobs: {x: {env: {F: job}, stages: [{bash: 'echo ${{ secrets.TOKEN }}'}]}}\n",
    )
    job = made["j"]
    assert {i.key: said(i.value) for i in job.env} == {"E": "lib", "F": "job"}
    assert said(job.timeout) == 9
    stage = job.stages[0]
    assert isinstance(stage, BashStage)
    assert said(stage.shell) == "sh"


def test_a_trigger_names_the_workflow_that_it_named_in_its_own_file() -> None:
    made = model(
        main="jobs: {j: {uses: lib/a.yml#x}}\n",
        lib_a="name: a\njobs: {x: {stages: [{trigger: b.yml}]}}\n",
        lib_b="name: b\njobs: {y: {}}\n",
    )
    assert not made.diagnostics
    assert [w.name for w in made.reached] == ["b"]


def test_two_files_may_use_each_others_jobs() -> None:
    made = jobs(
        main="jobs: {j: {uses: lib/a.yml#x}, k: {stages: [{echo: k}]}}\n",
        lib_a="jobs: {x: {uses: ../main.yml#k}}\n",
    )
    assert echo(made["j"]) == "k"


@pytest.mark.parametrize(
    ("files", "chain"),
    [
        ({"main": "include: main.yml\njobs: {j: {}}\n"}, "main.yml → main.yml"),
        (
            {"main": "include: a.yml\njobs: {j: {}}\n", "a": "include: b.yml\n", "b": "include: main.yml\n"},
            "main.yml → a.yml → b.yml → main.yml",
        ),
        ({"main": "jobs: {j: {extends: j}}\n"}, "main.yml#j → main.yml#j"),
        ({"main": "jobs: {j: {extends: k}, k: {extends: j}}\n"}, "main.yml#j → main.yml#k → main.yml#j"),
        (
            {"main": "jobs: {j: {stages: [{uses: 'a.yml#x'}]}}\n", "a": "jobs: {x: {uses: main.yml#j}}\n"},
            "main.yml#j → a.yml#x → main.yml#j",
        ),
    ],
)
def test_a_cycle_is_reported_once_with_its_whole_chain(files: dict[str, str], chain: str) -> None:
    cycles = [d for d in model(**files).diagnostics if d.rule == "include-cycle"]
    (cycle,) = cycles
    assert cycle.message.endswith(chain)
    assert len(cycle.related) == chain.count("→") - 1


@pytest.mark.parametrize(
    ("main", "at", "words"),
    [
        ("include: gone.yml\njobs: {j: {}}\n", "gone.yml", "no such file"),
        ("include: a.yml#gone\njobs: {j: {}}\n", "a.yml#gone", "no job `gone`"),
        ("jobs: {j: {uses: a.yml#y, with: {n: 1}}}\n", "a.yml#y", "no job `y`"),
        ("jobs: {j: {extends: gone}}\n", "gone", "no job `gone`"),
        ("jobs: {j: {uses: a.yml#x}}\n", "a.yml#x", "needs the parameter `n`"),
        ("jobs: {j: {uses: a.yml#x, with: {n: 1, m: 2}}}\n", "m", "no parameter `m`"),
        ("jobs: {j: {uses: a.yml#x, with: {n: many}}}\n", "many", "not an integer"),
        ("jobs: {j: {uses: a.yml#x, with: {n: 10}}}\n", "10", "more than 9"),
        ("jobs: {j: {stages: [{uses: a.yml#gone}]}}\n", "a.yml#gone", "no job `gone`"),
    ],
)
def test_what_does_not_fit_is_reported_where_it_is_used(main: str, at: str, words: str) -> None:
    made = model(
        main=main,
        a="params: {n: {type: int, required: true, max: 9}}\njobs: {x: {stages: [{echo: '${{ params.n }}'}]}}\n",
    )
    (diagnostic,) = made.diagnostics
    assert (diagnostic.rule, diagnostic.span.text) == ("call-mismatch", at)
    assert words in diagnostic.message
    assert diagnostic.help


def test_mistakes_of_an_included_file_are_found_in_it() -> None:
    made = model(main="include: a.yml\n", a="jobs: {x: {timeout: soon}}\n")
    assert [(d.rule, d.span.file.path, d.span.text) for d in made.diagnostics] == [
        ("wrong-type", "a.yml", "soon")
    ]
