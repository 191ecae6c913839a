"""Where the expressions of a shell script stand, and how each is written so that its value stays a value.

The script is parsed by tree-sitter with a name in place of each expression. Going up from each name,
the tree says what it is part of: an argument, an assignment, a test, arithmetic, a here-document, a
command word. How the place is quoted is found by `scripts_quoting` too, and both must agree; where
the parser could not make sense of the surroundings, the scanner's word is taken for strings and plain
arguments of ordinary commands, and nothing else is lifted.

Lifting alone keeps a value from being parsed: `"${NAME}"` is expanded after the shell has parsed the
script. What is left are the places where the shell, or the program that it calls, parses text once
more: arithmetic (subscripts in it run `$(…)`), `eval`, `sh -c`, `trap`, here-documents that a shell
reads, names of variables. Arithmetic takes integers only; the others are findings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobc.sema.scripts_programs import (
    CODE_OPTIONS,
    bare,
    basename,
    code_argument,
    is_code_option,
    program,
    ssh_host,
)
from jobc.sema.scripts_quoting import scan

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

WORD = "word"
WORDS = "words"
INTEGER = "integer"
COMMENT = "comment"

_ALL_CODE = frozenset(("eval", "alias", "watch"))
_NAMING = frozenset(("read", "mapfile", "readarray", "getopts", "unset"))
_ARITHMETIC_TESTS = frozenset(("-eq", "-ne", "-lt", "-le", "-gt", "-ge"))
_BOUNDARIES = frozenset(("command_substitution", "process_substitution", "program"))
_QUOTED_BY = {
    "string": "double",
    "string_content": "double",
    "translated_string": "double",
    "raw_string": "single",
    "ansi_c_string": "ansi",
    "comment": "comment",
    "heredoc_content": "heredoc",
}

_PARSER: Parser | None = None


class Site:
    """Where one expression stands. `use` is `word`, `words`, `integer` or `comment`; `problem` is (finding, remedy)."""

    __slots__ = ("problem", "quoting", "use")

    def __init__(self, quoting: str, use: str = WORD, problem: tuple[str, str] | None = None) -> None:
        self.quoting = quoting
        self.use = use
        self.problem = problem

    def write(self, name: str) -> str:
        """The script's text for a slot of this name."""
        if self.use == WORDS:
            return f'"${{{name}[@]}}"'
        plain = f"${{{name}}}"
        if self.quoting == "word":
            return f'"{plain}"'
        if self.quoting == "single":
            return f"'\"{plain}\"'"
        if self.quoting == "ansi":
            return f"'\"{plain}\"$'"
        return plain


def sites(text: str, names: Sequence[str], starts: Sequence[int]) -> list[Site]:
    """The site of each name (`names[i]` stands at `starts[i]`, ascending, and nowhere else)."""
    ends = [start + len(name) for start, name in zip(starts, names, strict=True)]
    quoting = scan(text, starts, ends)
    data = text.encode("utf-8", "surrogatepass")
    root = _parser().parse(data).root_node
    script = _Script(text, data)
    found = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        first = start if script.ascii else len(text[:start].encode("utf-8", "surrogatepass"))
        node = root.descendant_for_byte_range(first, first + end - start)
        found.append(_site(script, quoting.get(number), node, start, end))
    return found


def with_plain_words(site: Site) -> Site:
    """The site for `raw` text that is known to be plain words: they may name a command, and unquoted become words."""
    if site.problem is _COMMAND_WORD:
        return Site("word", WORDS)
    if site.problem is None and site.use == WORD and site.quoting == "word":
        return Site("word", WORDS)
    return site


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


class _Script:
    __slots__ = ("ascii", "data", "text")

    def __init__(self, text: str, data: bytes) -> None:
        self.text = text
        self.data = data
        self.ascii = len(text) == len(data)

    def of(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")


# ---------------------------------------------------------------------- one expression


def _site(script: _Script, quoting: str | None, node: Node | None, start: int, end: int) -> Site:
    if quoting == "comment":
        return Site("comment", COMMENT)
    if quoting is None or quoting in _UNLIFTABLE:
        return Site("", WORD, _UNLIFTABLE.get(quoting or "", _UNCLEAR))
    if quoting not in ("single", "arithmetic"):
        glued = _after_special(script.text, start)
        if glued is not None:
            return Site("", WORD, glued)
    if quoting == "arithmetic":
        return Site("arithmetic", INTEGER)
    if node is None or _damaged(node):
        return _without_tree(script.text, quoting, start)
    return _Climb(script, quoting, node, start, end).site()


def _after_special(text: str, start: int) -> tuple[str, str] | None:
    """What is wrong with the character right before an expression, if anything."""
    before = start
    while before and text[before - 1] == "\\":
        before -= 1
    if (start - before) % 2:
        return (
            "a backslash stands right before an expression",
            "write `\\\\` for a backslash, or take it away",
        )
    if before == start and text[start - 1 : start] == "$" and not _escaped(text, start - 1):
        return "a `$` stands right before an expression", "write `\\$` for a dollar sign before the value"
    return None


def _escaped(text: str, at: int) -> bool:
    before = at
    while before and text[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 1


def _damaged(node: Node) -> bool:
    at: Node | None = node
    while at is not None:
        if at.type == "ERROR" or at.is_missing:
            return True
        parent = at.parent
        if parent is not None and parent.type == "program":
            return at.has_error
        at = parent
    return False


_RISKY = re.compile(
    r"\b(?:eval|trap|source|alias|let|declare|typeset|local|unset|read|mapfile|readarray|getopts|test|printf|ssh"
    r"|exec|command|builtin|su|watch|awk|python[\d.]*|perl|ruby|node|php|(?:ba|da|a|z|k|mk)?sh)\b"
    r"|\w\[|\[\[|<<|(?:^|\s)\.\s|[|\\]\s*$"
)
_INTEGER_DECLARED = re.compile(r"\b(?:declare|typeset|local|readonly|export)\s+(?:[-+]\w+\s+)*-\w*i")
_BEGUN = re.compile(r"\s*(?:[\w./-]+\s|\w+=)")
_PLAIN_ARGUMENT = re.compile(r"\s*[A-Za-z_./][\w./-]*(?:\s+[^\s;&|()<>`$=\[\]{}'\"\\]*)*\s\S*$")


def _without_tree(text: str, quoting: str, start: int) -> Site:
    """Where the parser failed: strings and plain arguments on a line with nothing that parses text again."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    before = text[line_start:start]
    begun = _BEGUN if quoting in ("double", "single") else _PLAIN_ARGUMENT if quoting == "word" else None
    if begun is None or not begun.match(before) or _RISKY.search(line) or _INTEGER_DECLARED.search(text):
        return Site("", WORD, _UNCLEAR)
    if line_start:
        above = text[:line_start]
        if above.endswith("\\\n") or scan(above, [line_start - 1], [line_start]) != {0: "word"}:
            return Site("", WORD, _UNCLEAR)
    return Site(quoting, WORD)


_UNCLEAR = (
    "it is not clear how the shell would read the text around this expression",
    'assign it first, on a line of its own: `value=${{ … }}`, then use "$value"',
)
_UNLIFTABLE = {
    "quoted-heredoc": (
        "nothing is expanded in a here-document whose delimiter is quoted",
        "take the quotes off its delimiter, or write the value with printf '%s\\n' ${{ … }}",
    ),
    "delimiter": (
        "an expression cannot be the delimiter of a here-document",
        "write a constant word there, such as EOF",
    ),
    "name": (
        "the value would be used as the name of a variable",
        "use the value itself, or pick it in the expression: ${{ params[name] }}",
    ),
    "backquote": (
        "quotes inside backquotes change their meaning",
        "write $( … ) instead of ` … `",
    ),
}
_COMMAND_WORD = (
    "the value would choose the command that runs",
    "name the command in the script, or make the choice explicit: case ${{ … }} in name) name … ;; esac",
)
_CODE_AGAIN = (
    "the text around this expression is parsed as code again, and the value with it",
    "pass it as an argument: bash -c 'echo \"$1\"' _ ${{ … }}",
)
_CODE_INPUT = (
    "a program reads this text as code, and the value with it",
    "pass the value as an argument or in the environment, and keep the text constant",
)
_NAME = (
    "the value would be used as the name of a variable",
    "write a constant name there",
)
_SOURCE = (
    "the value would choose the file whose code runs here",
    "name the file in the script, or make the choice explicit with case",
)
_FUNCTION = ("the value would be used as the name of a function", "write a constant name there")
_BRACES = (
    "the shell does not expand a range of braces that holds a variable",
    "write $(seq FROM TO) instead of {FROM..TO}",
)


class _Climb:
    """From a name up to the statement that it is part of."""

    __slots__ = ("_name", "_node", "_quoting", "_script", "_start")

    def __init__(self, script: _Script, quoting: str, node: Node, start: int, end: int) -> None:
        self._script = script
        self._quoting = quoting
        self._node = node
        self._start = start
        self._name = script.text[start:end]

    def site(self) -> Site:
        told = self._tree_quoting()
        if told is not None and told != self._quoting:
            return Site("", WORD, _UNCLEAR)
        child, node = self._node, self._node.parent
        whole_word = self._node.type == "word"
        while node is not None:
            kind = node.type
            field = _field(node, child)
            if kind in ("string", "concatenation", "expansion"):
                whole_word = whole_word and kind == "concatenation"
                if kind == "concatenation" and self._in_range(node):
                    return Site("", WORD, _BRACES)
                if kind == "expansion" and self._node.type == "variable_name" and node == self._node.parent:
                    return Site("", WORD, _NAME)
                default = re.match(r"\$\{(\w+):?=", self._script.of(node)) if kind == "expansion" else None
                if default is not None and self._declared(default.group(1), "i"):
                    return Site(self._quoting, INTEGER)
            elif kind == "simple_expansion":
                return Site("", WORD, _NAME)
            elif kind == "subscript":
                return self._subscript(node)
            elif kind == "arithmetic_expansion" or (kind == "c_style_for_statement" and field != "body"):
                return Site("", WORD, _UNCLEAR)
            elif kind == "command_name":
                return Site("", WORD, _COMMAND_WORD)
            elif kind == "function_definition" and field == "name":
                return Site("", WORD, _FUNCTION)
            elif kind == "for_statement":
                if field == "variable":
                    return Site("", WORD, _NAME)
                variable = node.child_by_field_name("variable")
                if variable is not None and self._declared(self._script.of(variable), "i"):
                    return Site(self._quoting, INTEGER)
                return self._argument(whole_word)
            elif kind == "array":
                return self._array_element(child, whole_word)
            elif kind == "variable_assignment":
                if field != "value":
                    return Site("", WORD, _NAME)
                return self._assigned(node)
            elif kind in ("declaration_command", "unset_command"):
                before = (
                    self._script.data[child.start_byte :]
                    .decode("utf-8", "surrogatepass")
                    .split(self._name, 1)[0]
                )
                if self._script.of(node).startswith("export ") and re.match(r"[\"']?\w+=", before):
                    return Site(self._quoting)
                return Site("", WORD, _NAME)
            elif kind in ("binary_expression", "unary_expression") and not _in_brackets(node):
                pass
            elif kind == "binary_expression":
                operator = self._operator(node)
                if operator in _ARITHMETIC_TESTS and self._script.of(_test(node)).startswith("[["):
                    return Site(self._quoting, INTEGER)
                if operator not in ("&&", "||"):
                    return Site(self._quoting)
            elif kind == "unary_expression":
                if self._operator(node) in ("-v", "-R"):
                    return Site("", WORD, _NAME)
                return Site(self._quoting)
            elif kind == "test_command":
                return Site(self._quoting)
            elif kind == "command":
                return self._in_command(node, child, whole_word)
            elif kind in ("heredoc_redirect", "herestring_redirect"):
                if child.type == "heredoc_start":
                    return Site("", WORD, _UNLIFTABLE["delimiter"])
                if self._feeds_code(node):
                    return Site("", WORD, _CODE_INPUT)
                if child.type == "heredoc_body" or kind == "herestring_redirect":
                    return Site(self._quoting)
            elif kind == "file_redirect" or kind in _BOUNDARIES or kind in ("case_statement", "case_item"):
                return Site(self._quoting)
            child, node = node, node.parent
        return Site(self._quoting)

    def _tree_quoting(self) -> str | None:
        """What the tree itself says of the quotes; None where it cannot tell."""
        node: Node | None = self._node
        if self._node.type == "heredoc_body":
            return "heredoc"
        while (
            node is not None and node.type not in _BOUNDARIES and node.type not in ("expansion", "subscript")
        ):
            told = _QUOTED_BY.get(node.type)
            if told is not None:
                return told
            if node.type in (
                "command",
                "command_name",
                "array",
                "for_statement",
                "test_command",
                "file_redirect",
            ):
                return "word"
            node = node.parent
        return None

    def _in_range(self, node: Node) -> bool:
        text = self._script.text
        start = len(self._script.data[: node.start_byte].decode("utf-8", "surrogatepass"))
        return any(
            match.start() + start < self._start < match.end() + start
            for match in re.finditer(
                r"\{[^{},\s]*\.\.[^{},\s]*\}", text[start : start + len(self._script.of(node))]
            )
        )

    def _subscript(self, node: Node) -> Site:
        name = next((self._script.of(c) for c in node.children if c.type == "variable_name"), "")
        quoting = (
            self._quoting
            if self._quoting in ("double", "single") and self._node.type != "word"
            else "subscript"
        )
        if self._declared(name, "A"):
            return Site(quoting)
        return Site(quoting, INTEGER)

    def _declared(self, name: str, attribute: str) -> bool:
        """Whether the script declares the variable with an attribute: `A` (associative) or `i` (integer)."""
        declaration = rf"\b(?:declare|typeset|local|readonly|export)\s+(?:[-+]\w+\s+)*-\w*{attribute}\w*\s(?:[^;\n]|\\\n)*?\b"
        return bool(name) and re.search(declaration + re.escape(name) + r"\b", self._script.text) is not None

    def _target(self, assignment: Node | None) -> str:
        """The name of the variable that is assigned to."""
        name = assignment.child_by_field_name("name") if assignment is not None else None
        return self._script.of(name).split("[", 1)[0] if name is not None else ""

    def _array_element(self, child: Node, whole_word: bool) -> Site:
        name = self._target(child.parent.parent if child.parent is not None else None)
        if self._declared(name, "i"):
            return Site(self._quoting, INTEGER)
        text = self._script.of(child)
        if not text.startswith("["):
            return self._argument(whole_word)
        key = text.split("]=", 1)[0]
        offset = self._start - len(self._script.data[: child.start_byte].decode("utf-8", "surrogatepass"))
        if offset < len(key) and not self._declared(name, "A"):
            return Site(self._quoting, INTEGER)
        return Site(self._quoting)

    def _argument(self, whole_word: bool) -> Site:
        return Site(self._quoting, WORDS if whole_word and self._quoting == "word" else WORD)

    def _assigned(self, node: Node) -> Site:
        return Site(self._quoting, INTEGER if self._declared(self._target(node), "i") else WORD)

    def _operator(self, node: Node) -> str:
        for child in node.children:
            if child.type == "test_operator" or not child.is_named:
                return self._script.of(child)
        return ""

    # ------------------------------------------------------------------ commands

    def _in_command(self, command: Node, child: Node, whole_word: bool) -> Site:
        words = [c for c in command.children if c.is_named and _field(command, c) in ("name", "argument")]
        try:
            position = words.index(child)
        except ValueError:
            return Site(self._quoting)
        texts = [bare(self._script.of(word)) for word in words]
        base = basename(texts[0])
        if base == "let":
            return Site(self._quoting, INTEGER)
        problem = self._command_problem(base, texts, position)
        if problem is not None:
            return Site("", WORD, problem)
        if base in ("echo", "printf") and self._piped_to_code(command):
            return Site("", WORD, _CODE_INPUT)
        if base in ("test", "["):
            return Site(self._quoting)
        return self._argument(whole_word)

    def _command_problem(self, base: str, texts: list[str], position: int) -> tuple[str, str] | None:
        if base in ("builtin", "command") and len(texts) > 1 and position > 1:
            return self._command_problem(basename(texts[1]), texts[1:], position - 1)
        before = texts[position - 1]
        if base in _ALL_CODE or (base == "trap" and position == 1 + (texts[1] == "--")):
            return _CODE_AGAIN
        if base in ("source", ".") and position == 1:
            return _SOURCE
        if base in _NAMING and not (base == "read" and re.fullmatch(r"-\w*[pdtnNu]", before)):
            return _NAME if base != "getopts" or position == 2 else None
        if before in ("-v", "-R") and base in ("printf", "test", "["):
            return _NAME
        if base == "coproc":
            return _NAME
        if base == "ssh" and position > ssh_host(texts):
            return _CODE_AGAIN
        if base in ("exec", "command", "builtin") and position == 1:
            return _COMMAND_WORD
        if re.fullmatch(r"[gmn]?awk", base) and self._awk_program(texts, position):
            return _CODE_AGAIN
        return _CODE_AGAIN if code_argument(texts, position) else None

    def _awk_program(self, texts: list[str], position: int) -> bool:
        """Whether awk takes this word as its program: the first that is no option and no option's value."""
        at = 1
        while at < position:
            if re.fullmatch(r"-[vFf]", texts[at]):
                at += 2
            elif texts[at].startswith("-"):
                at += 1
            else:
                return False
        return at == position and not texts[position].startswith("-")

    def _feeds_code(self, redirect: Node) -> bool:
        """Whether the command that reads this here-document or here-string takes its input for code."""
        owner = redirect.parent
        body: Node | None = owner
        if owner is not None and owner.type == "redirected_statement":
            body = owner.child_by_field_name("body")
        if body is None:
            return False
        commands = [body] if body.type == "command" else _commands(body)
        following = [c for c in redirect.children if c.type in ("pipeline", "command")]
        for part in following:
            commands += [part] if part.type == "command" else _commands(part)
        return any(self._runs_input(command) for command in commands)

    def _piped_to_code(self, command: Node) -> bool:
        """Whether a later part of the pipeline takes what this command prints for code."""
        child, node = command, command.parent
        while node is not None and node.type == "redirected_statement":
            child, node = node, node.parent
        if node is None or node.type != "pipeline":
            return False
        later = [part for part in node.children if part.start_byte > child.start_byte]
        return any(self._runs_input(part) for step in later for part in _commands(step))

    def _runs_input(self, command: Node) -> bool:
        texts = [
            bare(self._script.of(c))
            for c in command.children
            if c.is_named and _field(command, c) in ("name", "argument")
        ]
        if not texts:
            return False
        if basename(texts[0]) in ("source", ".") or "/dev/stdin" in texts:
            return basename(texts[0]) in ("source", ".") or any(program(t) in CODE_OPTIONS for t in texts)
        if basename(texts[0]) == "ssh":
            return ssh_host(texts) >= len(texts) - 1 or any(program(t) in CODE_OPTIONS for t in texts)
        for at, text in enumerate(texts):
            base = program(text)
            if base in CODE_OPTIONS:
                following = [t for t in texts[at + 1 :] if not t.startswith("-") or t == "-"]
                options = [t for t in texts[at + 1 :] if t.startswith("-")]
                reads = (
                    not following
                    or "-" in following
                    or any(re.fullmatch(r"-[a-z]*s[a-z]*", o) for o in options)
                )
                if reads and not any(is_code_option(base, o) for o in options):
                    return True
        return False


# ---------------------------------------------------------------------- nodes


def _commands(node: Node) -> list[Node]:
    found = []
    pending = [node]
    while pending:
        at = pending.pop()
        if at.type == "command":
            found.append(at)
        pending.extend(at.children)
    return found


def _field(parent: Node, child: Node) -> str | None:
    for number in range(parent.child_count):
        if parent.child(number) == child:
            return parent.field_name_for_child(number)
    return None


def _in_brackets(node: Node) -> bool:
    return _test_or_none(node) is not None


def _test(node: Node) -> Node:
    test = _test_or_none(node)
    assert test is not None
    return test


def _test_or_none(node: Node) -> Node | None:
    at: Node | None = node
    while at is not None and at.type not in _BOUNDARIES:
        if at.type == "test_command":
            return at
        if at.type == "command":
            return None
        at = at.parent
    return None
