"""When jobs race for a path, and when something keeps them apart; which names are meant by an artifact that nobody publishes."""

from __future__ import annotations

import pytest

from jobc.check.rules import artifact_race, missing_producer
from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


def races(text: str) -> list[Diagnostic]:
    model = analyze(SourceFile("a.job.yml", text))
    assert not model.diagnostics, [each.message for each in model.diagnostics]
    return list(artifact_race.check(model))


def missing(text: str) -> list[Diagnostic]:
    return list(missing_producer.check(analyze(SourceFile("a.job.yml", text))))


def pair(first: str = "", second: str = "", head: str = "") -> str:
    return f"""
{head}
params: {{on: {{type: bool, default: true}}, group: {{type: str, default: g}}}}
jobs:
  a: {{cache: {{outputs: [x]}}, stages: [{{bash: ./a}}] {first}}}
  b: {{artifacts: {{out: [x]}}, stages: [{{bash: ./b}}] {second}}}
"""


@pytest.mark.parametrize(
    ("text", "race"),
    [
        (pair(), True),
        (pair(second=", needs: a"), False),
        (pair(", condition: 'params.on'", ", condition: 'params.on'"), True),
        (pair(", condition: 'params.on'", ", condition: '!params.on'"), False),
        (pair(", concurrency: g", ", concurrency: g"), False),
        (pair(", concurrency: g", ", concurrency: h"), True),
        (pair(", concurrency: {group: g, limit: 2}", ", concurrency: {group: g, limit: 2}"), True),
        (pair(", concurrency: '${{ params.group }}'", ", concurrency: g"), False),
        (pair(head="max-parallel: 1"), False),
        (pair(head="max-parallel: 2"), True),
        (pair(second=", runs-on: {type: slurm, partition: p}"), False),
        (pair(head="defaults: {runs-on: {type: slurm, partition: p}}"), False),
    ],
)
def test_two_jobs_race_where_nothing_keeps_them_apart(text: str, race: bool) -> None:
    assert bool(races(text)) is race


@pytest.mark.parametrize(
    ("strategy", "path", "race"),
    [
        ("{matrix: {n: [1, 2]}, max-parallel: 2}", "x", True),
        ("{matrix: {n: [1, 2]}, max-parallel: 2}", "x/${{ matrix.n }}", False),
        ("{matrix: {n: [1, 2]}, max-parallel: 2}", "x/${{ strategy.index }}", False),
        ("{matrix: {n: [1, 2]}, max-parallel: 2}", "x/${{ params.on }}", True),
        ("{matrix: {n: [1, 2]}, max-parallel: '${{ params.on }}'}", "x", False),
        ("{matrix: {n: [1, 2]}}", "x", False),
        ("{matrix: {n: [1]}, max-parallel: 2}", "x", False),
        ("{matrix: {n: '${{ fromJson(params.on) }}'}, max-parallel: 2}", "x", True),
    ],
)
def test_combinations_race_for_a_path_that_is_the_same_for_all(strategy: str, path: str, race: bool) -> None:
    text = f"""
params: {{on: any}}
jobs: {{a: {{strategy: {strategy}, cache: {{outputs: ["{path}"]}}, stages: [{{bash: ./a}}]}}}}
"""
    assert bool(races(text)) is race


def test_a_race_names_both_jobs_and_the_path_once() -> None:
    (found,) = races(pair())
    assert found.message == "`a` and `b` may run at once, and both write `x`"
    assert [label.message for label in found.related] == ["written by `a`"]


GIVEN = """
jobs:
  one: {{artifacts: {{out: {{report: a}}}}, stages: [{{bash: ./a}}]}}
  two: {{artifacts: {{out: {{reports: b}}}}, stages: [{{bash: ./b}}]}}
  use: {{needs: {needs}, artifacts: {{in: [{name}]}}, stages: [{{bash: ./c}}]{more}}}
"""


@pytest.mark.parametrize(
    ("needs", "name", "more", "help", "fix"),
    [
        ("[one]", "reprot", "", "did you mean `report`?", True),
        ("[one]", "reports", "", "add `two` to the `needs` of `use`", True),
        ("[one]", "reports", ", trigger-rule: all_done", "add `two` to the `needs` of `use`", False),
        ("[one]", "nothing", "", "what it waits for publishes `one`, `report`", None),
        ("[]", "nothing", "", "nothing that it waits for publishes anything", None),
        ("[one]", "two/report", "", "what it waits for publishes `one`, `report`", None),
    ],
)
def test_what_is_meant_is_proposed(needs: str, name: str, more: str, help: str, fix: bool | None) -> None:
    (found,) = missing(GIVEN.format(needs=needs, name=name, more=more))
    assert found.help.startswith(help)
    assert (None if found.fix is None else found.fix.safe) is fix


@pytest.mark.parametrize("name", ["report", "one", "one/report", "'one/report'"])
def test_what_is_published_before_is_no_finding(name: str) -> None:
    assert missing(GIVEN.format(needs="[one]", name=name, more="")) == []


def test_a_misspelt_need_is_not_told_twice() -> None:
    assert missing(GIVEN.format(needs="[onee]", name="report", more="")) == []
