"""Whether a stage may change `params`, which then are others for the rest of the job.

A Python stage has them as an object of its own: assigning to a name or a key of it, deleting one, calling what changes a
mapping, and handing the object on may change any of them. Reads do not, nor does a change inside a list or map, of
whose items nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from jobc.syntax.ast import PyStage, Stage, child_stages

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast

_HOLE = re.compile(r"\$\{\{.*?\}\}|\$<<.*?>>", re.DOTALL)
_READING = frozenset(("get", "items", "keys", "values", "copy"))
_HARMLESS = frozenset(("print", "len", "str", "repr", "dict", "list", "sorted", "bool", "isinstance"))
_DYNAMIC = frozenset(("exec", "eval", "globals", "locals", "vars", "setattr", "delattr"))


def change_params(stages: Iterable[Stage]) -> bool:
    """Whether one of these stages, or one inside them, may change them."""
    for stage in stages:
        if (
            isinstance(stage, PyStage)
            and "params" in stage.script.node.text
            and _changes(stage.script.node.text)
        ):
            return True
        if any(change_params(body) for body in child_stages(stage)):
            return True
    return False


@lru_cache(maxsize=1024)
def _changes(script: str) -> bool:
    text = _HOLE.sub("0", script)
    if re.search(r"\bparams\b", text) is None:
        return False
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return any(
        node.id in _DYNAMIC or (node.id == "params" and not _reads(node, parents))
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
    )


def _reads(node: ast.Name, parents: dict[ast.AST, ast.AST]) -> bool:
    import ast

    parent = parents[node]
    if isinstance(node.ctx, ast.Store):
        # Another object gets the name; `params |= …` changes this one.
        return not isinstance(parent, ast.AugAssign)
    if isinstance(parent, ast.Attribute):
        call = parents[parent]
        called = isinstance(call, ast.Call) and call.func is parent
        return isinstance(parent.ctx, ast.Load) and (not called or parent.attr in _READING)
    if isinstance(parent, ast.Subscript):
        return parent.slice is node or isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        return parent.func.id in _HARMLESS
    return isinstance(
        parent, ast.FormattedValue | ast.Compare | ast.For | ast.comprehension | ast.If | ast.keyword
    )
