"""`--select`, `--ignore` and severities: which findings are shown, and how grave they are."""

from __future__ import annotations

import pytest

from jobc.check.selection import choose, unknown_selectors
from jobc.diagnostics.diagnostic import Diagnostic, Finding
from jobc.source.file import SourceFile

FILE = SourceFile("a.yml", "")
CODES = {"undefined-name": "JC102", "incomparable-types": "JC105", "unknown-need": "JC201"}
FINDINGS = [Finding(Diagnostic(name, "m", FILE.span(0, 0)), code, "error") for name, code in CODES.items()]


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ([], [], ["JC102", "JC105", "JC201"]),
        (["JC1"], [], ["JC102", "JC105"]),
        (["unknown-need"], [], ["JC201"]),
        (["jc105"], [], ["JC105"]),
        ([], ["JC1"], ["JC201"]),
        (["JC105", "JC2"], ["JC1"], ["JC105", "JC201"]),
        (["JC"], ["incomparable-types"], ["JC102", "JC201"]),
        (["JC102"], ["undefined-name"], []),
    ],
)
def test_the_more_specific_selector_decides(
    select: list[str], ignore: list[str], expected: list[str]
) -> None:
    assert [finding.code for finding in choose(FINDINGS, select, ignore)] == expected


def test_severities_follow_the_most_specific_selector() -> None:
    chosen = choose(FINDINGS, severities={"JC1": "info", "JC105": "warning"})
    assert [finding.severity for finding in chosen] == ["info", "warning", "error"]
    assert FINDINGS[0].severity == "error", "the findings themselves stay as they are"


def test_selectors_that_mean_nothing_are_found() -> None:
    assert unknown_selectors(["JC1", "unknown-need", "JC9", "unknwon", ""], CODES) == ["JC9", "unknwon", ""]
