"""Where the expressions of a Python script stand.

The script is parsed by `ast` with an identifier in place of each expression. One that the tree shows
as a name being read is a *value*; one inside a string, bytes or f-string literal is *text*; one in a
comment is nothing. Anything else (a name that is assigned, an attribute, a keyword, half of another
identifier) cannot hold a value, and a finding says what to write.

The lifted script keeps the identifiers: the interpreter binds the values and rewrites the literals on
its own parse of the same text, so no value is ever part of what Python parses.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Sequence

from jobc.sema.inert import ARGUMENT, FIXED
from jobc.sema.python_tree import parse
from jobc.sema.remembered import Remembered
from jobc.sema.scripts_inner import in_shell

Use = "str | tuple[str, str]"

_NOT_A_VALUE = (
    "a value cannot stand here: Python wants a name, not an expression",
    "write a constant name, and use the value where an expression may stand",
)
_CODE = (
    "this text is run as code, and the value with it",
    "keep the text constant, and pass the value as data: an argument list instead of shell=True, a variable instead of eval",
)
#: As the one above, where the code is a shell's and begins with other text.
_SHELL_CODE = (
    "this text is run as code by a shell, and the value with it",
    "keep the text constant, and pass the value as data: an argument list instead of shell=True",
)
#: For which texts there is nothing wrong, by what is said.
HARMLESS = {_CODE: FIXED, _SHELL_CODE: ARGUMENT}
_SHELLS = frozenset(("os.system", "os.popen", "asyncio.create_subprocess_shell"))
_RUNNERS = frozenset(("eval", "exec", "compile", "os.system", "os.popen", "asyncio.create_subprocess_shell"))
_RUNNERS_OF_COMMANDS = frozenset(("getoutput", "getstatusoutput"))
_STARTERS = frozenset(("run", "call", "check_call", "check_output", "Popen"))
_QUOTERS = frozenset(("quote", "shlex.quote", "repr", "int", "float", "bool", "len"))
_HELP = "correct the Python code at this place"
_SHELL_HELP = "`run` takes Python: write `bash` instead for a shell script"
#: How scripts begin that were meant for a shell.
_SHELL = re.compile(
    r"(?:\s*#.*\n)*\s*(?:\.{0,2}/[\w./-]+|(?:apt-get|aws|az|bash|cargo|cat|cd|chmod|cp|curl|dbt|docker|echo|export|gcloud|git"
    r"|go|gradle|helm|kubectl|ls|make|mkdir|mv|mvn|node|npm|npx|pip3?|pnpm|poetry|psql|pytest|python3?|rm|set|sh|source|sudo"
    r"|tar|terraform|tox|uv|wget|yarn)(?![\w-])(?!\s*(?:[=(.,:\[]|in\b|is\b|[-+*/%]\s)))"
)
_FOUND: Remembered[tuple[object, ...], list[str | tuple[str, str]] | SyntaxProblem] = Remembered(1_000_000)
_GLUED = (
    "the value would become part of a name",
    'put the expression into a string, or build the name in Python: f"part_{${{ … }}}"',
)


class SyntaxProblem:
    """Python's complaint, with its place in the text (`start` to `end`)."""

    __slots__ = ("end", "help", "message", "start")

    def __init__(self, message: str, start: int, end: int, help: str) -> None:
        self.message = message
        self.start = start
        self.end = end
        self.help = help


def uses(
    text: str, names: Sequence[str], starts: Sequence[int]
) -> list[str | tuple[str, str]] | SyntaxProblem:
    """For each name its use (`value`, `text`, `comment`) or, as a pair, what is wrong and what to write instead.

    `names[i]` stands at `starts[i]`, ascending. Gives a SyntaxProblem where Python cannot parse the text.
    """
    key = (text, *names, *starts)
    known = _FOUND.get(key)
    return _FOUND.keep(key, _uses(text, names, starts), len(text)) if known is None else known


def _uses(
    text: str, names: Sequence[str], starts: Sequence[int]
) -> list[str | tuple[str, str]] | SyntaxProblem:
    try:
        tree = parse(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # What the parser lets pass: `return` outside of a function, `await`, a late `from __future__`.
            compile(text, "script", "exec", dont_inherit=True)
    except SyntaxError as error:
        glued = [_is_glued(text, name, start) for name, start in zip(names, starts, strict=True)]
        line = error.lineno or 1
        if any(g and text.count("\n", 0, s) + 1 == line for g, s in zip(glued, starts, strict=True)):
            return [_GLUED if g else "value" for g in glued]
        return _problem(text, error)
    except (ValueError, RecursionError, MemoryError) as error:
        return SyntaxProblem(str(error) or "it is nested too deeply", 0, len(text.split("\n", 1)[0]), "")
    if not names:
        return []
    found = _in_tree(tree.nodes, set(names))
    run = _in_code(tree.nodes, set(names))
    comments = _in_comments(text, set(names) - found.keys()) if len(found) < len(names) else set()
    result: list[str | tuple[str, str]] = []
    for name, start in zip(names, starts, strict=True):
        if name in run:
            result.append(run[name])
        elif name in found:
            result.append(found[name])
        elif name in comments:
            result.append("comment")
        else:
            result.append(_GLUED if _is_glued(text, name, start) else _NOT_A_VALUE)
    return result


def placed_in_code(text: str, name: str) -> str:
    """The use of a value of which `HARMLESS` says that it may stand in code."""
    return _in_tree(parse(text).nodes, {name})[name]


def _in_tree(nodes: Iterable[ast.AST], names: set[str]) -> dict[str, str]:
    """The names that are read (`value`) or stand inside literals (`text`), and those alone. Each stands once."""
    token = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Name):
            if node.id in names and isinstance(node.ctx, ast.Load):
                found[node.id] = "value"
        elif isinstance(node, ast.Constant):
            value = node.value
            literal = value.decode("latin-1") if isinstance(value, bytes) else value
            if isinstance(literal, str):
                for match in token.finditer(literal):
                    found[match.group()] = "text"
    return found


def _in_code(nodes: Iterable[ast.AST], names: set[str]) -> dict[str, tuple[str, str]]:
    """The names whose values are part of a text that Python or a shell then runs, with what is wrong."""
    found: dict[str, tuple[str, str]] = {}
    for call in nodes:
        if isinstance(call, ast.Call) and _runs_text(call):
            text = (
                call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "args"), None)
            )
            pending: list[ast.AST] = [] if text is None else [text]
            while pending:
                node = pending.pop()
                if isinstance(node, ast.Call) and _dotted(node.func) in _QUOTERS:
                    continue
                if isinstance(node, ast.Name) and node.id in names:
                    found[node.id] = _CODE
                elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                    literal = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
                    for name in names:
                        at = re.search(name + r"\b", literal)
                        if at is not None:
                            found[name] = _code_problem(call, literal[: at.start()])
                pending.extend(ast.iter_child_nodes(node))
    return found


def _code_problem(call: ast.Call, before: str) -> tuple[str, str]:
    """What is wrong with a value behind `before` in the text that a call runs."""
    name = ast.unparse(call.func)
    shell = name in _SHELLS or name.rsplit(".", 1)[-1] in _RUNNERS_OF_COMMANDS | _STARTERS
    return _SHELL_CODE if shell and in_shell(before) is ARGUMENT else _CODE


def _runs_text(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Name | ast.Attribute):
        return False
    name = _dotted(call.func)
    if name in _RUNNERS or name.rsplit(".", 1)[-1] in _RUNNERS_OF_COMMANDS:
        return True
    return name.rsplit(".", 1)[-1] in _STARTERS and any(
        key.arg == "shell" and not (isinstance(key.value, ast.Constant) and not key.value.value)
        for key in call.keywords
    )


def _dotted(node: ast.expr) -> str:
    """`os.system` of a chain of names; of another expression its last name, after a dot."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _in_comments(text: str, names: set[str]) -> set[str]:
    import io
    import tokenize

    found: set[str] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found.update(name for name in names if name in token.string)
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def _is_glued(text: str, name: str, start: int) -> bool:
    before = text[start - 1 : start] if start else ""
    after = text[start + len(name) : start + len(name) + 1]
    return any(c.isalnum() or c == "_" for c in (before, after) if c)


def _problem(text: str, error: SyntaxError) -> SyntaxProblem:
    lines = text.split("\n")
    line = min(max(1, error.lineno or 1), len(lines))
    start_of_line = sum(len(part) + 1 for part in lines[: line - 1])
    width = len(lines[line - 1])
    column = min(max(1, error.offset or 1), width + 1)
    start = start_of_line + column - 1
    end = start + 1
    if error.end_lineno == error.lineno and error.end_offset and error.end_offset > column:
        end = start_of_line + min(error.end_offset - 1, width)
    message = (error.msg or "invalid syntax").split("\n", 1)[0]
    return SyntaxProblem(message, start, max(end, start + 1), _SHELL_HELP if _SHELL.match(text) else _HELP)
