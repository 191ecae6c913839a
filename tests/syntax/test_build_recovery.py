"""What is wrong in a file is found all at once, each mistake once and at its exact text, and the rest is still built."""

from __future__ import annotations

import pytest

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.source.file import SourceFile
from jobc.syntax.ast import BashStage, ForEachStage
from jobc.syntax.build import parse


def found(text: str) -> list[tuple[str, str]]:
    return [(d.rule, d.span.text) for d in parse(SourceFile("a.job.yml", text)).diagnostics]


def only(text: str) -> Diagnostic:
    diagnostics = parse(SourceFile("a.job.yml", text)).diagnostics
    assert len(diagnostics) == 1, [(d.message, d.span) for d in diagnostics]
    return diagnostics[0]


def in_job(body: str) -> str:
    return "jobs:\n  j:\n" + "".join(f"    {line}\n" for line in body.splitlines())


def in_stage(body: str) -> str:
    first, *rest = body.splitlines()
    return in_job("stages:\n  - " + "\n    ".join([first, *rest]))


def test_twelve_mistakes_give_twelve_findings() -> None:
    text = """\
name: [demo]
params:
  n: integer
  size: {type: int, default: big}
on: {schedule: 0 25 * * *}
jobs:
  build:
    runs-on: dokcer
    runs_on: local
    need: first
    timeout: 5 minutes
    strategy: {matrix: {os: linux}}
    stages:
      - bash: make
        run: print()
      - name: nothing
      - echo: hi
      - foreach: 5
        stages: [{bash: make}]
"""
    assert found(text) == [
        ("wrong-type", "[demo]"),
        ("wrong-type", "integer"),
        ("wrong-type", "big"),
        ("wrong-type", "0 25 * * *"),
        ("wrong-type", "dokcer"),
        ("duplicate-key", "runs_on"),
        ("unknown-key", "need"),
        ("wrong-type", "5 minutes"),
        ("wrong-type", "linux"),
        ("wrong-type", "run"),
        ("missing-key", "name"),
        ("wrong-type", "5"),
    ]
    (job,) = parse(SourceFile("a.job.yml", text)).workflows[0].jobs
    assert [need.id for need in job.needs] == ["first"], "a key that is surely meant counts"
    assert job.runs_on is None
    assert job.timeout is None
    assert job.strategy is not None
    assert [stage.kind for stage in job.stages] == ["bash", "empty", "foreach"]
    assert isinstance(job.stages[0], BashStage)
    loop = job.stages[2]
    assert isinstance(loop, ForEachStage)
    assert len(loop.stages) == 1


@pytest.mark.parametrize(
    ("body", "rule", "text"),
    [
        ("needs: {a: b}", "wrong-type", "{a: b}"),
        ("needs: [a, [b]]", "wrong-type", "[b]"),
        ("needs: [a, '${{ b }}']", "wrong-type", "${{ b }}"),
        ("id: ${{ b }}", "wrong-type", "${{ b }}"),
        ("trigger-rule: $<< b >>", "wrong-type", "$<< b >>"),
        ("trigger-rule: all_succes", "wrong-type", "all_succes"),
        ("runs-on: [local]", "wrong-type", "[local]"),
        ("runs-on: {image: x}", "missing-key", "{image: x}"),
        ("runs-on: {type: local, image: x}", "unknown-key", "image"),
        ("runs-on: {type: docker, image: x, imge: y}", "unknown-key", "imge"),
        ("runs-on: docker", "missing-key", "docker"),
        ("runs-on: {type: docker, imge: y}", "unknown-key", "imge"),
        ("runs-on: {type: docker, image: x, args: {image: y}}", "duplicate-key", "image"),
        ("condition: [a]", "wrong-type", "[a]"),
        ("condition: ''", "wrong-type", "''"),
        ("timeout: 0", "wrong-type", "0"),
        ("timeout: -5", "wrong-type", "-5"),
        ("timeout: true", "wrong-type", "true"),
        ("timeout: .inf", "wrong-type", ".inf"),
        ("retry: many", "wrong-type", "many"),
        ("retry: {attempts: -1}", "wrong-type", "-1"),
        ("retry: {backoff: linaer}", "wrong-type", "linaer"),
        ("retry: {on: [0]}", "wrong-type", "0"),
        ("retry: {on: not a name}", "wrong-type", "not a name"),
        ("strategy: {max-parallel: 0}", "wrong-type", "0"),
        ("strategy: {fail-fast: maybe}", "wrong-type", "maybe"),
        ("strategy: {matrix: {a: 1}}", "wrong-type", "1"),
        ("strategy: {matrix: {include: [{a: 1}]}}", "wrong-type", "include"),
        ("strategy: {exclude: [1]}", "wrong-type", "1"),
        ("continue-on-error: perhaps", "wrong-type", "perhaps"),
        ("concurrency: {limit: 1}", "missing-key", "{limit: 1}"),
        ("resources: {cpu: [1]}", "wrong-type", "[1]"),
        ("env: [A]", "wrong-type", "[A]"),
        ("env: {A: [1]}", "wrong-type", "[1]"),
        ("stages: {bash: x}", "wrong-type", "{bash: x}"),
        ("stages: [make]", "wrong-type", "make"),
        ("with: {a: 1}", "missing-key", "with"),
        ("uses: a.yml", "wrong-type", "a.yml"),
        ("uses: a.yml#b\nstages: []", "wrong-type", "stages"),
        ("extends: b\nuses: a.yml#b", "wrong-type", "extends"),
        ("steps: []", "unknown-key", "steps"),
    ],
)
def test_a_mistake_in_a_job_is_found_at_its_text(body: str, rule: str, text: str) -> None:
    diagnostic = only(in_job(body))
    assert (diagnostic.rule, diagnostic.span.text) == (rule, text)
    assert diagnostic.help


@pytest.mark.parametrize(
    ("body", "rule", "text"),
    [
        ("bash: [a]", "wrong-type", "[a]"),
        ("run: ''", "wrong-type", "''"),
        ("echo: {a: 1}", "wrong-type", "{a: 1}"),
        ("sleep: long", "wrong-type", "long"),
        ("bsah: make", "unknown-key", "bsah"),
        ("name: x", "missing-key", "name"),
        ("shell: sh", "missing-key", "shell"),
        ("bash: a\ncommand: b", "unknown-key", "command"),
        ("bash: a\nimage: b\ncommand: c", "wrong-type", "image"),
        ("parallel: [a]", "wrong-type", "[a]"),
        ("parallel: {}", "wrong-type", "{}"),
        ("foreach: [1]", "missing-key", "foreach"),
        ("until: a\nstages: []\nmax-loop: 0", "wrong-type", "0"),
        ("case: a", "missing-key", "case"),
        ("case: a\nmatch: {b: c}", "wrong-type", "{b: c}"),
        ("case: a\nmatch: [{stages: []}]", "missing-key", "stages"),
        ("case: a\nmatch: [{case: [b], stages: []}]", "wrong-type", "[b]"),
        ("case: a\nmatch: [{case: _, stages: []}]\nelse: []", "duplicate-key", "else"),
        ("run: a\nisolation: none", "wrong-type", "none"),
        ("image: ''", "wrong-type", "''"),
        ("image: a\ncommand: {b: c}", "wrong-type", "{b: c}"),
        ("trigger: ${{ a }}", "wrong-type", "${{ a }}"),
        ("uses: a.yml#", "wrong-type", "a.yml#"),
        ("uses: a.yml#b\nretry: 1", "unknown-key", "retry"),
        ("steps: []", "missing-key", "steps"),
        ("script: make", "unknown-key", "script"),
    ],
)
def test_a_mistake_in_a_stage_is_found_at_its_text(body: str, rule: str, text: str) -> None:
    diagnostic = only(in_stage(body))
    assert (diagnostic.rule, diagnostic.span.text) == (rule, text)
    assert diagnostic.help


@pytest.mark.parametrize(
    ("decl", "rule", "text"),
    [
        ("string", "wrong-type", "string"),
        ("choice", "missing-key", "choice"),
        ("{type: choice}", "missing-key", "type"),
        ("{type: int, default: 1.5}", "wrong-type", "1.5"),
        ("{type: int, default: '5'}", "wrong-type", "'5'"),
        ("{type: bool, default: yes}", "wrong-type", "yes"),
        ("{type: date, default: 2024-02-30}", "wrong-type", "2024-02-30"),
        ("{type: datetime, default: '2024-01-01T25:00'}", "wrong-type", "'2024-01-01T25:00'"),
        ("{type: decimal, default: x}", "wrong-type", "x"),
        ("{type: list, default: x}", "wrong-type", "x"),
        ("{type: map, default: []}", "wrong-type", "[]"),
        ("{type: secret, default: x}", "wrong-type", "x"),
        ("{type: int, min: 3, default: 2}", "wrong-type", "2"),
        ("{type: str, max: 3, default: four}", "wrong-type", "four"),
        ("{type: int, min: 3, max: 2}", "wrong-type", "2"),
        ("{type: bool, min: 3}", "wrong-type", "3"),
        ("{type: int, pattern: x}", "wrong-type", "x"),
        ("{type: str, pattern: '('}", "wrong-type", "'('"),
        ("{type: str, pattern: '[a-z]', default: ab}", "wrong-type", "ab"),
        ("{type: int, enum: [1, two]}", "wrong-type", "two"),
        ("{type: int, enum: [1, 2], default: 3}", "wrong-type", "3"),
        ("{type: str, enum: a}", "wrong-type", "a"),
        ("{type: str, default: '${{ x }}'}", "wrong-type", "${{ x }}"),
        ("{type: str, required: maybe}", "wrong-type", "maybe"),
        ("{type: str, options: [a]}", "unknown-key", "options"),
    ],
)
def test_a_mistake_in_a_parameter_is_found_at_its_text(decl: str, rule: str, text: str) -> None:
    diagnostic = only(f"params: {{p: {decl}}}\njobs: {{j: {{}}}}\n")
    assert (diagnostic.rule, diagnostic.span.text) == (rule, text)


@pytest.mark.parametrize(
    ("text", "rule", "at"),
    [
        ("", "missing-key", ""),
        ("just text", "wrong-type", "just text"),
        ("a: 1\nb: 2\n", "missing-key", "a"),
        ("name: x\n", "missing-key", "x"),
        ("jobs:\n", "wrong-type", "jobs"),
        ("jobs: [a]\n", "wrong-type", "[a]"),
        ("jobs: {a: 5}\n", "wrong-type", "5"),
        ("jobs:\n  a:\n", "wrong-type", "a"),
        ("name: x\nbuild: {stages: []}\n", "wrong-type", "build"),
        ("build: {stages: []}\nother: 5\n", "wrong-type", "5"),
        ("build: {stagse: []}\n", "unknown-key", "stagse"),
        ("f: {type: Workflow, jobs: {a: {}}}\ng: {jobs: {a: {}}}\n", "wrong-type", "g"),
        ("name: a\njobs: {j: {}}\n---\nname: a\njobs: {j: {}}\n", "duplicate-id", "a"),
        ("job: {a: {stages: []}}\nname: x\n", "unknown-key", "job"),
        ("secrets: [a-b]\njobs: {j: {}}\n", "wrong-type", "a-b"),
        ("on: {schedule: '* * * *'}\njobs: {j: {}}\n", "wrong-type", "'* * * *'"),
        ("on: {schedule: {timezone: UTC}}\njobs: {j: {}}\n", "missing-key", "{timezone: UTC}"),
        ("include: [{with: {a: 1}}]\njobs: {j: {}}\n", "missing-key", "{with: {a: 1}}"),
    ],
)
def test_a_mistake_at_the_top_is_found_at_its_text(text: str, rule: str, at: str) -> None:
    diagnostic = only(text)
    assert (diagnostic.rule, diagnostic.span.text) == (rule, at)


def test_jobs_without_their_key_are_built_all_the_same() -> None:
    document = parse(SourceFile("a.job.yml", "name: x\nbuild: {stages: []}\ntest: {needs: build}\n"))
    assert [d.rule for d in document.diagnostics] == ["wrong-type"]
    assert [job.id for job in document.workflows[0].jobs] == ["build", "test"]


def test_a_fix_is_offered_where_one_key_alone_is_meant() -> None:
    fix = only(in_job("need: [a]")).fix
    assert fix is not None
    assert fix.safe
    assert [(edit.span.text, edit.text) for edit in fix.edits] == [("need", "needs")]
    taken = parse(SourceFile("a", in_job("need: [a]\nneeds: [b]"))).diagnostics
    assert [d.fix for d in taken] == [None]
    assert only(in_job("steps: []")).fix is None


def test_two_kinds_of_one_stage_are_both_named() -> None:
    diagnostic = only(in_stage("bash: a\nrun: b"))
    assert "`bash`" in diagnostic.message
    assert "`run`" in diagnostic.message
    assert [label.span.text for label in diagnostic.related] == ["bash"]


def test_a_stage_of_no_kind_is_told_which_kinds_there_are() -> None:
    help = only(in_stage("name: x")).help
    for key in (
        "echo",
        "bash",
        "run",
        "uses",
        "trigger",
        "parallel",
        "foreach",
        "until",
        "case",
        "raise",
        "image",
    ):
        assert f"`{key}`" in help


def test_a_merged_key_is_no_duplicate_of_one_that_is_written_out() -> None:
    assert found("x-a: &a {runs_on: local, if: true}\nj: {<<: *a, runs-on: local, condition: false}\n") == []


def test_a_mistake_behind_an_anchor_is_reported_once() -> None:
    assert found("x-a: &a {timeout: soon}\nj: {<<: *a, stages: []}\nk: {<<: *a, stages: []}\n") == [
        ("wrong-type", "soon")
    ]


def test_nothing_is_called_missing_that_a_syntax_error_hides() -> None:
    rules = {rule for rule, _ in found("jobs:\n  a:\n    stages: [{bash: x}\n  b: {stages: []}\n")}
    assert rules == {"yaml-syntax"}


def test_aliases_that_nest_without_end_are_refused() -> None:
    deep = "x-0: &a0 [x]\n" + "".join(f"x-{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 1500))
    rules = [rule for rule, _ in found(f"{deep}jobs: {{j: {{extras: {{a: *a1499}}, stages: []}}}}\n")]
    assert rules == ["alias-expansion"]


def test_numbers_beyond_measure_are_no_trouble() -> None:
    huge = "9" * 400
    assert found(f"params: {{a: {{type: int, default: {huge}}}}}\njobs: {{j: {{}}}}\n") == []
    assert found(f"params: {{a: {{type: float, default: {huge}}}}}\njobs: {{j: {{}}}}\n") == [
        ("wrong-type", huge)
    ]
    assert found(f"jobs: {{j: {{timeout: {huge}d}}}}\n") == [("wrong-type", f"{huge}d")]
    more = "9" * 5000
    assert found(f"jobs: {{j: {{timeout: {more}, retry: {more}}}}}\n") != []
