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

from jobc.sema import script_problems as problems
from jobc.sema.inert import FIXED, Harmless
from jobc.sema.script_site import COMMENT, INTEGER, WORD, WORDS, Site
from jobc.sema.scripts_inner import command_word, in_shell, in_statement, is_other_language
from jobc.sema.scripts_programs import (
    RUN_VARIABLES,
    bare,
    basename,
    code_argument,
    command_at,
    input_reader,
    reader,
    run_option,
    runs_input,
    ssh_host,
)
from jobc.sema.scripts_quoting import scan
from jobc.sema.scripts_tree import (
    BOUNDARIES,
    Script,
    commands_in,
    declared,
    field_of,
    in_brackets,
    parse,
    test_around,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_ALL_CODE = frozenset(("eval", "alias", "watch"))
_PRINTING = frozenset(("echo", "printf", "cat"))
_NAMING = frozenset(("read", "mapfile", "readarray", "getopts", "unset"))
_ARITHMETIC_TESTS = frozenset(("-eq", "-ne", "-lt", "-le", "-gt", "-ge"))
_QUOTED_BY = {
    "string": "double",
    "string_content": "double",
    "translated_string": "double",
    "raw_string": "single",
    "ansi_c_string": "ansi",
    "comment": "comment",
    "heredoc_content": "heredoc",
}


def sites(text: str, names: Sequence[str], starts: Sequence[int]) -> list[Site]:
    """The site of each name (`names[i]` stands at `starts[i]`, ascending, and nowhere else)."""
    ends = [start + len(name) for start, name in zip(starts, names, strict=True)]
    quoting = scan(text, starts, ends)
    script = Script(text)
    root = parse(script)
    return [
        judge(script, quoting.get(number), script.node_at(root, start, end), start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def with_plain_words(site: Site) -> Site:
    """The site for `raw` text that is known to be plain words: they may name a command, and unquoted become words."""
    if site.problem is problems.COMMAND_WORD:
        return Site("word", WORDS)
    if site.problem is None and site.use == WORD and site.quoting == "word":
        return Site("word", WORDS)
    return site


# ---------------------------------------------------------------------- one expression


def judge(script: Script, quoting: str | None, node: Node | None, start: int, end: int) -> Site:
    """Judge the place of one expression, or of an expansion of the script's own (`$x`)."""
    if quoting == "comment":
        return Site("comment", COMMENT)
    if quoting is None or quoting in problems.UNLIFTABLE:
        return Site("", WORD, problems.UNLIFTABLE.get(quoting or "", problems.UNCLEAR))
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
        return Site("", WORD, problems.UNCLEAR)
    if line_start:
        above = text[:line_start]
        if above.endswith("\\\n") or scan(above, [line_start - 1], [line_start]) != {0: "word"}:
            return Site("", WORD, problems.UNCLEAR)
    return Site(quoting, WORD)


def _word_nodes(command: Node) -> list[Node]:
    """The name of a command and its arguments."""
    return [
        child
        for number, child in enumerate(command.children)
        if child.is_named and command.field_name_for_child(number) in ("name", "argument")
    ]


class _Climb:
    """From a name up to the statement that it is part of."""

    __slots__ = ("_name", "_node", "_quoting", "_script", "_start")

    def __init__(self, script: Script, quoting: str, node: Node, start: int, end: int) -> None:
        self._script = script
        self._quoting = quoting
        self._node = node
        self._start = start
        self._name = script.text[start:end]

    def site(self) -> Site:
        told = self._tree_quoting()
        if told is not None and told != self._quoting:
            return Site("", WORD, problems.UNCLEAR)
        child, node = self._node, self._node.parent
        whole_word = self._node.type == "word"
        while node is not None:
            kind = node.type
            field = field_of(node, child)
            if kind in ("string", "concatenation", "expansion"):
                whole_word = whole_word and kind == "concatenation"
                if kind == "concatenation" and self._in_range(node):
                    return Site("", WORD, problems.BRACES)
                if kind == "expansion" and self._node.type == "variable_name" and node == self._node.parent:
                    return Site("", WORD, problems.NAME)
                default = re.match(r"\$\{(\w+):?=", self._script.of(node)) if kind == "expansion" else None
                if default is not None and self._declared(default.group(1), "i"):
                    return Site(self._quoting, INTEGER)
            elif kind == "simple_expansion":
                return Site("", WORD, problems.NAME)
            elif kind == "subscript":
                return self._subscript(node)
            elif kind == "arithmetic_expansion" or (kind == "c_style_for_statement" and field != "body"):
                return Site("", WORD, problems.UNCLEAR)
            elif kind == "command_name":
                return self._refused(problems.COMMAND_WORD, command_word(self._before(child)))
            elif kind == "function_definition" and field == "name":
                return Site("", WORD, problems.FUNCTION)
            elif kind == "for_statement":
                if field == "variable":
                    return Site("", WORD, problems.NAME)
                variable = node.child_by_field_name("variable")
                if variable is not None and self._declared(self._script.of(variable), "i"):
                    return Site(self._quoting, INTEGER)
                return self._argument(whole_word)
            elif kind == "array":
                return self._array_element(child, whole_word)
            elif kind == "variable_assignment":
                if field != "value":
                    return Site("", WORD, problems.NAME)
                if self._is_reference(node):
                    return Site("", WORD, problems.NAME)
                if self._target(node) in RUN_VARIABLES:
                    return self._refused(problems.RUN_VARIABLE, in_shell(self._before(child)))
                return self._assigned(node)
            elif kind in ("declaration_command", "unset_command"):
                before = (
                    self._script.data[child.start_byte :]
                    .decode("utf-8", "surrogatepass")
                    .split(self._name, 1)[0]
                )
                text = self._script.of(node)
                if text.startswith("export ") and re.match(r"[\"']?\w+=", before):
                    return Site(self._quoting)
                return Site("", WORD, problems.NAME)
            elif kind in ("binary_expression", "unary_expression") and not in_brackets(node):
                pass
            elif kind == "binary_expression":
                operator = self._operator(node)
                if operator in _ARITHMETIC_TESTS and self._script.of(test_around(node)).startswith("[["):
                    return Site(self._quoting, INTEGER)
                if operator not in ("&&", "||"):
                    return Site(self._quoting)
            elif kind == "unary_expression":
                if self._operator(node) in ("-v", "-R"):
                    return Site("", WORD, problems.NAME)
                return Site(self._quoting)
            elif kind == "test_command":
                return Site(self._quoting)
            elif kind == "command":
                return self._in_command(node, child, whole_word)
            elif kind in ("heredoc_redirect", "herestring_redirect"):
                if child.type == "heredoc_start":
                    return Site("", WORD, problems.UNLIFTABLE["delimiter"])
                readers = self._readers(node)
                if any(runs_input(texts) for texts in readers):
                    other = any(is_other_language(text) for texts in readers for text in texts)
                    return self._refused(problems.CODE_INPUT, FIXED if other else in_shell(self._line()))
                if child.type == "heredoc_body" or kind == "herestring_redirect":
                    if all(basename(texts[0]) in _PRINTING for texts in readers) and self._runs_output(node):
                        return self._refused(problems.CODE_INPUT, self._printed(self._line()))
                    named = next(filter(None, map(input_reader, readers)), None)
                    return Site(
                        self._quoting,
                        reader=named,
                        harmless=in_statement(named or "", *self._around(child), self._quoting),
                    )
            elif kind == "file_redirect" or kind in BOUNDARIES or kind in ("case_statement", "case_item"):
                return Site(self._quoting)
            child, node = node, node.parent
        return Site(self._quoting)

    def _tree_quoting(self) -> str | None:
        """What the tree itself says of the quotes; None where it cannot tell."""
        node: Node | None = self._node
        if self._node.type == "heredoc_body":
            return "heredoc"
        while (
            node is not None and node.type not in BOUNDARIES and node.type not in ("expansion", "subscript")
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
        return declared(self._script, name, attribute)

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

    def _is_reference(self, assignment: Node) -> bool:
        """`declare -n x=…` makes another name for a variable."""
        command = assignment.parent
        return (
            command is not None
            and command.type == "declaration_command"
            and re.match(r"\w+\s+(?:-\w+\s+)*-\w*n", self._script.of(command)) is not None
        )

    def _assigned(self, node: Node) -> Site:
        return Site(self._quoting, INTEGER if self._declared(self._target(node), "i") else WORD)

    def _operator(self, node: Node) -> str:
        for child in node.children:
            if child.type == "test_operator" or not child.is_named:
                return self._script.of(child)
        return ""

    # ------------------------------------------------------------------ commands

    def _in_command(self, command: Node, child: Node, whole_word: bool) -> Site:
        words = _word_nodes(command)
        try:
            position = words.index(child)
        except ValueError:
            return Site(self._quoting)
        texts = [bare(self._script.of(word)) for word in words]
        at = command_at(texts)
        if position == at:
            return self._refused(problems.COMMAND_WORD, command_word(self._before(child)))
        if position > at and basename(texts[at]) == "let":
            return Site(self._quoting, INTEGER)
        problem = self._command_problem(texts, position)
        if problem is None and at and position > at:
            problem = self._command_problem(texts[at:], position - at)
        if problem is not None:
            harmless = self._harmless(problem, texts, position)
            if problem is problems.CODE_AGAIN:
                problem = (problem[0], self._remedy(texts, position) or problem[1])
            return self._refused(problem, harmless)
        base = basename(texts[at])
        if base in _PRINTING and self._runs_output(command):
            words_before = [*texts[1:position], texts[position].split(self._name, 1)[0]]
            return self._refused(problems.CODE_INPUT, self._printed(" ".join(words_before)))
        if base in ("test", "["):
            return Site(self._quoting)
        site = self._argument(whole_word)
        site.reader = reader(texts, position, self._name)
        if site.reader is not None:
            site.harmless = in_statement(site.reader, *self._around(child), self._quoting)
        return site

    def _refused(self, problem: tuple[str, str], harmless: Harmless | None) -> Site:
        return Site(self._quoting, WORD, problem, harmless=harmless)

    def _harmless(self, problem: tuple[str, str], texts: list[str], position: int) -> Harmless | None:
        """The values that do no harm where a command runs its words."""
        before = texts[position].split(self._name, 1)[0]
        if problem is problems.SOURCE or problem is problems.COMMAND_WORD:
            return command_word(before)
        if problem is not problems.CODE_AGAIN:
            return None
        ssh = next((at for at in range(position) if basename(texts[at]) == "ssh"), None)
        if ssh is not None:
            first = ssh + ssh_host(texts[ssh:]) + 1
            if position < first:
                return in_shell(before.split("=", 1)[-1])
            return in_shell(" ".join([*texts[first:position], before]))
        if any(is_other_language(text) for text in texts[:position]):
            return FIXED
        if basename(texts[0]) in _ALL_CODE:
            return in_shell(" ".join([*texts[1:position], before]))
        # An option's own value, and a setting of git, are a whole command.
        return in_shell(re.sub(r"^(?:--[\w-]+|[\w-]+(?:\.[\w-]+)+)=", "", before))

    def _remedy(self, texts: list[str], position: int) -> str | None:
        """What helps where the command takes no arguments for the text that it runs."""
        if any(basename(text) == "ssh" for text in texts[:position]):
            return problems.SAY_WHICH + ", or send it as input, to a command that reads it"
        if any(is_other_language(text) for text in texts[:position]):
            return "keep the code constant, and pass the value to it as an argument or in the environment"
        if run_option(texts, position, self._name):
            return problems.SAY_WHICH + f", or put it into the environment: VALUE=${{{{ … }}}} {texts[0]} …"
        return None

    def _printed(self, before: str) -> Harmless:
        """The values that do no harm in what is printed for another program to run."""
        statement = self._node
        while statement.parent is not None and statement.parent.type != "program":
            statement = statement.parent
        return FIXED if is_other_language(self._script.of(statement)) else in_shell(before)

    def _before(self, word: Node) -> str:
        return bare(self._around(word)[0])

    def _around(self, word: Node) -> tuple[str, str]:
        """The text of a word before and after the expression in it, as it is written."""
        start = self._script.index(word.start_byte)
        text = self._script.of(word)
        at = self._start - start
        return text[:at], text[at + len(self._name) :]

    def _line(self) -> str:
        """The text of the line before the expression, quotes removed."""
        text = self._script.text
        return bare(text[text.rfind("\n", 0, self._start) + 1 : self._start])

    def _command_problem(self, texts: list[str], position: int) -> tuple[str, str] | None:
        base, before = basename(texts[0]), texts[position - 1]
        if base in _ALL_CODE or (base == "trap" and position == 1 + (texts[1] == "--")):
            return problems.CODE_AGAIN
        if base == "parallel" and ":::" not in texts[:position]:
            return problems.CODE_AGAIN
        if base in ("source", ".") and position == 1:
            return problems.SOURCE
        if run_option(texts, position, self._name):
            return problems.CODE_AGAIN
        if base in _NAMING and not (base == "read" and re.fullmatch(r"-\w*[pdtnNu]", before)):
            return problems.NAME if base != "getopts" or position == 2 else None
        if before in ("-v", "-R") and base in ("printf", "test", "["):
            return problems.NAME
        if base == "printf" and texts[position].startswith("-v") and self._name in texts[position]:
            return problems.NAME
        if base == "coproc" or (base == "wait" and re.fullmatch(r"-\w*p", before)):
            return problems.NAME
        if base == "ssh" and position > ssh_host(texts):
            return problems.CODE_AGAIN
        if base == "find":
            return self._in_find(texts, position)
        if re.fullmatch(r"(?:[gmn]?awk)", base) and self._awk_program(texts, position):
            return problems.CODE_AGAIN
        if base == "busybox" and position > 1 and self._command_problem(texts[1:], position - 1):
            return problems.CODE_AGAIN
        return problems.CODE_AGAIN if code_argument(texts, position) else None

    def _in_find(self, texts: list[str], position: int) -> tuple[str, str] | None:
        """What find runs with `-exec` is a command of its own."""
        for at in range(position - 1, 0, -1):
            if texts[at] in (";", "+"):
                return None
            if re.fullmatch(r"-(?:exec|ok)(?:dir)?", texts[at]):
                inner = texts[at + 1 :]
                start = command_at(inner)
                if position == at + 1 + start:
                    return problems.COMMAND_WORD
                return self._command_problem(inner[start:], position - at - 1 - start)
        return None

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

    def _readers(self, redirect: Node) -> list[list[str]]:
        """The words of each command that may read this here-document or here-string."""
        owner = redirect.parent
        body: Node | None = owner
        if owner is not None and owner.type == "redirected_statement":
            body = owner.child_by_field_name("body")
        if body is None:
            return []
        parts = [body, *(c for c in redirect.children if c.type in ("pipeline", "command"))]
        return [texts for part in parts for command in commands_in(part) if (texts := self._words(command))]

    def _runs_output(self, node: Node) -> bool:
        """Whether what is printed here is taken for code: by a later part of a pipeline, or where it is substituted."""
        child, at = node, node.parent
        while at is not None and at.type not in ("function_definition", "program"):
            if at.type == "pipeline":
                later = [part for part in at.children if part.start_byte > child.start_byte]
                commands = [command for step in later for command in commands_in(step)]
                if any(runs_input(texts) for command in commands if (texts := self._words(command))):
                    return True
            elif at.type in ("command_substitution", "process_substitution"):
                return self._is_code(at)
            elif at.type == "redirected_statement" and any(
                re.match(r"[1&]?>{1,2}(?!&)", self._script.of(part))
                for part in at.children
                if part.type == "file_redirect"
            ):
                return False
            child, at = at, at.parent
        return False

    def _is_code(self, substitution: Node) -> bool:
        """Whether the text that a substitution gives stands where text is code."""
        owner = substitution.parent
        if owner is not None and owner.type == "file_redirect":
            statement = owner.parent
            commands = commands_in(statement.children[0]) if statement is not None else []
            return any(runs_input(texts) for command in commands if (texts := self._words(command)))
        if substitution.type == "process_substitution" and owner is not None and owner.type == "command":
            return any(
                runs_input(texts[:at])
                for texts in [self._words(owner)]
                for at in [self._position(owner, substitution)]
                if at
            )
        site = _Climb(self._script, "double", substitution, self._start, self._start + len(self._name)).site()
        return problems.is_code(site.problem)

    def _position(self, command: Node, word: Node) -> int:
        words = _word_nodes(command)
        return words.index(word) if word in words else 0

    def _words(self, command: Node) -> list[str]:
        return [bare(self._script.of(word)) for word in _word_nodes(command)]
