"""Where the Python code of a reused stage reads a parameter that the use has bound.

A script is text that nothing is put into, and `params` in it are those of the run. A stage that reads `params.n`,
reused with a value for `n`, would see another `n` or none, so each such place is found: `params.n`, `params['n']` and
`params.get('n')`. Code that does not parse says nothing here; it is reported where it is written.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from jobc.source.file import Span
from jobc.source.templates import Hole, offset_map
from jobc.syntax.ast import PyStage, TemplateValue


def reads(stage: PyStage, names: Container[str]) -> Iterator[tuple[str, Span]]:
    """(name, place) of each read of one of `names` from `params`, in no certain order."""
    node = stage.script.node
    code = node.text
    if "params" not in code or any(item.key == "params" for item in stage.vars):
        return
    if isinstance(stage.script, TemplateValue) and stage.script.template is not None:
        for part in stage.script.template.parts:
            if isinstance(part, Hole):
                code = code[: part.start] + "0" * (part.end - part.start) + code[part.end :]
    import ast

    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    lines = code.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    places = offset_map(node)
    for found in ast.walk(tree):
        name = _read(found)
        if name is None or name not in names:
            continue
        assert isinstance(found, ast.expr)
        row = found.lineno - 1
        start = starts[row] + len(lines[row].encode()[: found.col_offset].decode())
        yield name, Span(node.file, places.at(start), places.at(start + len("params") - 1) + 1)


def _read(node: object) -> str | None:
    """The parameter that a node of Python's tree reads."""
    import ast

    key: ast.expr | None = None
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _is_params(node.value):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_params(node.value):
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        key = node.args[0] if node.func.attr == "get" and _is_params(node.func.value) else None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _is_params(node: object) -> bool:
    import ast

    return isinstance(node, ast.Name) and node.id == "params"
