"""What Python code does with the values of certain reads: runs them, prints them, hands them on.

A value is followed through names, f-strings, `+`, `%`, lists and the methods of texts that keep a text. A name carries one
where *every* assignment to it in the script does, in whichever scope. What any other call makes of a value is not followed.
An argument of one of the script's own functions carries one where *some* call gives it, and a call of it does where some
`return` does. What is put into `params` is a name of its own, which later stages read. A value that is compared, matched or
looked up somewhere in the script is taken to be validated.
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

    `written` are the files that it writes a value into, with the value and the node that is written. `changed` are the
    parameters that it sets: with the value and its node, or None where something else replaces what was there.
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
        self._items: dict[str, ast.expr] = {}
        self._functions = _functions(tree)
        self._called: set[str] = set()
        self._results: dict[str, T | None] = {}
        self._set: dict[str, list[ast.expr | None]] = {}
        self._set_at: dict[str, int] = {}
        self._collect()
        for _ in range(_ROUNDS):
            if not self._settle():
                break
        self._results.clear()
        self.written: dict[str, tuple[T, ast.expr]] = {}
        self._find_written()
        self.changed: dict[str, tuple[T, ast.expr] | None] = {
            name: self._all_of(values) for name, values in self._set.items()
        }

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
                if isinstance(node.target, ast.Name):
                    self._items[node.target.id] = node.iter
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                for item in node.items:
                    if item.optional_vars is not None:
                        self._open(item)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef, ast.Lambda)):
                if not isinstance(node, ast.Lambda):
                    self._given.setdefault(node.name, []).append(None)
                if not isinstance(node, ast.ClassDef):
                    self._receive(node)
            elif isinstance(node, ast.alias):
                self._given.setdefault((node.asname or node.name).split(".")[0], []).append(None)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                self._given.setdefault(node.name, []).append(None)

    def _receive(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """What the arguments of a function get: all that the calls of it give."""
        calls = [] if isinstance(node, ast.Lambda) else self._functions.get(node.name, (node, []))[1]
        known = not isinstance(node, ast.Lambda) and self._functions.get(node.name, (None, []))[0] is node
        for place, each in enumerate(_arguments(node)):
            given = [found for call in calls if (found := _argument(call, place, each.arg)) is not None]
            self._given.setdefault(each.arg, []).append(
                ast.Tuple(elts=given, ctx=ast.Load()) if known and given else None
            )
        for other in (node.args.vararg, node.args.kwarg):
            if other is not None:
                self._given.setdefault(other.arg, []).append(None)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._given.setdefault(target.id, []).append(value)
            return
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            name = _param(target)
            if name:
                self._set.setdefault(name, []).append(value)
                self._set_at[name] = min(target.lineno, self._set_at.get(name, target.lineno))
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
        self._results.clear()
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

    def _all_of(self, values: list[ast.expr | None]) -> tuple[T, ast.expr] | None:
        """The first of some values, where each carries one."""
        found = [(None if node is None else self.value(node), node) for node in values]
        first, node = found[0]
        return (first, node) if node is not None and first and all(each for each, _ in found) else None

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
        over = self._items.get(at.id)
        if over is not None and keys and len(self._given[at.id]) == 1:
            return self._of_item(over, keys)
        if at.id not in _ROOTS or at.id in self._given:
            return None
        if at.id == "params" and keys and node.lineno > self._set_at.get(keys[-1], node.lineno):
            found = self._all_of(self._set[keys[-1]])
            return None if found is None else found[0]
        return self._read(at.id, tuple(reversed(keys)))

    def _of_item(self, over: ast.expr, keys: list[str]) -> T | None:
        """A read of an item of a context such as `needs.j.combinations`; `keys` are the last one first."""
        before: list[str] = []
        at = over
        while isinstance(at, (ast.Attribute, ast.Subscript)):
            key = at.attr if isinstance(at, ast.Attribute) else getattr(at.slice, "value", None)
            if not isinstance(key, str):
                return None
            before.append(key)
            at = at.value
        if not isinstance(at, ast.Name) or at.id not in _ROOTS or at.id in self._given:
            return None
        return self._read(at.id, (*reversed(before), "*", *reversed(keys)))

    def _of_call(self, call: ast.Call, depth: int) -> T | None:
        if not isinstance(call.func, (ast.Name, ast.Attribute)):
            return None
        name = ast.unparse(call.func)
        if name in _GETENV:
            key = call.args[0] if call.args else None
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                return None if ast.unparse(call) in self._validated else self._read("env", (key.value,))
            return None
        if name in self._functions and name not in self._called:
            return self._given_back(name, depth)
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

    def _given_back(self, name: str, depth: int) -> T | None:
        """What a call of one of the script's own functions gives; found once for all calls."""
        if name not in self._results:
            self._called.add(name)
            returned = _returned(self._functions[name][0])
            self._results[name] = next(filter(None, (self.value(node, depth + 1) for node in returned)), None)
            self._called.discard(name)
        return self._results[name]

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


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> dict[str, tuple[_Function, list[ast.Call]]]:
    """The functions of the script itself that have a name of their own and are only called, each with its calls."""
    found: dict[str, tuple[_Function, list[ast.Call]]] = {}
    others: set[str] = set()
    called: set[int] = set()
    calls_of: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name in found or node.decorator_list:
                others.add(node.name)
            found[node.name] = (node, calls_of.setdefault(node.name, []))
        elif isinstance(node, ast.ClassDef):
            others.update(
                each.name for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
            )
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(id(node.func))
            calls_of.setdefault(node.func.id, []).append(node)
        elif isinstance(node, ast.Name) and id(node) not in called:
            others.add(node.id)
    return {name: each for name, each in found.items() if name not in others}


def _arguments(node: _Function | ast.Lambda) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """What a call gives for an argument; None where it gives nothing, or it cannot be told."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if place >= len(call.args) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    return call.args[place]


def _returned(function: _Function) -> Iterator[ast.expr]:
    """What a function gives back, not what functions in it do."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
            yield node.value
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            pending.extend(ast.iter_child_nodes(node))


def _param(target: ast.Attribute | ast.Subscript) -> str:
    """The parameter that an assignment sets: `params.x`, `params["x"]`."""
    if not isinstance(target.value, ast.Name) or target.value.id != "params":
        return ""
    if isinstance(target, ast.Attribute):
        return target.attr
    return (
        target.slice.value
        if isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str)
        else ""
    )


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
