"""What pyflakes finds in the Python scripts of a model, in jobc's words and at the places of the jobs file.

The script is read as it runs: its expressions are names, and what every script finds (`params`, `result`, …) and its
`vars` are known. A script that makes names unseen (`exec`, `globals()`, a star import) has no undefined ones.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from jobc.diagnostics.diagnostic import INFO, WARNING, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.sema.outputs import PYTHON_NAMES
from jobc.sema.python_tree import PythonTree, parse
from jobc.sema.reads import is_dynamic
from jobc.sema.remembered import Remembered
from jobc.sema.scripts import ScriptPlacement, script_stages
from jobc.syntax.ast import PyStage
from jobc.syntax.spelling import nearest

RULE = "python-script"
_FOUND: Remembered[tuple[str, frozenset[str]], list[Any]] = Remembered(1_000_000)
_TYPING = frozenset(("typing", "typing_extensions"))
#: Comparisons of names, undefined ones with known ones, that one script is worth.
_COMPARED = 50_000

#: pyflakes' message -> (severity, remedy). What is not listed is style, or what Python itself refuses.
_TOLD = {
    "UnusedImport": (INFO, "leave the import out"),
    "UnusedVariable": (INFO, "leave the assignment out, or use the value"),
    "UndefinedLocal": (WARNING, "give it another name inside the function, or declare it `global`"),
    "RedefinedWhileUnused": (WARNING, "leave one of the two out, or give it another name"),
    "ImportShadowedByLoopVar": (WARNING, "give the loop's variable another name"),
    "IsLiteral": (WARNING, "compare with `==`"),
    "AssertTuple": (WARNING, "leave the parentheses out: a tuple is always true"),
    "IfTuple": (WARNING, "leave the parentheses out: a tuple is always true"),
    "InvalidPrintSyntax": (WARNING, "write `print(…, file=…)`"),
    "RaiseNotImplemented": (WARNING, "raise `NotImplementedError`"),
    "MultiValueRepeatedKeyLiteral": (WARNING, "keep one of the values"),
    "MultiValueRepeatedKeyVariable": (WARNING, "keep one of the values"),
    "PercentFormatExpectedMapping": (WARNING, "make format and values agree"),
    "PercentFormatExpectedSequence": (WARNING, "make format and values agree"),
    "PercentFormatExtraNamedArguments": (WARNING, "make format and values agree"),
    "PercentFormatMissingArgument": (WARNING, "make format and values agree"),
    "PercentFormatPositionalCountMismatch": (WARNING, "make format and values agree"),
    "StringDotFormatExtraNamedArguments": (WARNING, "make format and values agree"),
    "StringDotFormatExtraPositionalArguments": (WARNING, "make format and values agree"),
    "StringDotFormatMissingArgument": (WARNING, "make format and values agree"),
}


def findings(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            for stage in script_stages(job):
                placed = workflow.scripts.get(id(stage))
                if placed is not None and isinstance(stage, PyStage):
                    yield from _script(placed, [item.key for item in stage.vars])


def _messages(text: str, names: frozenset[str]) -> list[Any]:
    """pyflakes' messages on a script that finds these names, in order. Raises as `python_tree.parse` does."""
    key = (text, names)
    found = _FOUND.get(key)
    if found is None:
        tree = parse(text).module
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _checker(tree, text, names).messages
        found.sort(key=lambda message: (message.lineno, message.col))
        _FOUND.keep(key, found, len(text))
    return found


def _checker(tree: ast.Module, text: str, names: frozenset[str]) -> Any:
    """A pyflakes run that knows those of Python's names that stand in the text: to know all takes as long as the run."""
    full, reduced = _checkers()
    if text.isascii():
        checker = reduced(tree, set(re.findall(r"\w+", text)), names)
        # A name may also be written with escapes, in an annotation that is text.
        if not any(type(message).__name__ == "UndefinedName" for message in checker.messages):
            return checker
    return full(tree, builtins=names)


@cache
def _checkers() -> tuple[Any, Any]:
    """pyflakes' checker, and one that knows only the names among given words."""
    from pyflakes.checker import Checker

    class Reduced(Checker):  # type: ignore[misc]
        def __init__(self, tree: ast.Module, words: set[str], names: frozenset[str]) -> None:
            self._words = words
            super().__init__(tree, builtins=names)

        def CALL(self, node: ast.Call) -> None:
            # Whether a call is one of `typing` is asked name by name; without that word it is none.
            if not _TYPING.isdisjoint(self._words) or isinstance(node.func, ast.Attribute):
                super().CALL(node)
            else:
                self.handleChildren(node)

        @property
        def builtIns(self) -> set[str]:
            return self._known

        @builtIns.setter
        def builtIns(self, known: set[str]) -> None:
            self._known = self._words & known

    return Checker, Reduced


def _script(placed: ScriptPlacement, names: list[str]) -> Iterator[Diagnostic]:
    text = placed.text
    slots = [placement.name for placement in placed.placements]
    try:
        messages = _messages(text, frozenset((*PYTHON_NAMES, *names, *slots, "__file__")))
        if not messages:
            return
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    unseen = is_dynamic(tree)
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    known: list[str] = []
    near: dict[str, str | None] = {}
    for message in messages:
        kind = type(message).__name__
        line = lines[message.lineno - 1]
        column = len(line.encode()[: message.col].decode("utf-8", "ignore"))
        start = starts[message.lineno - 1] + column
        name = str(message.message_args[0]) if message.message_args else ""
        if kind == "UndefinedName":
            if unseen or (name.startswith("__") and name.endswith("__")):
                continue
            known = known or [*PYTHON_NAMES, *names, *_bound(tree)]
            if name not in near:
                near[name] = nearest(name, known) if len(near) * len(known) < _COMPARED else None
            end = start + len(name) if text.startswith(name, start) else start + 1
            yield Diagnostic(
                RULE,
                f"nothing in this script defines `{name}`",
                placed.span(start, end),
                help=_remedy(name, near[name]),
                severity=WARNING,
            )
        elif kind in _TOLD:
            severity, remedy = _TOLD[kind]
            end = start + max(1, len(line[column:].rstrip()))
            yield Diagnostic(
                RULE, _words(message, kind), placed.span(start, end), help=remedy, severity=severity
            )


def _remedy(name: str, near: str | None) -> str:
    if near:
        return f"did you mean `{near}`?"
    import sys

    if name in sys.stdlib_module_names:
        return f"`import {name}` first"
    return "assign it, import it, or pass it in with `vars`"


def _bound(tree: PythonTree) -> list[str]:
    names: dict[str, None] = {}
    for node in tree.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            names[node.name] = None
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name.partition(".")[0], None) for alias in node.names)
    return list(names)


def _words(message: Any, kind: str) -> str:
    args = message.message_args
    special: dict[str, Callable[[], str]] = {
        "UnusedImport": lambda: f"the import of `{args[0]}` is never used",
        "UnusedVariable": lambda: f"`{args[0]}` is assigned and never used",
        "UndefinedLocal": lambda: f"`{args[0]}` is read before the function assigns it",
        "RedefinedWhileUnused": lambda: f"`{args[0]}` is defined again, and was never used before",
        "ImportShadowedByLoopVar": lambda: f"the loop's variable `{args[0]}` hides the import of that name",
        "IsLiteral": lambda: "`is` compares identity, and a literal has none to rely on",
        "AssertTuple": lambda: "this assertion always holds",
        "IfTuple": lambda: "this condition always holds",
    }
    made = special.get(kind)
    return made() if made is not None else str(message.message % args).rstrip(".")
