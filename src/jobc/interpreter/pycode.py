"""Python scripts made ready to run: parsed, values put in their places, lines moved to the jobs file, compiled.

A slot in code position is a name, which the child binds to the value; nothing is to be done. A slot inside a
literal is replaced in the parsed tree, in texts, bytes and the fixed parts of f-strings; so no value is ever
parsed. Every node then gets the YAML line that its script line stands on, and the file name is the jobs file's, so
tracebacks name the place that the author knows. A script without values in literals is compiled once.
"""

from __future__ import annotations

import ast
import re
import threading
import warnings
from types import CodeType
from typing import Any, Dict, List, Match, Set, Tuple

from jobc.ir.program import Script

_CACHE_LIMIT = 256
_cache: Dict[Any, Tuple[CodeType, List[str]]] = {}
_lock = threading.Lock()


def compile_script(script: Script, path: str, texts: Dict[str, str]) -> Tuple[CodeType, List[str]]:
    """The script's code object, and the names that it binds by imports alone.

    `texts` are the values of its `text` slots. Raises SyntaxError, its `lineno` on the YAML line.
    """
    key = (script.text, path, tuple(map(tuple, script.lines)))
    with _lock:
        found = None if texts else _cache.get(key)
        if found is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = _compile(script, path, texts)
            if not texts:
                if len(_cache) >= _CACHE_LIMIT:
                    _cache.clear()
                _cache[key] = found
    return found


def _compile(script: Script, path: str, texts: Dict[str, str]) -> Tuple[CodeType, List[str]]:
    try:
        tree = ast.parse(script.text, path)
        if texts:
            tree = ast.fix_missing_locations(_Texts(texts).visit(tree))
        imported: Set[str] = set()
        stored: Set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imported.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stored.add(node.id)
            if hasattr(node, "lineno"):
                _move(node, script)
        return compile(tree, path, "exec", dont_inherit=True), sorted(imported - stored)
    except SyntaxError as error:
        if error.lineno is not None:
            error.lineno = script.yaml_line(error.lineno)
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "the script is nested too deeply") from None


def _move(node: Any, script: Script) -> None:
    start = script.yaml_line(node.lineno)
    end = getattr(node, "end_lineno", None)
    node.lineno = start
    if end is not None:
        node.end_lineno = max(start, script.yaml_line(end))
    if node.end_lineno == start and node.end_col_offset < node.col_offset:
        node.end_col_offset = node.col_offset


class _Texts(ast.NodeTransformer):
    """Replaces slots inside literals by their values."""

    def __init__(self, texts: Dict[str, str]) -> None:
        self._texts = texts
        names = sorted(texts, key=lambda name: (-len(name), name))
        self._pattern = re.compile("|".join(re.escape(name) for name in names))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value: Any = node.value
        if isinstance(value, str):
            value = self._pattern.sub(self._value, value)
        elif isinstance(value, bytes):
            text = value.decode("latin-1")
            pieces = self._pattern.split(text)
            found = [self._texts[name].encode("utf-8") for name in self._pattern.findall(text)]
            value = pieces[0].encode("latin-1")
            for inserted, piece in zip(found, pieces[1:]):
                value += inserted + piece.encode("latin-1")
        if value == node.value:
            return node
        return ast.copy_location(ast.Constant(value, kind=node.kind), node)

    def _value(self, match: Match[str]) -> str:
        return self._texts[match.group()]
