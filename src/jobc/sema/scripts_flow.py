"""Where a value goes once a script has put it into a variable of its own.

`n=${{ … }}` is safe in itself, and `$((n + 1))` on the next line runs the commands of a subscript in it.
So the variables that a value is assigned to are followed through the script: through further assignments,
loops, `read`, and arguments of its functions, until one of them stands where its text is parsed again.
There the rules for expressions hold for the variable: each of its expansions is judged as `scripts_bash`
judges an expression, and what it finds is said of the expression that the value came from.

A read of a variable sees the nearest assignment before it in the text; one in a branch, a loop or a
function may have been passed by, so the ones before it count as well. A variable that a `[[ … =~ … ]]`
or a `case` looks at may be used in arithmetic: that is how scripts make sure of a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jobc.sema import script_problems as problems
from jobc.sema.script_site import INTEGER, INTEGERS, Site
from jobc.sema.scripts_bash import judge
from jobc.sema.scripts_programs import bare, basename
from jobc.sema.scripts_quoting import scan
from jobc.sema.scripts_tree import Script, declared, parse

if TYPE_CHECKING:
    from tree_sitter import Node

_LOOPS = frozenset(("for_statement", "while_statement", "c_style_for_statement"))
_BRANCHES = (
    frozenset(("if_statement", "elif_clause", "else_clause", "case_item", "list", "function_definition"))
    | _LOOPS
)
_READERS = frozenset(("read", "mapfile", "readarray"))
#: Commands that may assign to variables they name.
_ASSIGNING = _READERS | {"printf"}
_HELP = "keep the text that is parsed constant, and pass the value to it as an argument"
#: Nodes in which the shell begins or ends to compute.
_CHANGING = frozenset(
    (
        "command_substitution",
        "process_substitution",
        "arithmetic_expansion",
        "compound_statement",
        "c_style_for_statement",
        "subscript",
    )
)
_DEFINES = re.compile(r"\(\s*\)|\bfunction\b")
_COMPUTED = re.compile(r"[A-Za-z_]\w*")


def follow(text: str, starts: Sequence[int], sites: Sequence[Site], free: Sequence[bool]) -> None:
    """Correct the sites of values that are `free` (may be any text) by what becomes of them later in the script."""
    if not any(
        f and s.problem is None and s.use in ("word", "words") for f, s in zip(free, sites, strict=True)
    ):
        return
    flow = _Flow(text)
    for start, site, any_text in zip(starts, sites, free, strict=True):
        if any_text and site.problem is None and site.use in ("word", "words"):
            flow.follow(start, site)


class _Use:
    """One read of a variable: by expansion (`$x`), or by its bare name where the shell computes."""

    __slots__ = ("bare", "name", "node")

    def __init__(self, name: str, node: Node, bare: bool) -> None:
        self.name = name
        self.node = node
        self.bare = bare


class _Flow:
    def __init__(self, text: str) -> None:
        self._script = Script(text)
        self._root = parse(self._script)
        self._uses: dict[str, list[_Use]] = {}
        self._definitions: dict[str, list[Node]] = {}
        self._functions: set[str] = set()
        self._guarded: set[str] = set()
        self._quoting: dict[int, str] = {}
        self._collected = False

    # ------------------------------------------------------------------ reading the script

    def _collect(self) -> None:
        self._collected = True
        #: Parts that are read apart from what is around them, and whether the shell computes there.
        parts: list[tuple[Node, bool]] = [(self._root, False)]
        while parts:
            part, computing = parts.pop()
            self._collect_in(part, computing, parts)

    def _collect_in(self, part: Node, computing: bool, parts: list[tuple[Node, bool]]) -> None:
        pending = [part]
        while pending:
            node = pending.pop()
            kind = node.type
            if kind in ("simple_expansion", "expansion"):
                name = self._name_of(node)
                if name:
                    self._uses.setdefault(name, []).append(_Use(name, node, bare=False))
            elif kind == "function_definition":
                self._functions.add(self._function(node))
            elif kind in ("variable_assignment", "for_statement"):
                for name in self._assigned(node):
                    self._definitions.setdefault(name, []).append(node)
            elif kind == "command":
                program = self._program(node)
                if program in _ASSIGNING:
                    for name in _named_by(self._words(node)):
                        self._definitions.setdefault(name, []).append(node)
                elif program == "let":
                    for name in _COMPUTED.findall(self._script.of(node)):
                        self._uses.setdefault(name, []).append(_Use(name, node, bare=True))
            elif kind == "case_statement" or (kind == "binary_expression" and "=~" in self._script.of(node)):
                subject = node.child_by_field_name("value") if kind == "case_statement" else node.child(0)
                if subject is not None:
                    self._guarded.update(re.findall(r"\$\{?(\w+)", self._script.of(subject)))
            if computing and kind in ("variable_name", "word") and not _is_other(node):
                name = self._script.of(node)
                self._uses.setdefault(name, []).append(_Use(name, node, bare=True))
            if kind in _CHANGING:
                for child in node.children:
                    inner = self._computes(node, child, computing)
                    if inner == computing:
                        pending.append(child)
                    else:
                        parts.append((child, inner))
            else:
                pending += node.children

    def _computes(self, node: Node, child: Node, computing: bool) -> bool:
        if node.type in ("command_substitution", "process_substitution"):
            return False
        if node.type == "arithmetic_expansion" or (
            node.type == "compound_statement" and self._script.of(node).startswith("((")
        ):
            return True
        if node.type == "c_style_for_statement":
            return child.type not in ("do_group", "compound_statement")
        if node.type == "subscript":
            first = next((c for c in node.children if c.type == "variable_name"), None)
            if first is None or child == first:
                return computing
            return not declared(self._script, self._script.of(first), "A")
        return computing

    def _name_of(self, expansion: Node) -> str:
        text = self._script.of(expansion)
        found = re.match(r"\$\{?!?(\w+|[@*])", text)
        return "" if found is None or text.startswith("${#") else found.group(1)

    def _function(self, node: Node) -> str:
        name = node.child_by_field_name("name")
        return "" if name is None else self._script.of(name)

    def _assigned(self, node: Node) -> list[str]:
        name = node.child_by_field_name("name" if node.type == "variable_assignment" else "variable")
        return [] if name is None else [self._script.of(name).split("[", 1)[0]]

    def _words(self, command: Node) -> list[str]:
        return [bare(self._script.of(c)) for c in _named(command)]

    def _program(self, command: Node) -> str:
        """The first word of a command."""
        words = _named(command)
        return bare(self._script.of(words[0])) if words else ""

    # ------------------------------------------------------------------ following one value

    def follow(self, start: int, site: Site) -> None:
        node = self._script.node_at(self._root, start)
        if node is None:
            return
        pending = list(self._bindings(node))
        seen = set(pending)
        while pending:
            binding = pending.pop()
            if declared(self._script, binding[1], "i"):
                site.use = INTEGERS
            for use in self._reached(binding):
                self._judge(use, site)
                if site.problem is not None:
                    return
                if not use.bare:
                    for further in self._bindings(use.node):
                        if further not in seen:
                            seen.add(further)
                            pending.append(further)

    def _judge(self, use: _Use, site: Site) -> None:
        found = self._found(use)
        if problems.is_code(found.problem):
            site.problem = (f"the value goes into `${use.name}`, whose text is then parsed as code", _HELP)
        elif found.problem == problems.NAME and not self._is_exported(use.node):
            site.problem = (
                f"the value goes into `${use.name}`, whose text is then the name of a variable",
                "name the variables in the script, as with case",
            )
        elif found.problem is None and found.use == INTEGER and use.name not in self._guarded:
            site.use = INTEGERS

    def _is_exported(self, node: Node) -> bool:
        """`export "$x"` takes the name and the value apart by itself and computes nothing."""
        return any(
            a.type == "declaration_command" and self._script.of(a).startswith(("export", "readonly"))
            for a in _ancestors(node)
        )

    def _found(self, use: _Use) -> Site:
        text = self._script.of(use.node)
        if use.bare:
            return Site("arithmetic", INTEGER)
        if text.startswith("${!") and not re.fullmatch(r"\$\{!\w+(?:[@*]|\[[@*]\])\}", text):
            return Site("", problem=problems.NAME)
        if re.fullmatch(r"\$\{\w+@P\}", text):
            return Site("", problem=problems.CODE_AGAIN)
        start = self._script.index(use.node.start_byte)
        end = start + len(text)
        if not self._quoting:
            self._scan()
        return judge(self._script, self._quoting.get(start), use.node, start, end)

    def _scan(self) -> None:
        """How each expansion is quoted, by its start; one inside another needs a scan of its own."""
        spans = sorted(
            (use.node.start_byte, -use.node.end_byte)
            for uses in self._uses.values()
            for use in uses
            if not use.bare
        )
        while spans:
            layer: list[tuple[int, int]] = []
            inner: list[tuple[int, int]] = []
            last = -1
            for span in spans:
                (layer if span[0] >= last else inner).append(span)
                last = max(last, -span[1]) if span[0] >= last else last
            starts = [self._script.index(start) for start, _ in layer]
            found = scan(self._script.text, starts, [self._script.index(-end) for _, end in layer])
            self._quoting.update((starts[number], quoting) for number, quoting in found.items())
            spans = inner

    def _bindings(self, node: Node) -> Iterator[tuple[str, str, int]]:
        """What is assigned from this place: (function, variable, where in the text); the function for arguments only."""
        child, at = node, node.parent
        while at is not None:
            kind = at.type
            if kind == "variable_assignment":
                for name in self._assigned(at):
                    yield "", name, at.start_byte
                return
            if kind == "for_statement":
                if not any(c == child and c.type == "do_group" for c in at.children):
                    for name in self._assigned(at):
                        yield "", name, at.start_byte
                return
            if kind == "expansion" and (found := re.match(r"\$\{(\w+):?=", self._script.of(at))):
                yield "", found.group(1), at.start_byte
            elif kind in ("herestring_redirect", "heredoc_redirect"):
                commands = self._redirected(at)
                for command in commands:
                    for name in _named_by(self._words(command)):
                        yield "", name, command.start_byte
                if not any(self._words(command)[:1] == ["cat"] for command in commands):
                    return
            elif kind == "command":
                words = self._words(at)
                yield from self._arguments(at, child, words)
                for name in _named_by(words) if words[:1] == ["printf"] else ():
                    yield "", name, at.start_byte
                if words and basename(words[0]) not in ("echo", "printf"):
                    return
            elif kind in ("pipeline", "function_definition", "do_group", "process_substitution"):
                return
            child, at = at, at.parent

    def _redirected(self, redirect: Node) -> list[Node]:
        owner = redirect.parent
        if owner is None or owner.type == "command":
            return [] if owner is None else [owner]
        body = owner.child_by_field_name("body")
        if body is not None and body.type == "while_statement":
            return [c for c in body.children if c.type == "command"]
        return [] if body is None or body.type != "command" else [body]

    def _arguments(self, command: Node, child: Node, words: list[str]) -> Iterator[tuple[str, str, int]]:
        if not words:
            return
        if not self._collected and _DEFINES.search(self._script.text):
            self._collect()
        if words[0] != "set" and words[0] not in self._functions:
            return
        named = _named(command)
        scope = words[0] if words[0] in self._functions else self._scope(command)
        if words[0] != "set" and child in named:
            names = [str(named.index(child)), "@", "*"]
        else:
            names = [*map(str, range(1, 10)), "@", "*"]
        for name in names:
            yield scope, name, command.start_byte

    def _scope(self, node: Node) -> str:
        """The function that a place is in, or nothing."""
        at = node.parent
        while at is not None:
            if at.type == "function_definition":
                return self._function(at)
            at = at.parent
        return ""

    def _reached(self, binding: tuple[str, str, int]) -> list[_Use]:
        if not self._collected:
            self._collect()
        scope, name, position = binding
        uses = self._uses.get(name, [])
        if not (name[0].isalpha() or name[0] == "_"):
            return [use for use in uses if self._scope(use.node) == scope]
        return [use for use in uses if self._sees(use.node, name, position)]

    def _sees(self, use: Node, name: str, position: int) -> bool:
        """Whether a read of a variable may find what was assigned at `position`."""
        around = list(_ancestors(use))
        before = sorted(
            (
                d
                for d in self._definitions.get(name, [])
                if d.start_byte < use.start_byte and not _encloses(d, use)
            ),
            key=lambda d: -d.start_byte,
        )
        # Rounds of a loop: what one assigns is read by the next.
        rounds = [a for a in around if a.type in _LOOPS and a.start_byte <= position < a.end_byte]
        for definition in before:
            if definition.start_byte == position:
                return True
            outer = list(_ancestors(definition))
            if not any(a.type in _BRANCHES and a not in around for a in outer):
                return position > use.start_byte and any(a not in outer for a in rounds)
        return (
            position < use.start_byte or bool(rounds) or any(a.type == "function_definition" for a in around)
        )


def _named(command: Node) -> list[Node]:
    """The name of a command and its arguments, not the variables that it alone gets (`IFS= read x`)."""
    return [
        child
        for child in command.children
        if child.is_named and child.type != "variable_assignment" and "redirect" not in child.type
    ]


def _named_by(words: list[str]) -> list[str]:
    """The variables that a command of these words assigns to."""
    if words[:1] and words[0] in _READERS:
        return [w for w in words[1:] if re.fullmatch(r"[A-Za-z_]\w*", w)] or ["REPLY", "MAPFILE"]
    return [words[2]] if words[:2] == ["printf", "-v"] and len(words) > 2 else []


def _is_other(name: Node) -> bool:
    """Whether a name in arithmetic is part of an expansion, or assigned to."""
    parent = name.parent
    if parent is None or parent.type in ("simple_expansion", "expansion"):
        return True
    return parent.type == "variable_assignment" and parent.child_by_field_name("name") == name


def _encloses(definition: Node, use: Node) -> bool:
    return (
        definition.type == "variable_assignment"
        and definition.start_byte <= use.start_byte
        and use.end_byte <= definition.end_byte
    )


def _ancestors(node: Node) -> Iterator[Node]:
    at = node.parent
    while at is not None:
        yield at
        at = at.parent
