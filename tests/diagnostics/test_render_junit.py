"""JUnit reports as readers take them: counts that are right, and XML whatever a finding holds."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes import SHAPES, finding, place

from jobc.diagnostics.render import render
from jobc.source.file import SourceFile


def report(findings: list[object]) -> Xml.Element:
    return Xml.fromstring(render(findings, "junit", files=2))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_counts_are_those_of_the_cases(shape: str) -> None:
    root = report(SHAPES[shape])
    assert root.tag == "testsuites"
    suites = root.findall("testsuite")
    for each in [root, *suites]:
        assert int(each.get("tests", "")) == len(list(each.iter("testcase")))
        assert int(each.get("failures", "")) == len(list(each.iter("failure")))
    assert len(list(root.iter("testcase"))) == max(1, len(SHAPES[shape]))
    assert all(case.get("name") and case.get("classname") for case in root.iter("testcase"))


def test_errors_fail_and_advice_passes() -> None:
    file = SourceFile("a.job.yml", "a: 1\nb: 2\n")
    root = report([finding(place(file, "1"), help="mend it"), finding(place(file, "2"), severity="info")])
    failed, passed = root.iter("testcase")
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("type") == "error"
    assert failure.text == "a.job.yml:1:4: something is wrong\nhelp: mend it"
    assert passed.find("failure") is None
    assert passed.find("system-out") is not None


def test_what_xml_cannot_hold_is_replaced() -> None:
    file = SourceFile("a\x00<&>.yml", "a: 1\n")
    root = report([finding(place(file, "1"), message="bad \x1b[31m \ud800 ]]> value")])
    assert root.find("testsuite").get("name") == "a\ufffd<&>.yml"  # type: ignore[union-attr]


def test_clean_files_give_one_case_that_passed() -> None:
    (case,) = report([]).iter("testcase")
    assert case.get("name") == "no findings in 2 files"
