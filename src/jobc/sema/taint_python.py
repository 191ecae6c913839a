"""What Python code does with the values of certain reads: runs them, prints them, hands them on.

A value is followed through names, f-strings, `+`, `%`, lists and the methods of texts that keep a text. A name carries one
where *every* assignment to it in the script does, in whichever scope. What any other call makes of a value is not followed.
A value that is compared, matched or looked up somewhere in the script is taken to be validated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from posixpath import normpath
from typing import Generic, TypeVar

T = TypeVar("T")

#: Gives the value of a read such as `params.x`, by its root and its keys; None where it has none.
Read = Callable[[str, tuple[str, ...]], "T | None"]

_KEEPING = frozenset(
    [
        "format",
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "replace",
        "join",
        "encode",
        "decode",
        "split",
        "title",
        "removeprefix",
        "removesuffix",
        "expandtabs",
        "splitlines",
        "casefold",
    ]
)
_SAME = frozenset(
    [
        "str",
        "list",
        "tuple",
        "os.fspath",
        "Path",
        "pathlib.Path",
        "os.path.join",
        "os.path.expanduser",
        "shlex.split",
    ]
)

_ENVIRON = frozenset(("os.environ", "environ"))
_GETENV = frozenset(("os.environ.get", "environ.get", "os.getenv", "getenv"))
_MATCHERS = frozenset(("re.match", "re.fullmatch", "re.search"))
_TESTS = frozenset(
    ("isdigit", "isalnum", "isalpha", "isidentifier", "isnumeric", "isdecimal", "fullmatch", "match")
)
_ROOTS = frozenset(("params", "matrix", "needs", "stages", "env", "item"))
_OPENERS = frozenset(("open", "io.open"))
_ROUNDS = 5
_DEPTH = 40


class PythonFlow(Generic[T]):
    """A script: `names` are its names that carry a value as it starts, `files` the constant names of files that do.

    `written` are the files that it writes a value into, with the value and the node that is written.
    """

    def __init__(
        self, tree: ast.Module, names: Mapping[str, T], files: Mapping[str, T], read: Read[T]
    ) -> None:
        self.tree = tree
        self._read = read
        self._files = dict(files)
        self._validated = self._find_validated()
        self._names = {name: value for name, value in names.items() if name not in self._validated}
        self._handles: dict[str, str] = {}
        self._given: dict[str, list[ast.expr | None]] = {}
        self._collect()
        for _ in range(_ROUNDS):
            if not self._settle():
                break
        self.written: dict[str, tuple[T, ast.expr]] = {}
        self._find_written()

    # ------------------------------------------------------------------ names

    def _collect(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assign(target, node.value)
            elif isinstance(node, (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)):
                self._assign(node.target, node.value)
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                self._assign(node.target, node.iter)
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                for item in node.items:
                    if item.optional_vars is not None:
                        self._open(item)
            elif isinstance(node, ast.arg):
                self._given.setdefault(node.arg, []).append(None)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                self._given.setdefault(node.name, []).append(None)
            elif isinstance(node, ast.alias):
                self._given.setdefault((node.asname or node.name).split(".")[0], []).append(None)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                self._given.setdefault(node.name, []).append(None)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._given.setdefault(target.id, []).append(value)
            return
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                self._given.setdefault(part.id, []).append(None)

    def _open(self, item: ast.withitem) -> None:
        target = item.optional_vars
        assert target is not None
        path = _opened(item.context_expr)
        if isinstance(target, ast.Name) and path:
            self._handles[target.id] = path
        self._assign(target, None)

    def _settle(self) -> bool:
        changed = False
        for name, places in self._given.items():
            found = [None if value is None else self.value(value) for value in places]
            carries = name not in self._validated and all(value is not None for value in found)
            if carries and name not in self._names:
                self._names[name] = next(value for value in found if value is not None)
                changed = True
            elif not carries and name in self._names:
                del self._names[name]
                changed = True
        return changed

    def _find_validated(self) -> set[str]:
        """The reads, as they are written, that the script makes sure of."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                found.update(ast.unparse(side) for side in sides if isinstance(side, _READS))
            elif isinstance(node, ast.Call):
                name = ast.unparse(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else ""
                if name in _MATCHERS and len(node.args) > 1:
                    found.add(ast.unparse(node.args[1]))
                elif isinstance(node.func, ast.Attribute) and node.func.attr in _TESTS:
                    found.update(map(ast.unparse, node.args[:1]))
                    found.add(ast.unparse(node.func.value))
            elif isinstance(node, ast.Match):
                found.add(ast.unparse(node.subject))
        return found

    # ------------------------------------------------------------------ values

    def value(self, node: ast.AST, depth: int = 0) -> T | None:
        """The value whose text may be part of what an expression gives."""
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.Name):
            return self._names.get(node.id) or self._of_context(node)
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            found = self._of_context(node)
            if found is None and isinstance(node, ast.Subscript) and not _is_context(node):
                return self.value(node.value, depth + 1)
            return found
        if isinstance(node, ast.Call):
            return self._of_call(node, depth)
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod, ast.Div)):
            parts = [node.left, node.right]
        elif isinstance(node, (ast.List, ast.Tuple)):
            parts = node.elts
        elif isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            parts = node.values
        elif isinstance(node, ast.Starred):
            parts = [node.value]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            return next((value for name, value in self._names.items() if _holds(node.value, name)), None)
        for part in parts:
            found = self.value(part, depth + 1)
            if found is not None:
                return found
        return None

    def _of_context(self, node: ast.expr) -> T | None:
        keys: list[str] = []
        at: ast.expr = node
        if ast.unparse(node) in self._validated:
            return None
        while isinstance(at, (ast.Attribute, ast.Subscript)):
            if isinstance(at, ast.Attribute):
                if ast.unparse(at) in _ENVIRON:
                    return self._read("env", (keys[-1],)) if keys else None
                keys.append(at.attr)
            elif isinstance(at.slice, ast.Constant) and isinstance(at.slice.value, (str, int)):
                keys.append(str(at.slice.value))
            else:
                return None
            at = at.value
        if not isinstance(at, ast.Name):
            return None
        if at.id == "environ" and keys:
            return self._read("env", (keys[-1],))
        if at.id not in _ROOTS or at.id in self._given:
            return None
        return self._read(at.id, tuple(reversed(keys)))

    def _of_call(self, call: ast.Call, depth: int) -> T | None:
        if not isinstance(call.func, (ast.Name, ast.Attribute)):
            return None
        name = ast.unparse(call.func)
        if name in _GETENV:
            key = call.args[0] if call.args else None
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                return None if ast.unparse(call) in self._validated else self._read("env", (key.value,))
            return None
        if name in _SAME:
            return next(filter(None, (self.value(argument, depth + 1) for argument in call.args)), None)
        if not isinstance(call.func, ast.Attribute):
            return None
        method, owner = call.func.attr, call.func.value
        if method in ("read", "read_text", "readline", "readlines"):
            path = _opened(owner) or _path(owner)
            if isinstance(owner, ast.Name):
                path = path or self._handles.get(owner.id, "")
            return self._files.get(path)
        if method == "get" and isinstance(owner, ast.Name) and call.args:
            key = call.args[0]
            if owner.id in _ROOTS and isinstance(key, ast.Constant) and isinstance(key.value, str):
                return None if ast.unparse(call) in self._validated else self._read(owner.id, (key.value,))
            return None
        if method in _KEEPING:
            parts = [owner, *(call.args if method in ("format", "join") else ())]
            parts += [keyword.value for keyword in call.keywords] if method == "format" else []
            return next(filter(None, (self.value(part, depth + 1) for part in parts)), None)
        return None

    # ------------------------------------------------------------------ files

    def _find_written(self) -> None:
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            method, owner = node.func.attr, node.func.value
            path = ""
            if method == "write":
                path = _opened(owner) or (
                    self._handles.get(owner.id, "") if isinstance(owner, ast.Name) else ""
                )
            elif method == "write_text":
                path = _path(owner)
            if path:
                found = self.value(node.args[0])
                if found is not None:
                    self.written[path] = (found, node.args[0])
                    self._files[path] = found


_READS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call of a name, with the name: `os.system`, `print`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            yield node, ast.unparse(node.func)


def _is_context(node: ast.Subscript) -> bool:
    at: ast.expr = node
    while isinstance(at, (ast.Attribute, ast.Subscript)):
        at = at.value
    return isinstance(at, ast.Name) and at.id in (*_ROOTS, "os", "environ")


def _holds(text: str, name: str) -> bool:
    """Whether a literal has the name of an expression in it, which becomes its value."""
    return name.startswith("JOBC_E") and name in text


def _opened(node: ast.expr) -> str:
    """The constant name of the file that `open("file")` opens."""
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, (ast.Name, ast.Attribute)):
        if ast.unparse(node.func) in _OPENERS:
            return _constant(node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr == "open":
            return _path(node.func.value)
    return ""


def _path(node: ast.expr) -> str:
    if (
        isinstance(node, ast.Call)
        and len(node.args) == 1
        and isinstance(node.func, (ast.Name, ast.Attribute))
    ):
        return _constant(node.args[0]) if ast.unparse(node.func) in ("Path", "pathlib.Path") else ""
    return ""


def _constant(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        return normpath(node.value)
    return ""
