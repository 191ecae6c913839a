"""The variables of a shell script: which it reads without a guard, and which it sets.

A read counts where an unset variable would go unnoticed: `$x` and `${x}`, also with a pattern operator. One with its own
answer for an unset variable (`${x:-…}`, `${x+…}`, `${x:?…}`), one that a test asks for (`[ -n "$x" ]`, `-v x`), and the
names in arithmetic are none. Anything that looks like setting a name counts as setting it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobc.sema.remembered import Remembered

if TYPE_CHECKING:
    from tree_sitter import Node

#: Commands whose words are names that they set.
_SETTING = frozenset(
    ("read", "mapfile", "readarray", "getopts", "unset", "wait", "printf", "local", "select")
)
#: The nodes that are looked at.
_TELLING = frozenset(
    (
        "simple_expansion",
        "expansion",
        "variable_assignment",
        "declaration_command",
        "unset_command",
        "for_statement",
        "arithmetic_expansion",
        "c_style_for_statement",
        "compound_statement",
        "command",
        "file_redirect",
        "test_command",
        "unary_expression",
    )
)
_NAMES = re.compile(r"[A-Za-z_]\w*")
_READ = re.compile(rb"\$(?:\{([A-Za-z_]\w*)(?:\}|[%#/^,@\[])|([A-Za-z_]\w*))")


class Variables:
    """`reads` are (name, start, end) in characters, in order; `sets` the names set or asked for.

    `open`: the script runs text that cannot be seen (`source`, `eval`), which may set anything.
    """

    __slots__ = ("open", "reads", "sets")

    def __init__(self) -> None:
        self.reads: list[tuple[str, int, int]] = []
        self.sets: set[str] = set()
        self.open = False


_FOUND: Remembered[str, Variables] = Remembered(1_000_000)


def may_read(text: str) -> set[str]:
    """The names that a script may read, more rather than fewer, without parsing it."""
    return {(m[1] or m[2]).decode() for m in _READ.finditer(text.encode("utf-8", "surrogatepass"))}


def variables(text: str) -> Variables:
    found = _FOUND.get(text)
    return _FOUND.keep(text, _variables(text), len(text)) if found is None else found


def _variables(text: str) -> Variables:
    from jobc.sema.scripts_tree import Script, parse

    data = text.encode("utf-8", "surrogatepass")
    root = parse(Script(text))
    found = Variables()
    if root.has_error:
        found.open = True
        return found
    _walk(root, data, found)
    found.reads.sort(key=lambda read: read[1])
    return found


def _walk(root: Node, data: bytes, found: Variables) -> None:
    """Visit every node; `tests` are those inside of tests, which are left to the end."""
    pending = [root]
    tests: list[Node] = []
    while pending or tests:
        tested = not pending
        node = tests.pop() if tested else pending.pop()
        if node.type in _TELLING:
            tested = _visit(node, data, found, tested)
        if tested:
            tests += node.children
        else:
            pending += node.children


def _visit(node: Node, data: bytes, found: Variables, tested: bool) -> bool:
    kind = node.type
    text = data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")
    if kind in ("simple_expansion", "expansion"):
        _expansion(node, data, found, tested)
    elif kind == "variable_assignment":
        found.sets.add(re.split(r"\W", text, maxsplit=1)[0])
    elif kind in ("declaration_command", "unset_command"):
        found.sets.update(_NAMES.findall(text))
    elif kind == "for_statement":
        variable = node.child_by_field_name("variable")
        if variable is not None:
            found.sets.add(data[variable.start_byte : variable.end_byte].decode("utf-8", "surrogatepass"))
    elif kind in ("arithmetic_expansion", "c_style_for_statement") or (
        kind == "compound_statement" and text.startswith("((")
    ):
        found.sets.update(_NAMES.findall(text))
    elif kind == "command":
        name = node.child_by_field_name("name")
        word = (
            data[name.start_byte : name.end_byte].decode("utf-8", "surrogatepass") if name is not None else ""
        )
        if word in ("source", ".", "eval", "coproc") or not re.fullmatch(r"[\w./:+\[\]-]+", word or ":"):
            found.open = True
        if word in _SETTING or word == "let":
            found.sets.update(re.findall(r"(?<![$\w])[A-Za-z_]\w*", text))
        if word == "[" or word == "test":
            tested = True
    elif kind == "file_redirect" and "{" in text:
        found.sets.update(re.findall(r"\{(\w+)\}", text))
    elif kind in ("test_command", "unary_expression"):
        found.sets.update(re.findall(r"-[vnzR]\s+\"?\$?\{?([A-Za-z_]\w*)", text))
    return tested


def _expansion(node: Node, data: bytes, found: Variables, tested: bool) -> None:
    """A read, or a name with its own answer for an unset variable."""
    # The parser counts blanks before an expansion in a string to it.
    start = data.find(b"$", node.start_byte, node.end_byte)
    text = data[start : node.end_byte].decode("utf-8", "surrogatepass")
    match = _READ.match(data, start)
    if match is None or tested:
        found.sets.update(re.findall(r"^\$\{?[!#]?(\w+)", text))
        return
    at = len(data[:start].decode("utf-8", "surrogatepass"))
    found.reads.append(((match[1] or match[2]).decode(), at, at + len(text)))
