"""The tree of a Python script, parsed once however many questions are asked of it."""

from __future__ import annotations

import ast
import warnings

from jobc.sema.remembered import Remembered

_TREES: Remembered[str, PythonTree] = Remembered(1_000_000)


class PythonTree:
    """`module` as `ast` gives it, which nobody changes; `nodes` are all nodes of it but contexts and operators, as `ast.walk` orders them."""

    __slots__ = ("_nodes", "_parents", "module")

    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self._nodes: list[ast.AST] | None = None
        self._parents: dict[ast.AST, ast.AST] | None = None

    @property
    def nodes(self) -> list[ast.AST]:
        if self._nodes is None:
            self._nodes = _nodes(self.module)
        return self._nodes

    @property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """What each node but the module stands in."""
        if self._parents is None:
            self._parents = {child: node for node in self.nodes for child in _children(node)}
        return self._parents


def parse(text: str) -> PythonTree:
    """The tree of a script. Raises as `ast.parse` does: SyntaxError, ValueError, RecursionError, MemoryError."""
    found = _TREES.get(text)
    if found is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _TREES.keep(text, PythonTree(ast.parse(text)), len(text))
    return found


def _nodes(module: ast.Module) -> list[ast.AST]:
    found: list[ast.AST] = [module]
    for node in found:
        found += _children(node)
    return found


#: Fields that hold names, constants, contexts and operators, whatever the node.
_PLAIN = frozenset(("arg", "attr", "ctx", "id", "is_async", "kind", "level", "module", "op", "ops", "simple"))
_fields: dict[type, tuple[str, ...]] = {ast.Constant: ()}


def _children(node: ast.AST) -> list[ast.AST]:
    names = _fields.get(node.__class__)
    if names is None:
        names = _fields[node.__class__] = tuple(name for name in node._fields if name not in _PLAIN)
    found: list[ast.AST] = []
    for name in names:
        part = getattr(node, name, None)
        if part.__class__ is list:
            found += [item for item in part if isinstance(item, ast.AST)]
        elif isinstance(part, ast.AST):
            found.append(part)
    return found
