"""The forms that programs read: JSON, JSON lines, and one line a finding."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes import SHAPES, finding, place

from jobc.diagnostics.diagnostic import Edit, Fix, Label
from jobc.diagnostics.render import render
from jobc.errors import UsageError
from jobc.source.file import SourceFile

GOLDEN = Path(__file__).parent / "golden"


def test_json_is_the_documented_shape_with_columns_in_characters() -> None:
    file = SourceFile("ü.job.yml", "a: 1\r\n🚀: wrong value\r\n")
    span = place(file, "wrong")
    fix = Fix("write `right`", [Edit(span, "right")], safe=True)
    found = finding(span, "label", help="mend it", related=(Label(place(file, "a"), "first"),), fix=fix)
    at = {"line": 2, "column": 4, "endLine": 2, "endColumn": 9}
    assert json.loads(render([found], "json", files=3)) == {
        "version": 1,
        "files": 3,
        "diagnostics": [
            {
                "path": "ü.job.yml",
                "code": "JC999",
                "rule": "some-rule",
                "severity": "error",
                "confidence": "high",
                "message": "something is wrong",
                "help": "mend it",
                **at,
                "related": [
                    {
                        "path": "ü.job.yml",
                        "line": 1,
                        "column": 1,
                        "endLine": 1,
                        "endColumn": 2,
                        "message": "first",
                    }
                ],
                "fix": {"safe": True, "message": "write `right`", "edits": [{**at, "text": "right"}]},
            }
        ],
    }


def test_json_lines_are_the_same_findings_one_a_line() -> None:
    findings = SHAPES["several-findings"]
    whole = json.loads(render(findings, "json", files=3))["diagnostics"]
    assert [json.loads(line) for line in render(findings, "jsonl", files=3).splitlines()] == whole
    assert render([], "jsonl", files=3) == ""


def test_machine_formats_never_hold_colour() -> None:
    for format in ("json", "jsonl"):
        assert "\x1b" not in render(SHAPES["several-findings"], format, files=3, color=True)


def test_concise_is_one_line_a_finding_and_the_summary(golden: Callable[[str, Path], None]) -> None:
    golden(render(SHAPES["several-findings"], "concise", files=3), GOLDEN / "concise.txt")


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no format `ful`"):
        render([], "ful", files=1)
