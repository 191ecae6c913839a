"""What a shell script does with certain variables: names a command with one, runs it as code, prints it, passes it on.

The script is parsed by tree-sitter. From each expansion of a variable the walk goes up to the command that it is part
of; what stands around that command says where the output of the command goes. What is not understood is an `other`
use, about which nothing should be said.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

from jobc.sema.scripts_programs import bare, code_argument, program

if TYPE_CHECKING:
    from tree_sitter import Node

COMMAND = "command"
CODE = "code"
ARGUMENT = "argument"
OTHER = "other"

#: Where the output of a command goes: the log, `$JOBC_OUTPUT`, or somewhere else.
LOG = "log"
OUTPUT = "output"
ELSEWHERE = "elsewhere"

#: Commands of the shell itself: their arguments are in no list of processes.
BUILTINS = frozenset(
    ("echo", "printf", "test", "[", "[[", "export", "read", "declare", "local", "typeset", "set", ":", "true")
)
PRINTING = frozenset(("echo", "printf"))


class Use:
    """One expansion of the variable `name` on `line` (from 1); `program` is the command's base name, `text` its words."""

    __slots__ = ("goes", "line", "name", "program", "role")

    def __init__(self, name: str, line: int, role: str, program: str, goes: str) -> None:
        self.name = name
        self.line = line
        self.role = role
        self.program = program
        self.goes = goes


def uses(text: str, names: Set[str]) -> list[Use]:
    """Every use of these variables in a script, in its order."""
    if not any(name in text for name in names):
        return []
    from jobc.sema.scripts_tree import Script, parse

    root = parse(Script(text))
    return [
        _use(node, name)
        for node in _variables(root)
        if (name := _text(node)) in names and node.parent is not None
    ]


def _variables(root: Node) -> Iterator[Node]:
    todo = [root]
    while todo:
        node = todo.pop()
        if (
            node.type == "variable_name"
            and node.parent is not None
            and node.parent.type in ("simple_expansion", "expansion")
        ):
            yield node
        todo.extend(reversed(node.children))


def _use(variable: Node, name: str) -> Use:
    line = variable.start_point[0] + 1
    node: Node = variable
    while node.parent is not None:
        parent = node.parent
        if parent.type == "command":
            role, base = _in_command(parent, node)
            return Use(name, line, role, base, _goes(parent))
        if parent.type in ("command_substitution", "process_substitution", "variable_assignment", "subshell"):
            break
        if parent.type == "ERROR":
            break
        node = parent
    return Use(name, line, OTHER, "", ELSEWHERE)


def _in_command(command: Node, child: Node) -> tuple[str, str]:
    head = command.child_by_field_name("name")
    if head is None:
        return OTHER, ""
    words = [head, *command.children_by_field_name("argument")]
    texts = [bare(_text(word)) for word in words]
    if child.id == head.id:
        return COMMAND, ""
    base = program(texts[0])
    for position, word in enumerate(words):
        if word.id == child.id:
            if base == "eval" or code_argument(texts, position):
                return CODE, base
            if base in ("exec", "command", "nohup", "sudo", "env") and position == 1:
                return COMMAND, base
            return ARGUMENT, base
    return OTHER, base


def _goes(command: Node) -> str:
    """Where what a command prints goes."""
    node = command
    while node.parent is not None:
        parent = node.parent
        if parent.type in ("command_substitution", "process_substitution", "function_definition"):
            return ELSEWHERE
        if parent.type == "pipeline" and parent.named_children[-1].id != node.id:
            return ELSEWHERE
        if parent.type == "redirected_statement":
            for part in parent.children_by_field_name("redirect"):
                words = _text(part)
                if part.type == "file_redirect" and not words.startswith(("<", "2>")) and ">&" not in words:
                    return OUTPUT if "JOBC_OUTPUT" in words else ELSEWHERE
        node = parent
    return LOG


def _text(node: Node) -> str:
    return "" if node.text is None else node.text.decode("utf-8", "surrogatepass")
