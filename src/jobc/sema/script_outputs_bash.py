"""The outputs of a shell script, read from its parse.

A write is text that goes to `$JOBC_OUTPUT`: by `>>` or `>` on a command or on a group of them, by a
here-document, by `tee` at the end of a pipeline. Where it comes from `echo`, `printf` or a here-document, its
lines are known as far as the script spells them, and a line's name must be spelt out up to its `=` or `<<`.
The script's statements are walked in order, with what a branch or a loop writes as perhaps written, and called
functions at their calls, `$1` standing for the call's first word.

Nothing must go unseen: each place that names the file has to be one that was understood, and every command has to
be one of the shell's or a well-known tool, for a program of the author's inherits the variable and may write too.
Else the outputs are open. An expansion inside a value is taken to be one line. Values are texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jobc.sema.script_commands import is_tool
from jobc.sema.script_outputs import Outputs
from jobc.sema.types import STR, of_json

if TYPE_CHECKING:
    from tree_sitter import Node

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_MENTION = re.compile(rb"JOBC_OUTPUT(_JSON)?\b")
_FILES = {
    f"{q}{v}{q}": kind
    for q in ("", '"')
    for kind, names in (
        ("text", ("$JOBC_OUTPUT", "${JOBC_OUTPUT}")),
        ("json", ("$JOBC_OUTPUT_JSON", "${JOBC_OUTPUT_JSON}")),
    )
    for v in names
}
_DEPTH = 8
#: Marks what is not spelt out in a text: the expansion's source between the two.
_OPEN, _CLOSE = "\x02", "\x03"
_SILENT = frozenset(
    (
        ":",
        "true",
        "false",
        "cd",
        "set",
        "shift",
        "read",
        "export",
        "unset",
        "test",
        "[",
        "mkdir",
        "rm",
        "sleep",
        "wait",
        "touch",
        "cp",
        "mv",
        "local",
        "readonly",
        "shopt",
        "trap",
        "chmod",
        "umask",
        "let",
        "mapfile",
        "readarray",
    )
)


class _Unclear(Exception):
    """Something may be written that cannot be told."""


def bash_outputs(text: str, placeholders: Sequence[str], shell: str) -> Outputs:
    """The outputs of a script in which `placeholders` stand for expressions; open where they cannot be told."""
    from jobc.sema.scripts_tree import Script, parse

    data = text.encode("utf-8", "surrogatepass")
    root = parse(Script(text))
    if root.has_error:
        return Outputs(open=True)
    try:
        return _Walk(data, root, placeholders, shell).outputs()
    except (_Unclear, RecursionError):
        return Outputs(open=True)


class _Walk:
    def __init__(self, data: bytes, root: Node, placeholders: Sequence[str], shell: str) -> None:
        self._data = data
        self._root = root
        self._hole = re.compile("|".join(map(re.escape, placeholders))) if placeholders else None
        self._plain_echo = shell == "bash"
        self._functions: dict[str, Node] = {}
        self._arguments: list[list[str]] = []
        self._loops: list[tuple[str, str]] = []
        self._seen: set[int] = set()
        self._written = Outputs()
        self._pending: str | None = None
        self._ragged = False
        self._json: list[tuple[str, bool]] = []
        #: False once the function at hand, and once the script, may have ended already.
        self._going = True
        self._running = True
        #: Whether the positional parameters are set anew somewhere.
        self._shifts = False

    def outputs(self) -> Outputs:
        self._survey()
        if _MENTION.search(self._data):
            self._children(self._root, sure=True, sink="")
            for name, body in self._functions.items():
                # Named nowhere but where it is defined, it never runs.
                if (
                    len(re.findall(rb"(?<![\w-])" + re.escape(name.encode()) + rb"(?![\w-])", self._data))
                    == 1
                ):
                    self._account(body)
            mentions = {m.start() for m in _MENTION.finditer(self._data)}
            if mentions - self._seen or self._pending is not None:
                raise _Unclear
        return self._with_json()

    def _survey(self) -> None:
        """Functions by name, comments, and commands that may write unseen."""
        commands: list[str | None] = []
        pending = [self._root]
        while pending:
            node = pending.pop()
            if node.type == "function_definition":
                name = node.child_by_field_name("name")
                body = node.child_by_field_name("body")
                if name is None or body is None or self._of(name) in self._functions:
                    raise _Unclear
                self._functions[self._of(name)] = body
            elif node.type == "comment":
                self._account(node)
            elif node.type == "command":
                commands.append(self._command_name(node))
                words = [self._of(word).strip("\"'") for word in self._words(node)[1:]]
                resets = commands[-1] == "set" and any(
                    word[:1] not in ("-", "+") or word == "--" for word in words
                )
                self._shifts = self._shifts or resets or commands[-1] == "shift"
                if commands[-1] == "find" and any(w in ("-exec", "-execdir", "-ok", "-okdir") for w in words):
                    raise _Unclear
            pending.extend(node.children)
        for command in commands:
            if command is None or (command not in self._functions and not is_tool(command)):
                raise _Unclear

    def _with_json(self) -> Outputs:
        if not self._json:
            return self._written
        if len(self._json) > 1:
            raise _Unclear
        text, sure = self._json[0]
        if _OPEN in text:
            raise _Unclear
        try:
            value = json.loads(text)
        except ValueError:
            raise _Unclear from None
        if not isinstance(value, dict):
            raise _Unclear
        later = Outputs({name: of_json(item) for name, item in value.items()})
        self._written.then(later, sure=sure)
        return self._written

    # ------------------------------------------------------------------ statements

    def _children(self, node: Node, *, sure: bool, sink: str) -> None:
        for child in node.children:
            if child.is_named:
                self._statement(child, sure=sure, sink=sink)

    def _statement(self, node: Node, *, sure: bool, sink: str) -> None:
        """`sink` is where standard output goes: `text` and `json` are the output files, empty anywhere else."""
        match node.type:
            case "command":
                self._command(node, sure=sure, sink=sink, document=None)
            case "redirected_statement":
                self._redirected(node, sure=sure, sink=sink)
            case "list":
                parts = [child for child in node.children if child.is_named]
                self._statement(parts[0], sure=sure, sink=sink)
                for part in parts[1:]:
                    self._statement(part, sure=False, sink=sink)
            case "pipeline":
                self._pipeline(node, sure=sure, sink=sink)
            case "compound_statement" | "subshell" | "do_group":
                if node.type != "compound_statement" or node.children[0].type == "{":
                    state = self._going, self._running
                    self._children(node, sure=sure, sink=sink)
                    if node.type == "subshell":
                        self._going, self._running = state
            case "if_statement":
                first = True
                for child in node.children:
                    if child.is_named:
                        self._statement(child, sure=sure and first, sink=sink)
                        first = False
            case "elif_clause" | "else_clause" | "while_statement" | "case_item":
                self._children(node, sure=False, sink=sink)
            case "case_statement":
                for child in node.children:
                    if child.type == "case_item":
                        self._statement(child, sure=False, sink=sink)
            case "for_statement":
                self._for(node, sink=sink)
            case "c_style_for_statement":
                body = node.child_by_field_name("body")
                if body is not None:
                    self._statement(body, sure=False, sink=sink)
            case "negated_command":
                self._children(node, sure=sure, sink=sink)

    def _for(self, node: Node, *, sink: str) -> None:
        variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if variable is None or body is None:
            return
        values = [self._text(child) for child in node.children_by_field_name("value")]
        literal = values and len(values) <= 32 and not any(_OPEN in value for value in values)
        if literal and self._is_set_anew(self._of(variable)):
            literal = False
        for value in values if literal else [f"{_OPEN}for{_CLOSE}"]:
            self._loops.append((self._of(variable), value))
            self._statement(body, sure=False, sink=sink)
            self._loops.pop()

    def _is_set_anew(self, variable: str) -> bool:
        """Whether more than one loop sets a variable, or something else in the script may."""
        name = re.escape(variable)
        text = self._data.decode("utf-8", "surrogatepass")
        assigned = rf"(?<![\w$\"'{{-]){name}(?:\[[^\]]*\])?\+?="
        setting = rf"\b(?:read|mapfile|readarray|getopts|declare|typeset|local|printf|let|unset|select)\b[^\n;|&]*[\s\"']{name}\b"
        counted = rf"\(\([^\n)]*(?<![$\w]){name}\b"
        return len(re.findall(rf"\bfor\s+{name}\b", text)) > 1 or any(
            re.search(pattern, text) for pattern in (assigned, setting, counted)
        )

    def _pipeline(self, node: Node, *, sure: bool, sink: str) -> None:
        parts = [child for child in node.children if child.is_named]
        last = parts[-1]
        files = self._tee(last)
        for part in parts[:-1]:
            if part is not parts[-2] or not files:
                self._statement(part, sure=sure, sink="")
        if not files:
            self._statement(last, sure=sure, sink=sink)
        for kind, truncates in files:
            if truncates:
                self._truncate(kind)
            self._statement(parts[-2], sure=sure, sink=kind)
        if files and sink:
            self._unknown(sink)

    def _tee(self, node: Node) -> list[tuple[str, bool]]:
        """The output files that `tee` writes, each with whether it empties them first."""
        if node.type == "redirected_statement":
            body = node.child_by_field_name("body")
            if body is None or _MENTION.search(self._data[body.end_byte : node.end_byte]):
                return []
            node = body
        if node.type != "command" or self._command_name(node) != "tee":
            return []
        words = self._words(node)[1:]
        appends = any(self._of(word) in ("-a", "--append") for word in words)
        found = []
        for word in words:
            kind = _FILES.get(self._of(word))
            if kind is not None:
                self._account(word)
                found.append((kind, not appends))
        return found

    def _redirected(self, node: Node, *, sure: bool, sink: str) -> None:
        body = node.child_by_field_name("body")
        document: Node | None = None
        for redirect in node.children:
            if redirect.type == "heredoc_redirect":
                document = redirect
        for redirect in self._file_redirects(node):
            sink = self._redirect(redirect, sink)
        if body is None:
            return
        if body.type == "command":
            self._command(body, sure=sure, sink=sink, document=document)
        elif document is not None and sink:
            self._unknown(sink)
        else:
            self._statement(body, sure=sure, sink=sink)

    def _file_redirects(self, node: Node) -> Iterator[Node]:
        for child in node.children:
            if child.type == "file_redirect":
                yield child
            elif child.type == "heredoc_redirect":
                if any(c.type in ("pipeline", "command", "list") for c in child.children) or any(
                    c.type in ("|", "&&", "||") for c in child.children
                ):
                    raise _Unclear
                yield from self._file_redirects(child)

    def _redirect(self, node: Node, sink: str) -> str:
        """Where standard output goes after a redirection."""
        descriptor = node.child_by_field_name("descriptor")
        operator = next((c.type for c in node.children if not c.is_named), "")
        destination = node.child_by_field_name("destination")
        if operator.startswith("<") or (descriptor is not None and self._of(descriptor) != "1"):
            return sink
        target = self._of(destination) if destination is not None else ""
        if operator == ">&" and target in ("1", "2"):
            return "" if target == "2" else sink
        kind = _FILES.get(target, "")
        if kind and destination is not None:
            self._account(destination)
            if ">>" not in operator:
                self._truncate(kind)
        return kind

    # ------------------------------------------------------------------ commands

    def _command(self, node: Node, *, sure: bool, sink: str, document: Node | None) -> None:
        name = self._command_name(node) or ""
        words = self._arguments_of(node)
        inner = [
            c for c in node.children if c.type in ("file_redirect", "herestring_redirect", "heredoc_redirect")
        ]
        for redirect in inner:
            if redirect.type == "file_redirect":
                sink = self._redirect(redirect, sink)
        body = self._functions.get(name)
        if body is not None:
            if len(self._arguments) >= _DEPTH or (document is not None and sink):
                raise _Unclear
            self._arguments.append(words)
            going = self._going
            self._statement(body, sure=sure, sink=sink)
            self._going = going
            self._arguments.pop()
        elif name in ("exit", "return", "exec"):
            if name == "exec" and (sink or not words):
                raise _Unclear
            if not (words and re.fullmatch(r"[1-9]\d*", words[0])):
                self._going = False
                # Out of a function that returned its caller goes on, out of `exit` nothing does.
                self._running = self._running and name == "return" and bool(self._arguments)
        elif sink:
            self._produce(name, words, sink, sure=sure, document=document, plain=len(inner) == 0)

    def _produce(
        self, name: str, words: list[str], sink: str, *, sure: bool, document: Node | None, plain: bool
    ) -> None:
        """What a command writes to its standard output."""
        if name in _SILENT:
            return
        text: str | None = None
        if name == "echo":
            text = self._echo(words)
        elif name == "printf":
            text = _printf(words)
        elif name == "cat" and document is not None and plain and not words:
            text = self._document(document)
        if text is None:
            self._unknown(sink)
        else:
            self._write(text, sink, sure=sure)

    def _echo(self, words: list[str]) -> str | None:
        end, escapes = "\n", not self._plain_echo
        while words and re.fullmatch(r"-[neE]+", words[0]):
            end = "" if "n" in words[0] else end
            escapes = "e" in words[0] or (escapes and "E" not in words[0])
            words = words[1:]
        text = " ".join(words)
        if escapes and "\\" in text:
            unescaped = _unescaped(text)
            return None if unescaped is None else unescaped + end
        return text + end

    def _document(self, redirect: Node) -> str | None:
        """The text of a here-document; None where its place cannot be told."""
        start = next((c for c in redirect.children if c.type == "heredoc_start"), None)
        end = next((c for c in redirect.children if c.type == "heredoc_end"), None)
        if start is None or end is None:
            return None
        line = self._data.find(b"\n", start.end_byte)
        if self._data[start.end_byte : line].find(b"<<") >= 0 or line < 0:
            return None
        text = self._data[line + 1 : end.start_byte].decode("utf-8", "surrogatepass")
        if redirect.children[0].type == "<<-" or any(c.type == "<<-" for c in redirect.children):
            text = re.sub(r"^\t+", "", text, flags=re.MULTILINE)
        if not re.search(r"['\"\\]", self._of(start)):
            text = _expanded(text)
        return self._lifted(text)

    # ------------------------------------------------------------------ the files

    def _truncate(self, kind: str) -> None:
        if kind == "json":
            if self._json:
                raise _Unclear
            return
        self._written.maybe.update(self._written.types)
        self._ragged = False

    def _unknown(self, sink: str) -> None:
        if sink == "json" or self._pending is None:
            raise _Unclear

    def _write(self, text: str, sink: str, *, sure: bool) -> None:
        sure = sure and self._going and self._running
        if sink == "json":
            self._json.append((text, sure))
            return
        if self._ragged:
            raise _Unclear
        self._ragged = bool(text) and not text.endswith("\n")
        for line in text.split("\n"):
            line = line.rstrip("\r")
            if self._pending is not None:
                if line == self._pending:
                    self._pending = None
                continue
            if not line.strip():
                continue
            block = re.fullmatch(f"({_NAME})<<(.+)", line, re.DOTALL)
            name = block[1] if block else line.partition("=")[0]
            if block:
                self._pending = block[2].strip()
            elif "=" not in line or _OPEN in name:
                if _OPEN in line:
                    raise _Unclear
                continue
            if re.fullmatch(_NAME, name):
                self._written.write(name, STR, sure=sure)

    # ------------------------------------------------------------------ words

    def _of(self, node: Node) -> str:
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    def _account(self, node: Node) -> None:
        for match in _MENTION.finditer(self._data, node.start_byte, node.end_byte):
            self._seen.add(match.start())

    def _words(self, command: Node) -> list[Node]:
        return [
            child
            for number, child in enumerate(command.children)
            if command.field_name_for_child(number) in ("name", "argument")
        ]

    def _arguments_of(self, command: Node) -> list[str]:
        """The texts of a command's arguments; not spelt out is what follows one that may be several words or none."""
        texts: list[str] = []
        certain = True
        for word in self._words(command)[1:]:
            text = self._text(word)
            texts.append(text if certain else f"{_OPEN}{text}{_CLOSE}")
            quoted = word.type in ("string", "raw_string") and not re.search(
                r"\$@|[@]\]|\$\{@", self._of(word)
            )
            certain = certain and (quoted or _OPEN not in text)
        return texts

    def _command_name(self, command: Node) -> str | None:
        """The command's name where it is spelt out."""
        name = command.child_by_field_name("name")
        if name is None:
            return ":"
        text = self._lifted(self._of(name))
        return text if re.fullmatch(r"[\w./+:\[\]-]+", text) else None

    def _lifted(self, text: str) -> str:
        return text if self._hole is None else self._hole.sub(lambda m: f"{_OPEN}{m[0]}{_CLOSE}", text)

    def _text(self, node: Node) -> str:
        """The text of a word, its expansions between marks."""
        kind = node.type
        if kind in ("word", "number"):
            text = self._of(node)
            if re.search(r"(?<!\\)[{*?~\[]", text.partition("=")[0]):
                return f"{_OPEN}{text}{_CLOSE}"
            return self._lifted(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL))
        if kind == "raw_string":
            return self._lifted(self._of(node)[1:-1])
        if kind == "string":
            return self._string(node)
        if kind == "concatenation":
            return "".join(self._text(child) for child in node.children)
        if kind in ("simple_expansion", "expansion"):
            return self._expansion(self._of(node).strip())
        return f"{_OPEN}{self._of(node)}{_CLOSE}"

    def _string(self, node: Node) -> str:
        """A double-quoted string: its text and its expansions."""
        pieces: list[str] = []
        at, end = node.start_byte + 1, node.end_byte - 1
        for child in node.children:
            if child.is_named and child.type != "string_content":
                # The parser counts blanks before an expansion to it.
                inner = self._data[child.start_byte : child.end_byte]
                start = child.start_byte + len(inner) - len(inner.lstrip())
                pieces.append(self._plain(self._data[at:start]))
                pieces.append(self._text(child))
                at = child.end_byte
        pieces.append(self._plain(self._data[at:end]))
        return "".join(pieces)

    def _plain(self, data: bytes) -> str:
        text = data.decode("utf-8", "surrogatepass")
        return self._lifted(re.sub(r"\\([$`\"\\\n])", lambda m: "" if m[1] == "\n" else m[1], text))

    def _expansion(self, source: str) -> str:
        name = re.fullmatch(r"\$\{?(\w+)\}?", source)
        if name is not None:
            if (
                name[1].isdigit()
                and self._arguments
                and not self._shifts
                and 0 < int(name[1]) <= len(self._arguments[-1])
            ):
                return self._arguments[-1][int(name[1]) - 1]
            for variable, value in reversed(self._loops):
                if variable == name[1]:
                    return value
        return f"{_OPEN}{source}{_CLOSE}"


def _expanded(text: str) -> str:
    """A here-document's text with its expansions between marks, as far as quoting there goes."""
    text = re.sub(r"\\\n", "", text)
    pattern = r"\\[$`\\]|\$\((?:[^()]|\([^()]*\))*\)|\$\{[^{}]*\}|\$\w+|`[^`]*`"
    return re.sub(pattern, lambda m: m[0][1] if m[0][0] == "\\" else f"{_OPEN}{m[0]}{_CLOSE}", text)


def _unescaped(text: str) -> str | None:
    """`echo -e`: line ends, tabs and backslashes; None for other escapes."""
    if re.search(r"\\[^nt\\]", text):
        return None
    return re.sub(r"\\([nt\\])", lambda m: {"n": "\n", "t": "\t"}.get(m[1], "\\"), text)


def _printf(words: list[str]) -> str | None:
    """The text of `printf`, each argument that is not spelt out, and each number, as an expansion."""
    if words and words[0] == "--":
        words = words[1:]
    if not words or words[0].startswith("-") or _OPEN in words[0]:
        return None
    format = _unescaped(words[0])
    if format is None:
        return None
    pieces = re.split(r"(%%|%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z])", format)
    wanted = [piece for piece in pieces[1::2] if piece != "%%"]
    given = words[1:]
    rounds = max(1, -(-len(given) // len(wanted))) if wanted else 1
    if rounds > 64:
        return None
    out: list[str] = []
    values = iter(given)
    for _ in range(rounds):
        for number, piece in enumerate(pieces):
            if number % 2 == 0:
                out.append(piece)
            elif piece == "%%":
                out.append("%")
            else:
                value = next(values, "")
                out.append(value if piece == "%s" else f"{_OPEN}{value}{_CLOSE}")
    return "".join(out)
