"""What a part of a program does, as JSON: its codes as trees in place, without places, titles, limits and retries.

Two parts with equal shapes do the same with the same values, wherever they stand and whatever they are called.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List

from jobc.ir import program as ir
from jobc.ir.codec import LAYOUT

#: Of a stage: what is for people, and what decides how often and how long it is tried.
_UNTOLD: FrozenSet[str] = frozenset(["name", "desc", "extras", "timeout", "retry"])
#: Of a workflow and its jobs, where a stage triggers one.
_SCHEDULING: FrozenSet[str] = frozenset(["on", "desc", "extras", "max_parallel", "concurrency", "cache"])


def shape(node: Any, program: ir.Program, above: FrozenSet[int] = frozenset()) -> Any:
    """The shape of a stage, script, job or workflow. `above`: the workflows that it is part of, by index."""
    if isinstance(node, list):
        return [shape(item, program, above) for item in node]
    row: Dict[str, Any] = {}
    if isinstance(node, ir.Stage):
        row["kind"] = node.kind
    untold = _UNTOLD if isinstance(node, ir.Stage) else _SCHEDULING
    for field, kind, default in LAYOUT[type(node)]:
        value = getattr(node, field)
        if kind in ("span", "file", "lines") or field in untold or value is None or value == default:
            continue
        row[field] = _value(kind, value, program, above)
    return row


def _value(kind: str, value: Any, program: ir.Program, above: FrozenSet[int]) -> Any:
    if kind == "code":
        return program.codes[value].tree
    if kind == "codes":
        return [program.codes[code].tree for code in value]
    if kind == "named" or (kind == "matrix" and isinstance(value, list)):
        return [[name, program.codes[code].tree] for name, code in value]
    if kind == "matrix":
        return program.codes[value].tree
    if kind == "workflow":
        if value in above:
            return program.workflows[value].name
        return shape(program.workflows[value], program, above | {value})
    if kind in ("branches", "arms"):
        heads: List[Any] = []
        for head, stages in value:
            told = program.codes[head].tree if kind == "arms" and head is not None else head
            heads.append([told, shape(stages, program, above)])
        return heads
    if type(value) in LAYOUT or (isinstance(value, list) and value and type(value[0]) in LAYOUT):
        return shape(value, program, above)
    return value
