"""The tables of keys agree with themselves, with the AST and with the builder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.ir.environments import ALIASES
from jobc.source.file import SourceFile
from jobc.syntax import ast, keys
from jobc.syntax.build import parse
from jobc.syntax.keys import KINDS, Table
from jobc.syntax.spelling import distance, near

TABLES: list[Table] = [
    *(value for value in vars(keys).values() if isinstance(value, Table)),
    *keys.ENVIRONMENT_ARGS.values(),
    *(kind.table for kind in KINDS.values()),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.node)
def test_spellings_lead_to_one_key_each(table: Table) -> None:
    count = sum(len(key.spellings) for key in table.keys)
    assert len(table.spellings) == count
    for key in table.keys:
        assert "_" not in key.name
        assert key.doc.endswith(".")
        assert (key.shape == "enum") == bool(key.values)


def test_every_kind_of_stage_has_its_table() -> None:
    classes = {cls.kind for cls in ast.StageBase.__subclasses__()}
    assert classes == set(KINDS)
    for kind in KINDS.values():
        assert all(key in kind.table.spellings for key in kind.keys)


def test_every_key_of_a_job_is_an_attribute_of_the_node() -> None:
    for key in keys.JOB.keys:
        if key.name != "with":
            assert key.name.replace("-", "_") in ast.Job.__slots__


def test_every_key_of_a_workflow_is_an_attribute_of_the_node() -> None:
    for key in keys.WORKFLOW.keys:
        if key.name not in ("type", "include"):
            assert key.name.replace("-", "_") in ast.Workflow.__slots__


def test_every_environment_has_its_arguments() -> None:
    assert set(keys.ENVIRONMENT_ARGS) == set(keys.ENVIRONMENTS)
    assert set(ALIASES.values()) <= set(keys.ENVIRONMENTS)


@pytest.mark.parametrize("rule", keys.TRIGGER_RULES)
def test_every_trigger_rule_is_accepted_in_both_spellings(rule: str) -> None:
    for written in (rule, rule.replace("_", "-")):
        document = parse(SourceFile("a", f"jobs: {{j: {{trigger-rule: {written}}}}}"))
        assert not document.diagnostics
        assert document.workflows[0].jobs[0].trigger_rule == rule


def test_what_people_bring_from_elsewhere_is_no_key_of_ours_under_that_name() -> None:
    known = {key.name for table in TABLES for key in table.keys}
    assert set(keys.FAMILIAR_KEYS.values()) <= known
    assert not set(keys.FAMILIAR_TYPES) & set(keys.PARAM_TYPES)


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ("needs", "needs", 0),
        ("need", "needs", 1),
        ("nedes", "needs", 1),
        ("", "ab", 2),
        ("kitten", "sitting", 3),
    ],
)
def test_distance_counts_letters(a: str, b: str, apart: int) -> None:
    assert distance(a, b, 5) == distance(b, a, 5) == apart
    assert distance(a, b, 1) == min(apart, 2)


def _plain_distance(a: str, b: str) -> int:
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, 1):
        rows.append([i])
        for j, other in enumerate(b, 1):
            cost = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, rows[i - 2][j - 2] + 1)
            rows[i].append(cost)
    return rows[-1][-1]


@given(st.text("abc", max_size=8), st.text("abc", max_size=8), st.integers(0, 3))
def test_distance_is_that_of_the_whole_table_up_to_its_limit(a: str, b: str, limit: int) -> None:
    assert distance(a, b, limit) == min(_plain_distance(a, b), limit + 1)


def test_near_gives_all_that_are_equally_near() -> None:
    assert near("stag", ["stage", "stags", "other"]) == ["stage", "stags"]
    assert near("Runs_On", ["runs-on", "run"]) == ["runs-on"]
    assert near("abc", ["xyz"]) == []
    assert near("a", ["_", "b"]) == []
