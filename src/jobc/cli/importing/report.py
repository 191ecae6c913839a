"""The report of an import: for people, or as JSON."""

from __future__ import annotations

import json
from typing import Any

from jobc.cli.importing.item import ATTENTION, CHANGED, DROPPED, Item
from jobc.diagnostics.render.paint import Paint, one_line

#: How each severity is coloured: as the severity of a finding that weighs as much.
_WEIGHT = {CHANGED: "info", ATTENTION: "warning", DROPPED: "warning"}


def render_text(items: list[Item], paint: Paint) -> str:
    """One paragraph an item: where and what, what it was and is now, and what to do."""
    lines: list[str] = []
    for item in items:
        span = item.span
        place = paint.place(f"{span.file.path}:{span.line}:{span.column}:")
        severity = paint.severity(_WEIGHT[item.severity], f"{item.severity}:")
        lines.append(f"{place} {severity} {one_line(item.message)}")
        was, now = _shown(item.was), _shown(item.now)
        if item.now == item.was:
            pass
        elif now:
            lines.append(f"    {f'`{was}`' if was else 'nothing'} → `{now}`")
        elif was:
            lines.append(f"    `{was}` → nothing")
        if item.help:
            lines.append(f"  {paint.remedy('do:')} {one_line(item.help)}")
    lines.append(_summary(items))
    return "\n".join(lines) + "\n"


def render_json(items: list[Item], path: str, output: str | None) -> str:
    """`{version, path, output, complete, items: [{severity, path, line, …, was, now, message, help}]}`."""
    made: dict[str, Any] = {
        "version": 1,
        "path": path,
        "output": output,
        "complete": not any(item.severity != CHANGED for item in items),
        "items": [
            {
                "severity": item.severity,
                "path": item.span.file.path,
                "line": item.span.line,
                "column": item.span.column,
                "endLine": item.span.end_line,
                "endColumn": item.span.end_column,
                "was": item.was,
                "now": item.now,
                "message": item.message,
                "help": item.help,
            }
            for item in items
        ],
    }
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def _summary(items: list[Item]) -> str:
    counts = {name: sum(item.severity == name for item in items) for name in (CHANGED, ATTENTION, DROPPED)}
    if not items:
        return "nothing had to change"
    verb = "needs" if counts[ATTENTION] == 1 else "need"
    return f"{counts[CHANGED]} changed, {counts[ATTENTION]} {verb} attention, {counts[DROPPED]} dropped"


def _shown(text: str) -> str:
    """The first line of a text, shortened."""
    first, _, more = text.strip().partition("\n")
    first = first if len(first) <= 100 else first[:99] + "…"
    return one_line(first) + (" …" if more else "")
