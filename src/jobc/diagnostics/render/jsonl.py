"""Findings as JSON, one a line; nothing where there are none."""

from __future__ import annotations

import json
from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Finding
from jobc.diagnostics.render.json_ import to_json


def render(findings: Sequence[Finding], *, files: int, color: bool = False, width: int | None = None) -> str:
    return "".join(json.dumps(to_json(finding), ensure_ascii=False) + "\n" for finding in findings)
