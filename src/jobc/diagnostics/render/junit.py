"""Findings as a JUnit report: a suite for each file, a failed case for each error or warning.

What is only worth knowing is a case that passed, with the words in its output. Without findings there is one case
that passed, since readers take a report without cases for a broken one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from jobc.diagnostics.diagnostic import Finding

#: What XML 1.0 cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(findings: Sequence[Finding], *, files: int, color: bool = False, width: int | None = None) -> str:
    root = Xml.Element("testsuites", name="jobc lint")
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.diagnostic.span.file.path, []).append(finding)
    for path, found in by_path.items():
        suite = _suite(root, path, len(found), sum(finding.severity != "info" for finding in found))
        for finding in found:
            _case(suite, path, finding)
    if not by_path:
        suite = _suite(root, "jobc lint", 1, 0)
        name = f"no findings in {files} file{'' if files == 1 else 's'}"
        Xml.SubElement(suite, "testcase", classname="jobc", name=name, time="0")
    failures = sum(finding.severity != "info" for finding in findings)
    root.set("tests", str(max(1, len(findings))))
    root.set("failures", str(failures))
    root.set("errors", "0")
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _suite(root: Xml.Element, name: str, tests: int, failures: int) -> Xml.Element:
    return Xml.SubElement(
        root,
        "testsuite",
        name=_text(name),
        tests=str(tests),
        failures=str(failures),
        errors="0",
        skipped="0",
        time="0",
    )


def _case(suite: Xml.Element, path: str, finding: Finding) -> None:
    diagnostic = finding.diagnostic
    line, column = diagnostic.span.file.position(diagnostic.span.start)
    case = Xml.SubElement(
        suite,
        "testcase",
        classname=_text(path),
        name=f"{finding.code} {diagnostic.rule} at {line}:{column}",
        file=_text(path),
        line=str(line),
        time="0",
    )
    words = [f"{path}:{line}:{column}: {diagnostic.message}"]
    if diagnostic.help:
        words.append(f"help: {diagnostic.help}")
    words += [
        f"{label.span.file.path}:{label.span.line}:{label.span.column}: {label.message}"
        for label in diagnostic.related
    ]
    text = _text("\n".join(words))
    if finding.severity == "info":
        Xml.SubElement(case, "system-out").text = text
    else:
        failure = Xml.SubElement(case, "failure", message=_text(diagnostic.message), type=finding.severity)
        failure.text = text


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
