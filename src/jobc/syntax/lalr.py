"""Runs the parse tables over an expression's text: tokens, shift, reduce.

The driver keeps four stacks side by side: states, values, where each value's text begins and ends, and how deep its tree is.
A reduction by a rule with a name calls that action with the values of the rule's right side; one without hands its first
value on. A chain of rules that each only hand one value on (`sum` to `product` to `signed` …) depends on nothing but
the two topmost states and the next token, so where it leads is remembered.

Trees are bounded by `MAX_DEPTH`, so that every later phase may walk them by recursion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from jobc.syntax.grammar_cache import Tables

MAX_DEPTH = 100
END = "$END"
UNKNOWN = "?unknown"

#: (terminal, text, start, end); the last token of a text is `END`, or `UNKNOWN` where no terminal matches.
Token: TypeAlias = "tuple[str, str, int, int]"

#: (values of the right side, start, end of the whole) -> value
Action: TypeAlias = Callable[[list[Any], int, int], Any]

#: Actions that make no node of their own, so that their trees grow no deeper.
FLAT = frozenset(
    ("none", "first", "more", "group", "keyword", "bare_entry", "single_entry", "double_entry", "")
)


class Rejected(Exception):
    """`tokens[index]` is not acceptable in `state`; or the tree of the text before it is `too_deep`."""

    def __init__(self, index: int, state: int, too_deep: bool) -> None:
        super().__init__(index)
        self.index = index
        self.state = state
        self.too_deep = too_deep


class Driver:
    """A parser: tables and the actions by name."""

    __slots__ = ("_actions", "_chains", "_hits", "_names", "tables")

    def __init__(self, tables: Tables, actions: dict[str, Action]) -> None:
        self.tables = tables
        self._actions = actions
        self._chains: dict[tuple[int, int, str], int] = {}
        self._names = [name for name, _ in tables.terminals]
        self._hits = re.compile("|".join(f"({pattern})" for _, pattern in tables.terminals)).finditer

    def tokens(self, source: str, shift: int = 0) -> list[Token]:
        """The tokens of a text, blanks left out; places are indices into the text, `shift` added."""
        found: list[Token] = []
        names, blank, keywords = self._names, self.tables.blank, self.tables.keywords
        at, length = 0, len(source)
        for hit in self._hits(source):
            start, end = hit.span()
            number = hit.lastindex
            if start != at or number is None:
                break
            name = names[number - 1]
            if name != blank:
                text = hit.group()
                if name == "NAME" and text in keywords:
                    name = keywords[text]
                found.append((name, text, at + shift, end + shift))
            at = end
        if at < length:
            found.append((UNKNOWN, source[at], at + shift, at + shift + 1))
        else:
            found.append((END, "", length + shift, length + shift))
        return found

    def parse(self, tokens: list[Token]) -> Any:
        """The value of the whole text; `Rejected` at the first token that no expression can have there."""
        tables = self.tables
        table, gotos, rules, end_state = tables.actions, tables.gotos, tables.rules, tables.end
        states, values, extents, depths = [tables.start], [], [], []
        actions, chains = self._actions, self._chains
        for index, token in enumerate(tokens):
            kind, start = token[0], token[2]
            while True:
                state = states[-1]
                step = table[state].get(kind)
                if step is None:
                    raise Rejected(index, state, too_deep=False)
                if step >= 0:
                    states.append(step)
                    values.append(token)
                    extents.append((start, token[3]))
                    depths.append(0)
                    break
                origin, length, action = rules[~step]
                if length == 1 and not action:
                    below = states[-2]
                    after = chains.get((below, state, kind))
                    states[-1] = self._chain(below, state, kind) if after is None else after
                elif not length:
                    values.append(actions[action]([], start, start))
                    extents.append((start, start))
                    depths.append(0)
                    states.append(gotos[state][origin])
                else:
                    first, last = extents[-length][0], extents[-1][1]
                    depth = max(depths[-length:]) + (action not in FLAT)
                    if depth > MAX_DEPTH:
                        raise Rejected(index, state, too_deep=True)
                    made = values[-length:]
                    values[-length:] = [actions[action](made, first, last) if action else made[0]]
                    extents[-length:] = [(first, last)]
                    depths[-length:] = [depth]
                    del states[-length:]
                    states.append(gotos[states[-1]][origin])
                if kind == END and states[-1] == end_state:
                    return values[-1]
        raise AssertionError("the tokens of a text end with END or UNKNOWN")

    def _chain(self, below: int, state: int, kind: str) -> int:
        """The state after all reductions that only hand the topmost value on."""
        key = (below, state, kind)
        found = self._chains.get(key)
        if found is None:
            tables = self.tables
            found = state
            while True:
                step = tables.actions[found].get(kind, 0)
                if step >= 0:
                    break
                origin, length, action = tables.rules[~step]
                if length != 1 or action:
                    break
                found = tables.gotos[below][origin]
                if found == tables.end:
                    break
            self._chains[key] = found
        return found
