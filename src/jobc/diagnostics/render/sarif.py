"""Findings as SARIF 2.1.0: rules with their pages, places, related places, fixes and fingerprints.

Columns count code points. A rule's id is its code; where several rules share a code, `code/name`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from jobc.diagnostics.diagnostic import Edit, Finding, Fix
from jobc.diagnostics.fingerprint import fingerprints
from jobc.source.file import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
DOCUMENTATION = "https://jobc.readthedocs.io"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PRECISIONS = {"high": "very-high", "medium": "medium", "low": "low"}


class Described(Protocol):
    """What SARIF says of a rule; `page` is its documentation in Markdown."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def page(self) -> str: ...


class Tool:
    """What SARIF says of jobc itself."""

    __slots__ = ("rules", "version")

    def __init__(self, version: str, rules: Sequence[Described]) -> None:
        self.version = version
        self.rules = rules


def render(findings: Sequence[Finding], tool: Tool) -> str:
    rules = tool.rules
    codes = [rule.code for rule in rules]
    ids = {
        rule.name: rule.code if codes.count(rule.code) == 1 else f"{rule.code}/{rule.name}" for rule in rules
    }
    index = {rule.name: number for number, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "jobc",
                "version": tool.version,
                "semanticVersion": tool.version,
                "informationUri": DOCUMENTATION,
                "rules": [_rule(rule, ids[rule.name]) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, ids, index, fingerprint)
            for finding, fingerprint in zip(findings, fingerprints(findings), strict=True)
        ],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _rule(rule: Described, id: str) -> dict[str, Any]:
    return {
        "id": id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": _sentence(rule.summary)},
        "help": {"text": _sentence(rule.summary), "markdown": rule.page},
        "helpUri": f"{DOCUMENTATION}/reference/rules/{rule.name}/",
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.name]},
    }


def _sentence(text: str) -> str:
    plain = text.replace("`", "")
    return plain[:1].upper() + plain[1:] + "."


def _result(
    finding: Finding, ids: Mapping[str, str], index: Mapping[str, int], fingerprint: str
) -> dict[str, Any]:
    diagnostic = finding.diagnostic
    text = diagnostic.message + (f"\n{diagnostic.help}" if diagnostic.help else "")
    result: dict[str, Any] = {
        "ruleId": ids.get(diagnostic.rule, finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": _literal(text)},
        "locations": [_location(diagnostic.span)],
        "partialFingerprints": {"jobcFinding/v1": fingerprint},
        "properties": {"rule": diagnostic.rule, "precision": _PRECISIONS[diagnostic.confidence]},
    }
    if diagnostic.rule in index:
        result["ruleIndex"] = index[diagnostic.rule]
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, **_location(label.span), "message": {"text": _literal(label.message)}}
            for number, label in enumerate(diagnostic.related)
        ]
    if diagnostic.fix is not None and diagnostic.fix.edits:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _literal(text: str) -> str:
    """Text in which SARIF is to see no links and no placeholders."""
    return re.sub(r"([\\\[\]])", r"\\\1", text).replace("{", "{{").replace("}", "}}")


def _location(span: Span) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(span.file.path)},
            "region": _region(span),
        }
    }


def _region(span: Span) -> dict[str, int]:
    line, column = span.file.position(span.start)
    end_line, end_column = span.file.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(path: str) -> str:
    shown = path.replace("\\", "/")
    text = quote(shown, safe="/~@!$&'()*+,;=-._")
    return f"file://{text}" if shown.startswith("/") else text


def _fix(fix: Fix) -> dict[str, Any]:
    changes: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.span.file.path, []).append(edit)
    how = fix.message if fix.safe else f"{fix.message} (may change what the file means)"
    return {
        "description": {"text": _literal(how)},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(path)},
                "replacements": [
                    {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                    for edit in edits
                ],
            }
            for path, edits in changes.items()
        ],
    }
