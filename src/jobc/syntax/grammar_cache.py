"""The parse tables of `expression.lark`: made by Lark once, kept in a cache, loaded in about a millisecond.

Importing Lark and building the tables takes some 70 ms, more than everything else that `lint` does at start. So
Lark runs only where the cache has no tables for this very grammar: its LALR analysis and its terminals are put into
plain tuples, written with `marshal` behind a checksum. The cache file holds the grammar's own text; tables for another
text, another format or from another Python are never used. What cannot be read is built again, what cannot
be written is built in memory: the cache changes nothing but the time.
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib
from typing import Any, TypeAlias

#: Raise it when `Tables` or `_build` change.
FORMAT = 2

#: By terminal: n >= 0 shifts to state n, n < 0 reduces by rule ~n. By rule: (origin, length, action or "").
Actions: TypeAlias = "list[dict[str, int]]"
Gotos: TypeAlias = "list[dict[str, int]]"


class Tables:
    """An LALR(1) automaton and its terminals; `end` is the state in which the input is complete."""

    __slots__ = ("actions", "blank", "end", "gotos", "keywords", "rules", "start", "terminals")

    def __init__(self, data: tuple[Any, ...]) -> None:
        self.actions: Actions = data[0]
        self.gotos: Gotos = data[1]
        self.rules: list[tuple[str, int, str]] = data[2]
        self.start: int = data[3]
        self.end: int = data[4]
        #: (name, regular expression), the first that matches counts.
        self.terminals: list[tuple[str, str]] = data[5]
        #: Text of a NAME -> the keyword's terminal.
        self.keywords: dict[str, str] = data[6]
        self.blank: str = data[7]


def load() -> Tables:
    """The tables of the grammar: from the cache, or built."""
    grammar = read_grammar()
    path = _cache_path(grammar)
    data = _read(path, grammar) if path else None
    if data is None:
        data = _build(grammar)
        if path:
            _write(path, grammar, data)
    return Tables(data)


def read_grammar() -> str:
    """The text of `expression.lark`: beside the package in a wheel, at the top of the repository in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, "grammar", "expression.lark")
    checkout = os.path.join(os.path.dirname(os.path.dirname(package)), "grammar", "expression.lark")
    for path in (inside, checkout):
        try:
            with open(path, encoding="utf-8", newline="") as stream:
                return stream.read().replace("\r\n", "\n")
        except FileNotFoundError:
            continue
    from jobc.errors import InternalError

    raise InternalError("the installation is incomplete: `grammar/expression.lark` is missing")


def _cache_path(grammar: str) -> str | None:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(root):
        return None
    checksum = zlib.crc32(grammar.encode("utf-8"))
    name = f"expression-{FORMAT}-{sys.implementation.cache_tag}-{checksum:08x}.tables"
    return os.path.join(root, "jobc", name)


def _read(path: str, grammar: str) -> tuple[Any, ...] | None:
    try:
        with open(path, "rb") as stream:
            content = stream.read()
        if int.from_bytes(content[:4], "little") != zlib.crc32(content[4:]):
            return None
        text, data = marshal.loads(content[4:])
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return data if text == grammar else None


def _write(path: str, grammar: str, data: tuple[Any, ...]) -> None:
    content = marshal.dumps((grammar, data))
    content = zlib.crc32(content).to_bytes(4, "little") + content
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(content)
        os.replace(temporary, path)
    except OSError:
        return


def _build(grammar: str) -> tuple[Any, ...]:
    """Lark's analysis of the grammar as plain tuples, lists and dicts."""
    import re

    from lark import Lark
    from lark.grammar import Rule
    from lark.lexer import PatternStr, TerminalDef

    parser = Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False)
    stored, memo = parser.memo_serialize([Rule, TerminalDef])
    tables = stored["parser"]["parser"]
    symbols = tables["tokens"]
    found = [(index, entry) for index, entry in memo.items() if entry["__type__"] == "Rule"]
    found.sort(key=lambda pair: (pair[1]["origin"]["name"], pair[1]["order"], len(pair[1]["expansion"])))
    row_of = {index: row for row, (index, _) in enumerate(found)}
    rules = [(rule["origin"]["name"], len(rule["expansion"]), rule["alias"] or "") for _, rule in found]
    origins = {rule[0] for rule in rules}
    # Lark numbers states in the order of its sets; here they are numbered as they are reached.
    order, number_of = [tables["start_states"]["start"]], {tables["start_states"]["start"]: 0}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        shifts: dict[str, int] = {}
        jumps: dict[str, int] = {}
        for name, (reduces, argument) in sorted(
            (symbols[s], step) for s, step in tables["states"][state].items()
        ):
            if reduces:
                shifts[name] = ~row_of[argument["@"]]
                continue
            if argument not in number_of:
                number_of[argument] = len(order)
                order.append(argument)
            (jumps if name in origins else shifts)[name] = number_of[argument]
        actions.append(shifts)
        gotos.append(jumps)
    patterns = {terminal.name: terminal.pattern for terminal in parser.terminals}
    name_pattern = re.compile(patterns["NAME"].to_regexp())
    keywords = {
        pattern.value: name
        for name, pattern in patterns.items()
        if isinstance(pattern, PatternStr) and name_pattern.fullmatch(pattern.value)
    }
    ordered = sorted(
        (name for name in patterns if name not in keywords.values()),
        key=lambda name: (isinstance(patterns[name], PatternStr), -len(patterns[name].value), name),
    )
    terminals = [(name, patterns[name].to_regexp()) for name in ordered]
    end = number_of[tables["end_states"]["start"]]
    return (actions, gotos, rules, 0, end, terminals, keywords, parser.ignore_tokens[0])
