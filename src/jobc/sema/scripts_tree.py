"""The tree of a shell script, as tree-sitter's grammar of bash gives it, and questions that are asked of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobc.sema.remembered import Remembered

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

BOUNDARIES = frozenset(("command_substitution", "process_substitution", "program"))

_PARSER: Parser | None = None
_TREES: Remembered[str, Node] = Remembered(2_000_000)


class Script:
    """A script's text, and the way between its indices and the tree's bytes."""

    __slots__ = ("ascii", "data", "declarations", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8", "surrogatepass")
        self.ascii = len(text) == len(self.data)
        #: Statements that give variables an attribute, by its letter (`declared`).
        self.declarations: dict[str, str] = {}

    def of(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    def index(self, byte: int) -> int:
        return byte if self.ascii else len(self.data[:byte].decode("utf-8", "surrogatepass"))

    def node_at(self, root: Node, start: int, end: int | None = None) -> Node | None:
        """The smallest node that holds these characters of the text."""
        first = start if self.ascii else len(self.text[:start].encode("utf-8", "surrogatepass"))
        return root.descendant_for_byte_range(first, first + ((end or start + 1) - start))


def parse(script: Script) -> Node:
    found = _TREES.get(script.text)
    if found is None:
        found = _TREES.keep(script.text, _parser().parse(script.data).root_node, len(script.text))
    return found


def _parser() -> Parser:
    global _PARSER
    if _PARSER is None:
        from tree_sitter import Language, Parser

        _PARSER = Parser(Language(_grammar()))
    return _PARSER


def _grammar() -> object:
    """What `tree_sitter_bash.language()` gives, without the imports of that package, which take longer than a file."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec("tree_sitter_bash")
    binding = package and PathFinder.find_spec(
        "tree_sitter_bash._binding", package.submodule_search_locations
    )
    if binding is None or binding.loader is None:
        import tree_sitter_bash

        return tree_sitter_bash.language()
    module = module_from_spec(binding)
    binding.loader.exec_module(module)
    return module.language()


def declared(script: Script, name: str, attribute: str) -> bool:
    """Whether the script declares the variable with an attribute: `A` (associative) or `i` (integer)."""
    found = script.declarations.get(attribute)
    if found is None:
        declaration = rf"\b(?:declare|typeset|local|readonly|export)\s+(?:[-+]\w+\s+)*-\w*{attribute}\w*\s(?:[^;\n]|\\\n)*"
        found = script.declarations[attribute] = "\n".join(re.findall(declaration, script.text))
    return bool(name and found) and re.search(rf"\b{re.escape(name)}\b", found) is not None


def commands_in(node: Node) -> list[Node]:
    found = []
    pending = [node]
    while pending:
        at = pending.pop()
        if at.type == "command":
            found.append(at)
        pending.extend(at.children)
    return found


def field_of(parent: Node, child: Node) -> str | None:
    children = parent.children
    return parent.field_name_for_child(children.index(child)) if child in children else None


def in_brackets(node: Node) -> bool:
    return _test(node) is not None


def test_around(node: Node) -> Node:
    found = _test(node)
    assert found is not None
    return found


def _test(node: Node) -> Node | None:
    at: Node | None = node
    while at is not None and at.type not in BOUNDARIES:
        if at.type == "test_command":
            return at
        if at.type == "command":
            return None
        at = at.parent
    return None
