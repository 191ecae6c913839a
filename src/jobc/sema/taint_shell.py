"""What a shell script does with the values of certain variables and files: runs them, prints them, hands them on.

The script is parsed by tree-sitter. Its own variables are found first: one carries a value where *every* assignment to it
does, so that a script which sets a variable anew, or reads it from elsewhere, has none that could be wrong. A variable that
`case`, a comparison or `grep -q` looks at is taken to be validated.

Then each read of such a variable (or `$(cat file)` of such a file) is followed upwards to the command that it is part of;
what stands around that command says where its output goes. Files count only under names that are spelt out, and relative
ones only in a script that stays in its folder. What is not understood is an `other` use, about which nothing should be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import normpath
from typing import TYPE_CHECKING, Generic, TypeVar

from jobc.sema.scripts_programs import bare, basename, command_at, program, runs_input
from jobc.sema.taint_programs import (
    ARGUMENT,
    CODE,
    COMMAND,
    IMAGE,
    PACKAGE,
    SCRIPT,
    names_script,
    role,
)

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "ARGUMENT",
    "CODE",
    "COMMAND",
    "FETCHED",
    "IMAGE",
    "LOG",
    "OUTPUT",
    "PACKAGE",
    "SCRIPT",
    "ShellFlow",
    "Use",
]

T = TypeVar("T")

FETCHED = "fetched"
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
_FETCHING = frozenset(("curl", "wget"))
_INNER = frozenset(("command_substitution", "process_substitution", "subshell", "ERROR"))
_MATCHES = frozenset(("=", "==", "=~", "!="))
_ROUNDS = 6
#: The last key of a JSON map that is written out, its value begun.
_JSON_KEY = re.compile(r"\"([A-Za-z_][\w-]*)\\?\"\s*:[\s\[\"'\\]*[^\"',{}]*$")
_PLAIN_PATH = re.compile(r"(?!-)[\w./+@%,-]+")


class Use(Generic[T]):
    """One use of a value: of the variable (or file) `name`, at `text[start:end]`; `program` is the command's base name.

    `output` is the name under which it is written to `$JOBC_OUTPUT`, where that is spelt out.
    """

    __slots__ = ("end", "goes", "name", "output", "program", "role", "start", "value")

    def __init__(
        self, name: str, value: T, start: int, end: int, role: str, program: str, goes: str, output: str
    ) -> None:
        self.name = name
        self.value = value
        self.start = start
        self.end = end
        self.role = role
        self.program = program
        self.goes = goes
        self.output = output


class ShellFlow(Generic[T]):
    """A script, and the values of its variables and files by name: `values` as it starts, `files` of what ran before.

    `groups` has the variables that stand for the same thing under one word; without it nothing validates a value.
    `uses` are in the order of the text. `written` are the constant names of files that it writes: with the value that goes
    into the file and the place of that, or None where something else replaces what was there.
    """

    def __init__(
        self,
        text: str,
        values: Mapping[str, T],
        files: Mapping[str, T],
        groups: Mapping[str, str] | None = None,
    ) -> None:
        from jobc.sema.scripts_tree import Script, parse

        self._script = Script(text)
        self._root = parse(self._script)
        self._groups = groups
        self._moves = re.search(r"(?m)(?:^|[;&|(]|\bthen|\bdo)\s*(?:cd|pushd)\b", text) is not None
        self._nodes = list(_walk(self._root))
        self._values = dict(values)
        self._files = {name: value for name, value in files.items() if self._knows(name)}
        before = dict(self._files)
        self.written: dict[str, tuple[T, int, int] | None] = {}
        self._set_variables()
        self.uses = self._all_uses()
        own = {name: found[0] for name, found in self.written.items() if found is not None}
        if own:
            # What the script reads of its own files; a file counts from where it is written.
            self._files = before | own
            self._set_variables()
            self._files = before
            self.uses = self._all_uses()

    @property
    def values(self) -> dict[str, T]:
        """The variables that carry a value when the script ends."""
        return self._values

    # ------------------------------------------------------------------ variables

    def _set_variables(self) -> None:
        definitions: dict[str, list[list[Node] | None]] = {}
        for node in self._nodes:
            for name, parts in self._defined(node):
                definitions.setdefault(name, []).append(parts)
        validated = set() if self._groups is None else self._validated()
        same = self._groups or {}
        groups = {same.get(name, name) for name in validated}
        for name in list(self._values):
            if same.get(name, name) in groups:
                del self._values[name]
        for _ in range(_ROUNDS):
            changed = False
            for name, places in definitions.items():
                found = [None if parts is None else self._carried(parts) for parts in places]
                carries = name not in validated and all(value is not None for value in found)
                if carries and name not in self._values:
                    self._values[name] = next(value for value in found if value is not None)
                    changed = True
                elif not carries and name in self._values:
                    del self._values[name]
                    changed = True
            if not changed:
                return
        for name in definitions:
            self._values.pop(name, None)

    def _defined(self, node: Node) -> Iterator[tuple[str, list[Node] | None]]:
        """The variables that a node assigns, with the nodes of what they get (None: something unknown)."""
        kind = node.type
        if kind == "variable_assignment":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None:
                known = name.type == "variable_name"
                yield self._of(name).split("[")[0], [value] if known and value is not None else None
        elif kind == "for_statement":
            name = node.child_by_field_name("variable")
            if name is not None:
                skipped = ("variable_name", "do_group", "compound_statement")
                yield self._of(name), [c for c in node.named_children if c.type not in skipped]
        elif kind == "command":
            words = self._texts(node)
            if words[:1] and words[0] in ("read", "mapfile", "readarray", "getopts", "unset"):
                for word in words[1:]:
                    if re.fullmatch(r"[A-Za-z_]\w*", word):
                        yield word, None
            elif words[:2] == ["printf", "-v"] and len(words) > 2:
                yield words[2], None
        elif kind == "unset_command":
            for child in node.named_children:
                yield self._of(child), None

    def _validated(self) -> set[str]:
        """The variables that the script compares with something, or matches."""
        found: set[str] = set()
        for node in self._nodes:
            subject: Node | None = None
            if node.type == "case_statement":
                subject = node.child_by_field_name("value")
            elif node.type == "binary_expression":
                operator, right = node.child_by_field_name("operator"), node.child_by_field_name("right")
                empty = right is None or self._of(right) in ('""', "''")
                if operator is not None and self._of(operator) in _MATCHES and not empty:
                    subject = node.child_by_field_name("left")
            elif node.type in ("pipeline", "redirected_statement") and re.search(
                r"\bgrep\b.* -\w*q", self._of(node)
            ):
                subject = node
            elif node.type == "command" and self._texts(node)[:1] in (["test"], ["["]):
                subject = node if any(mark in self._texts(node) for mark in _MATCHES) else None
            if subject is not None:
                found.update(re.findall(r"\$\{?(\w+)", self._of(subject)))
        return found

    def _carried(self, parts: list[Node]) -> T | None:
        for part in parts:
            found = next(self._sources(part), None)
            if found is not None:
                return found[2]
        return None

    def _sources(self, node: Node) -> Iterator[tuple[Node, str, T]]:
        """The places in a node that hold a value, with its name; not what another program makes of one."""
        if node.type in ("simple_expansion", "expansion"):
            name = self._expanded(node)
            if name in self._values:
                yield node, name, self._values[name]
            return
        if node.type in ("command_substitution", "process_substitution"):
            yield from self._substituted(node)
            return
        for child in node.named_children:
            yield from self._sources(child)

    def _expanded(self, node: Node) -> str:
        text = self._of(node)
        if text.startswith("${#") or text.endswith("@Q}"):
            return ""
        found = re.match(r"\$\{?(\w+)", text)
        return "" if found is None else found.group(1)

    def _substituted(self, node: Node) -> Iterator[tuple[Node, str, T]]:
        inner = node.named_children
        if len(inner) != 1:
            return
        only = inner[0]
        if only.type == "command" and self._texts(only)[:1] and self._texts(only)[0] in PRINTING:
            for child in only.named_children:
                yield from self._sources(child)
            return
        name = self._read_by(only)
        if name in self._files:
            yield node, name, self._files[name]

    def _read_by(self, node: Node) -> str:
        """The file that `cat file`, `cat < file` or `< file` gives; empty where it is none of these."""
        if node.type == "file_redirect":
            return self._path(node.named_children[-1]) if self._of(node).startswith("<") else ""
        if node.type == "redirected_statement":
            body, redirects = node.child_by_field_name("body"), node.children_by_field_name("redirect")
            if body is not None and self._texts(body) == ["cat"] and len(redirects) == 1:
                return self._read_by(redirects[0])
            return ""
        if node.type != "command":
            return ""
        words = [child for child in node.named_children if child.type != "command_name"]
        return self._path(words[0]) if self._texts(node)[:1] == ["cat"] and len(words) == 1 else ""

    # ------------------------------------------------------------------ uses

    def _all_uses(self) -> list[Use[T]]:
        self.written = {}
        found: list[Use[T]] = []
        for node in self._nodes:
            if node.type in ("simple_expansion", "expansion", "command_substitution"):
                if node.type != "command_substitution" or self._read_by_only(node):
                    for place, name, value in self._sources(node):
                        found.append(self._use(place, name, value))
            elif node.type == "command":
                found.extend(self._file_uses(node))
            if node.type == "file_redirect":
                self._replace(node)
        return found

    def _read_by_only(self, node: Node) -> bool:
        inner = node.named_children
        return len(inner) == 1 and bool(self._read_by(inner[0]))

    def _use(self, place: Node, name: str, value: T) -> Use[T]:
        start = self._script.index(place.start_byte)
        end = self._script.index(place.end_byte)
        node = place
        while node.parent is not None:
            parent = node.parent
            if parent.type == "command" and self._is_repeated(parent):
                assert parent.parent is not None
                node = parent.parent
                continue
            if parent.type == "command":
                how, base = self._in_command(parent, node)
                goes = self._goes(parent) if how == ARGUMENT else ELSEWHERE
                output = self._output_name(parent, node, place) if goes == OUTPUT else ""
                if how == ARGUMENT and base in PRINTING:
                    how = self._printed(parent, value, start, end)
                elif how == ARGUMENT and base in _FETCHING and self._feeds_code(parent):
                    how = FETCHED
                return Use(name, value, start, end, how, base, goes, output)
            if parent.type in ("heredoc_redirect", "herestring_redirect"):
                return self._input(parent, place, name, value, start, end)
            if parent.type in _INNER or parent.type == "variable_assignment":
                break
            node = parent
        return Use(name, value, start, end, OTHER, "", ELSEWHERE, "")

    def _is_repeated(self, command: Node) -> bool:
        """Whether a command only says its words again: `$(echo …)`."""
        around = command.parent
        return (
            around is not None
            and around.type == "command_substitution"
            and len(around.named_children) == 1
            and self._texts(command)[:1] in (["echo"], ["printf"])
        )

    def _in_command(self, command: Node, child: Node) -> tuple[str, str]:
        head = command.child_by_field_name("name")
        if head is None:
            return OTHER, ""
        words = self._word_nodes(command)
        texts = [bare(self._of(word)) for word in words]
        if child.id == head.id:
            return COMMAND, ""
        base = program(texts[0])
        for position, word in enumerate(words):
            if word.id == child.id:
                return role(texts, position), base
        return OTHER, base

    def _printed(self, command: Node, value: T, start: int, end: int) -> str:
        """What becomes of what `echo` or `printf` prints; a file of a constant name holds it from here on."""
        if self._feeds_code(command):
            return CODE
        for name in self._files_of(command):
            self.written[name] = (value, start, end)
            self._files[name] = value
        return ARGUMENT

    def _input(self, redirect: Node, place: Node, name: str, value: T, start: int, end: int) -> Use[T]:
        """A value in a here-document or a here-string."""
        owner = redirect.parent
        body = owner.child_by_field_name("body") if owner is not None else None
        command = owner if owner is not None and owner.type == "command" else body
        if command is None or command.type != "command":
            return Use(name, value, start, end, OTHER, "", ELSEWHERE, "")
        texts = self._texts(command)
        base = program(texts[0]) if texts else ""
        if texts and runs_input(texts):
            return Use(name, value, start, end, CODE, base, ELSEWHERE, "")
        if base != "cat":
            return Use(name, value, start, end, OTHER, base, ELSEWHERE, "")
        if self._feeds_code(command):
            return Use(name, value, start, end, CODE, base, ELSEWHERE, "")
        for file in self._files_of(command):
            self.written[file] = (value, start, end)
            self._files[file] = value
        goes = self._goes(command)
        output = self._named_before(place, redirect) if goes == OUTPUT else ""
        return Use(name, value, start, end, ARGUMENT, "cat", goes, output)

    def _file_uses(self, command: Node) -> Iterator[Use[T]]:
        """Files that hold a value and are run; copies of them."""
        words = self._word_nodes(command)
        texts = [bare(self._of(word)) for word in words]
        if not texts or not self._files:
            return
        at = command_at(texts)
        for position, word in enumerate(words):
            name = self._path(word)
            if name not in self._files:
                continue
            runs = (
                position == at
                or names_script(texts[at:], position - at)
                or (texts[at] == "cat" and self._feeds_code(command))
            )
            if runs and (position != at or "/" in texts[at]):
                start, end = self._script.index(word.start_byte), self._script.index(word.end_byte)
                yield Use(name, self._files[name], start, end, CODE, program(texts[at]), ELSEWHERE, "")
        if basename(texts[0]) in ("cp", "mv") and len(texts) == 3:
            source, target = self._path(words[1]), self._path(words[2])
            if source in self._files and target:
                start, end = self._script.index(words[2].start_byte), self._script.index(words[2].end_byte)
                self.written[target] = (self._files[source], start, end)
                self._files[target] = self._files[source]
        if runs_input(texts):
            for redirect in self._redirects(command):
                name = self._path(redirect.named_children[-1]) if redirect.named_children else ""
                if self._of(redirect).startswith("<") and name in self._files:
                    start = self._script.index(redirect.start_byte)
                    end = self._script.index(redirect.end_byte)
                    yield Use(name, self._files[name], start, end, CODE, program(texts[at]), ELSEWHERE, "")

    def _replace(self, redirect: Node) -> None:
        """A file that is written anew holds nothing of what it held, unless a value was seen to go into it."""
        text = self._of(redirect)
        name = self._path(redirect.named_children[-1]) if redirect.named_children else ""
        if not name or re.match(r"\d*>(?![>&])", text) is None:
            return
        found = self.written.get(name)
        command = redirect.parent
        if found is not None and command is not None:
            first, last = self._script.index(command.start_byte), self._script.index(command.end_byte)
            outer = command.parent if command.type == "heredoc_redirect" else command
            if outer is not None:
                first, last = self._script.index(outer.start_byte), self._script.index(outer.end_byte)
            if first <= found[1] < last:
                return
        self.written[name] = None
        self._files.pop(name, None)

    # ------------------------------------------------------------------ where output goes

    def _goes(self, command: Node) -> str:
        node = command
        while node.parent is not None:
            parent = node.parent
            if parent.type in ("command_substitution", "process_substitution", "function_definition"):
                return ELSEWHERE
            if parent.type == "pipeline" and parent.named_children[-1].id != node.id:
                words = self._texts(parent.named_children[-1])
                if words[:1] != ["tee"]:
                    return ELSEWHERE
                return OUTPUT if any("JOBC_OUTPUT" in word for word in words) else LOG
            for part in self._redirects(node) if parent.type == "redirected_statement" else ():
                words_ = self._of(part)
                if not words_.startswith(("<", "2>")) and ">&" not in words_:
                    return OUTPUT if "JOBC_OUTPUT" in words_ else ELSEWHERE
            node = parent
        return LOG

    def _redirects(self, node: Node) -> Iterator[Node]:
        """The redirections of files on a statement, those behind a here-document's mark too."""
        parent = node.parent
        if parent is None or parent.type != "redirected_statement":
            return
        for part in parent.children_by_field_name("redirect"):
            if part.type == "file_redirect":
                yield part
            elif part.type == "heredoc_redirect":
                yield from (child for child in part.named_children if child.type == "file_redirect")

    def _files_of(self, command: Node) -> Iterator[str]:
        """The files of constant names that what a command prints goes into."""
        node = command
        while node.parent is not None:
            parent = node.parent
            if parent.type in ("command_substitution", "process_substitution", "function_definition"):
                return
            if parent.type == "pipeline" and parent.named_children[-1].id != node.id:
                last = parent.named_children[-1]
                if self._texts(last)[:1] == ["tee"]:
                    yield from filter(None, map(self._path, self._word_nodes(last)[1:]))
                return
            if parent.type == "redirected_statement":
                for part in self._redirects(node):
                    text = self._of(part)
                    if re.match(r"1?>>?(?!&)", text) and part.named_children:
                        name = self._path(part.named_children[-1])
                        if name:
                            yield name
                            return
            node = parent

    def _feeds_code(self, command: Node) -> bool:
        """Whether the next command of a pipeline runs what this one prints."""
        node = command
        if node.parent is not None and node.parent.type == "redirected_statement":
            node = node.parent
        parent = node.parent
        if parent is None or parent.type != "pipeline":
            return False
        ids = [child.id for child in parent.named_children]
        at = ids.index(node.id) if node.id in ids else len(ids)
        if at + 1 >= len(ids):
            return False
        following = self._texts(parent.named_children[at + 1])
        return bool(following) and runs_input(following)

    def _output_name(self, command: Node, word: Node, place: Node) -> str:
        """The name under which a command writes a value to `$JOBC_OUTPUT`."""
        found = self._named_before(place, word)
        texts = self._texts(command)
        words = self._word_nodes(command)
        if not found and basename(texts[0]) == "jq":
            at = next((number for number, each in enumerate(words) if each.id == word.id), 0)
            return _named_by_jq(texts, at)
        if found or basename(texts[0]) != "printf" or len(texts) < 3:
            return found
        format = self._of(words[1]).replace("\\n", "\n")
        names = [m[1] for m in re.finditer(r"(?:([A-Za-z_][\w-]*)=)?%[sqdb]", format)]
        at = next((number for number, each in enumerate(words) if each.id == word.id), 0) - 2
        return (names[at] or "") if 0 <= at < len(names) else ""

    def _named_before(self, place: Node, around: Node) -> str:
        """The name of the `name=` that stands before a place on its line of text."""
        before = self._script.data[around.start_byte : place.start_byte].decode("utf-8", "surrogatepass")
        line = re.split(r"\n|\\n", before)[-1].lstrip("\"' ")
        found = re.match(r"([A-Za-z_][\w-]*)=", line) or _JSON_KEY.search(before)
        return "" if found is None else found.group(1)

    # ------------------------------------------------------------------ words

    def _of(self, node: Node) -> str:
        return self._script.of(node)

    def _word_nodes(self, command: Node) -> list[Node]:
        head = command.child_by_field_name("name")
        return [] if head is None else [head, *command.children_by_field_name("argument")]

    def _texts(self, command: Node) -> list[str]:
        if command.type == "redirected_statement":
            body = command.child_by_field_name("body")
            return [] if body is None else self._texts(body)
        if command.type != "command":
            return []
        return [bare(self._of(word)) for word in self._word_nodes(command)]

    def _path(self, word: Node) -> str:
        """The file that a word names, where it is spelt out and can be told; else nothing."""
        text = self._of(word)
        if text[:1] == text[-1:] and text[:1] in ("'", '"') and len(text) > 1:
            text = text[1:-1]
        if _PLAIN_PATH.fullmatch(text) is None or text.startswith("/dev/"):
            return ""
        name = normpath(text)
        return name if self._knows(name) else ""

    def _knows(self, name: str) -> bool:
        return name.startswith("/") or not self._moves


def _named_by_jq(texts: list[str], at: int) -> str:
    """The key of the map that jq makes to which the value of `--arg NAME VALUE` goes."""
    if at < 2 or texts[at - 2] not in ("--arg", "--argjson"):
        return ""
    name = re.escape(texts[at - 1])
    for text in texts[1 : at - 2] + texts[at + 1 :]:
        found = re.search(rf"([A-Za-z_][\w-]*)\s*:\s*\(?\${name}\b|[{{,]\s*\$({name})\s*[,}}]", text)
        if found is not None:
            return found[1] or found[2]
    return ""


def _walk(root: Node) -> Iterator[Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.named_children))
