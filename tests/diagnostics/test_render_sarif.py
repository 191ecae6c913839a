"""SARIF: valid against the schema of version 2.1.0, whatever the findings are."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes import SHAPES, finding, place

from jobc.check.registry import docs, rules
from jobc.diagnostics.diagnostic import Edit, Fix, Label
from jobc.diagnostics.render import render
from jobc.diagnostics.render.sarif import Tool
from jobc.source.file import SourceFile

RULES = [
    SimpleNamespace(
        code=rule.code, name=rule.name, severity=rule.severity, summary=rule.summary, page=docs(rule)
    )
    for rule in rules().values()
]


@cache
def validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())
    return Draft202012Validator(schema)


def sarif(findings: list[Any]) -> dict[str, Any]:
    document = json.loads(render(findings, "sarif", files=1, tool=Tool("1.2.3", RULES)))
    problems = [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]
    assert not problems, problems
    run: dict[str, Any] = document["runs"][0]
    return run


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_finding_is_valid(shape: str) -> None:
    assert len(sarif(SHAPES[shape])["results"]) == len(SHAPES[shape])


def test_the_schema_refuses_what_is_no_sarif() -> None:
    assert list(validator().iter_errors({"version": "2.1.0", "runs": [{"results": []}]}))


def test_rules_are_described_once_each_with_ids_of_their_own() -> None:
    driver = sarif([])["tool"]["driver"]
    assert driver["version"] == "1.2.3"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids) == len(RULES)
    assert {"JC201", "JC211/unused-param", "JC211/unused-secret"} <= set(ids)
    need = driver["rules"][ids.index("JC201")]
    assert need["name"] == "UnknownNeed"
    assert need["defaultConfiguration"] == {"level": "error"}
    assert "## Example" in need["help"]["markdown"]


def test_places_relations_and_fixes_are_there_with_columns_in_characters() -> None:
    file = SourceFile("jobs/ü b.job.yml", "a: 1\r\n🚀: wrong value\r\n")
    span = place(file, "wrong")
    found = finding(
        span,
        severity="info",
        help="mend [it]",
        message="`x[0]` is {odd}",
        related=(Label(place(file, "a"), "first"),),
        fix=Fix("write `right`", [Edit(span, "right"), Edit(file.span(0, 0), "# new\n")], safe=False),
    )
    (result,) = sarif([found])["results"]
    region = {"startLine": 2, "startColumn": 4, "endLine": 2, "endColumn": 9}
    assert result["level"] == "note"
    assert result["message"]["text"] == "`x\\[0\\]` is {{odd}}\nmend \\[it\\]"
    location = result["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": "jobs/%C3%BC%20b.job.yml"}, "region": region}
    (related,) = result["relatedLocations"]
    assert related["message"] == {"text": "first"}
    (fix,) = result["fixes"]
    assert "may change" in fix["description"]["text"]
    first, second = fix["artifactChanges"][0]["replacements"]
    assert first == {"deletedRegion": region, "insertedContent": {"text": "right"}}
    assert second["deletedRegion"]["startColumn"] == second["deletedRegion"]["endColumn"] == 1


def test_results_point_at_their_rules() -> None:
    from jobc.check.runner import check
    from jobc.sema.analyze import analyze

    text = "params: {unused: str}\njobs:\n  a:\n    needs: b\n    stages: [{echo: hi}]\n"
    run = sarif(check(analyze(SourceFile("a.job.yml", text))))
    assert {result["ruleId"] for result in run["results"]} == {"JC201", "JC211/unused-param"}
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["partialFingerprints"]["jobcFinding/v1"]) == 32
