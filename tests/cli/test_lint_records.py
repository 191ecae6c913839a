"""Findings survive as plain data, and fixes leave every file at least as readable as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.check.runner import check
from jobc.cli.lint import fixing
from jobc.cli.lint.checking import Input, check_one
from jobc.cli.lint.records import to_findings, to_record
from jobc.diagnostics.render import render
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "rules").glob("*/*.yml"))
SOURCES = [path.read_text() for path in FIXTURES]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_comes_back_from_a_record_reads_the_same(path: Path) -> None:
    file = SourceFile("a.yml", path.read_text())
    findings = [f for f in check(analyze(file)) if f.diagnostic.span.file is file]
    record = to_record(findings, [file], [])
    if record is None:
        pytest.skip("it points into other files")
    again = to_findings(json.loads(json.dumps(record)), [SourceFile("a.yml", file.text)])
    assert render(again, "json", files=1) == render(findings, "json", files=1)
    assert render(again, "full", files=1) == render(findings, "full", files=1)


def test_a_finding_in_a_file_that_is_not_listed_makes_no_record() -> None:
    file, other = (
        SourceFile("a.yml", "jobs:\n  a: {needs: x, stages: [{echo: hi}]}\n"),
        SourceFile("b.yml", ""),
    )
    findings = check(analyze(file))
    assert to_record(findings, [other], []) is None


def broken(text: str) -> int:
    return sum(f.diagnostic.rule == "yaml-syntax" for f in check(analyze(SourceFile("a.yml", text))))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_fixing_a_damaged_file_ends_and_breaks_no_yaml(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SOURCES))
    for _ in range(data.draw(st.integers(0, 2))):
        start = data.draw(st.integers(0, len(text)))
        new = data.draw(
            st.sampled_from(["", " ", "\n", ":", "- ", "{", "[", "'", "${{", "&a ", "# ", "ü", "\t"])
        )
        text = text[:start] + new + text[start + data.draw(st.integers(0, 6)) :]
    checked = check_one(Input("a.yml", "/nowhere", text.encode()))
    if checked.problem is not None:
        return
    fixed = fixing.fix(checked, lambda findings: findings, unsafe=True)
    assert broken(fixed.after) <= broken(text)
    again = fixing.fix(fixed.checked, lambda findings: findings, unsafe=True)
    assert again.after == fixed.after, "a second time changes nothing"


QUOTED = """params: {mode: str, 're: gions': int}
jobs:
  first-job: {stages: [{echo: hi}]}
  'other job': {stages: [{echo: hi}]}
  a:
    needs: [first-job, 'other job']
    stages:
      - echo: %s
"""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("'${{ params[''moed''] }}'", "'${{ params[''mode''] }}'"),
        (r'"${{ params[\"moed\"] }}"', r'"${{ params[\"mode\"] }}"'),
        ("${{ params['moed'] }}", "${{ params['mode'] }}"),
        ("'${{ needs[''frist-job''].result == ''sucess'' }}'", "'${{ needs[''first-job''].result == ''success'' }}'"),
        ("${{ needs['other jab'].result }}", "${{ needs['other job'].result }}"),
        ("${{ needs.other-job.result }}", None),
        ("${{ params.regions }}", None),
        ("${{ params['regions'] }}", None),
    ],
)  # fmt: skip
def test_a_name_is_mended_in_the_quotes_it_has_or_not_at_all(wrong: str, right: str | None) -> None:
    checked = check_one(Input("a.yml", "/nowhere", (QUOTED % wrong).encode()))
    assert checked.findings
    fixed = fixing.fix(checked, lambda findings: findings, unsafe=True)
    assert fixed.after == QUOTED % (right or wrong)


def test_a_property_that_is_no_word_is_proposed_in_brackets() -> None:
    findings = check_one(Input("a.yml", "/nowhere", (QUOTED % "${{ params.regions }}").encode())).findings
    assert "did you mean `params['re: gions']`?" in [finding.diagnostic.help for finding in findings]
