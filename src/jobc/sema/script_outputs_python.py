"""The outputs of a Python stage, read from its code.

What the interpreter takes for outputs is the script's module namespace when it ends: names that do not begin
with `_`, hold plain data, and are bound by more than imports; over these, `result.outputs`. So what is
wanted is, for each name, every value that it can be bound to. They are collected without regard to their order
(the last value is one of them), and typed together until nothing changes. A name is written for sure where it
is bound on every way through the module's own statements.

A list or map can change after it was bound. Its contents are known only while every use of the name is
one that cannot change or hand on the object (`len(x)`, `f"{x}"`, a comparison); uses that hand on its items
alone (a loop, an index) keep what is known of items that cannot change themselves.

What writes names unseen (`exec`, `globals()`, a star import, `result` given away) makes the outputs open.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from jobc.sema.python_tree import PythonTree, parse
from jobc.sema.script_outputs import Outputs, carried
from jobc.sema.script_types_python import Inference, Unknown, frozen_items, widened
from jobc.sema.types import ANY, ListType, MapType, ObjectType, Type, members, union

_DYNAMIC_NAMES = frozenset(
    (
        "exec",
        "eval",
        "globals",
        "locals",
        "vars",
        "compile",
        "setattr",
        "delattr",
        "__import__",
        "__builtins__",
        "breakpoint",
    )
)
_DYNAMIC_ATTRIBUTES = frozenset(
    (
        "__dict__",
        "__globals__",
        "_getframe",
        "f_globals",
        "f_locals",
        "currentframe",
        "modules",
        "import_module",
        "run_path",
        "run_module",
    )
)
_ENDS = frozenset(("exit", "quit", "SystemExit"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_KEEPING_CALLS = frozenset(("len", "print", "str", "repr", "bool", "isinstance", "any", "all"))
_ITEM_CALLS = frozenset(
    ("sum", "sorted", "min", "max", "list", "tuple", "set", "enumerate", "zip", "reversed")
)
_ROUNDS = 8


def python_outputs(text: str, slots: Mapping[str, Type], given: Mapping[str, Type]) -> Outputs:
    """The outputs of a script. `slots` are the types of the names that stand for expressions, `given` those of the
    names that the script finds (`params`, `result`, its `vars`). Open where Python cannot read it."""
    try:
        return _Module(parse(text), slots, given).outputs()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Outputs(open=True)


class _Aug:
    """`name op= value`."""

    __slots__ = ("node",)

    def __init__(self, node: ast.AugAssign) -> None:
        self.node = node


class _Item:
    """An item of what an expression gives."""

    __slots__ = ("node",)

    def __init__(self, node: ast.expr) -> None:
        self.node = node


_Source = "ast.expr | _Aug | _Item | Type"


class _Module:
    def __init__(self, tree: PythonTree, slots: Mapping[str, Type], given: Mapping[str, Type]) -> None:
        self._tree = tree.module
        self._nodes = tree.nodes
        self._slots = slots
        self._given = given
        self._sources: dict[str, list[ast.expr | _Aug | _Item | Type]] = {}
        #: Bound to what is never an output: functions, classes, modules.
        self._hidden: set[str] = set()
        self._deleted: set[str] = set()
        self._ends = False
        #: Whether any expression binds a name (`name := value`).
        self._binds_within = False
        self._dynamic = False
        self._stored: set[str] = set()
        self._imported: set[str] = set()
        self._globals: set[str] = set()
        self._held: dict[str, int] = {}
        self._parents = tree.parents

    def outputs(self) -> Outputs:
        self._survey()
        if self._dynamic:
            return Outputs(open=True)
        sure = self._block(self._tree.body) or set()
        for name in self._globals:
            self._bind(name, ANY)
        types = self._types()
        found = Outputs()
        for name, type in types.items():
            if name.startswith("_"):
                continue
            known = not _holds_any(type)
            bound = name in sure and known and not self._ends
            kept = name not in self._deleted and name not in self._hidden and name not in self._given
            found.write(name, carried(type), sure=bound and kept)
        return self._explicit(found, types)

    # ------------------------------------------------------------------ a first look at everything

    def _survey(self) -> None:
        for node in self._nodes:
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    self._stored.add(node.id)
                elif isinstance(node.ctx, ast.Load):
                    self._dynamic = self._dynamic or node.id in _DYNAMIC_NAMES
                    self._ends = self._ends or (node.id in _ENDS and not self._fails(node))
            elif isinstance(node, ast.Attribute):
                self._dynamic = self._dynamic or node.attr in _DYNAMIC_ATTRIBUTES
                self._ends = self._ends or (node.attr in _ENDS and not self._fails(node))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    self._dynamic = self._dynamic or alias.name in ("*", "__main__", *_DYNAMIC_ATTRIBUTES)
                    self._ends = self._ends or alias.name in _ENDS
                    self._imported.add((alias.asname or alias.name).partition(".")[0])
            elif isinstance(node, ast.Global):
                self._globals.update(node.names)
            elif isinstance(node, ast.NamedExpr):
                self._binds_within = True
        for node in self._nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._held[node.id] = max(self._held.get(node.id, 0), self._use(node))

    def _fails(self, node: ast.expr) -> bool:
        """Whether `exit(1)`, `SystemExit("why")`: such an end is a failure."""
        call = self._parents[node]
        if not isinstance(call, ast.Call) or call.func is not node or len(call.args) != 1:
            return False
        code = call.args[0]
        return isinstance(code, ast.Constant) and isinstance(code.value, int | str) and bool(code.value)

    def _use(self, node: ast.Name) -> int:
        """What a use can do to a list or map: 0 nothing, 1 hand on its items, 2 anything."""
        parent = self._parents[node]
        if isinstance(parent, (ast.FormattedValue, ast.Compare, ast.Assert)):
            return 0
        if isinstance(parent, (ast.If, ast.While, ast.IfExp)) and parent.test is node:
            return 0
        if isinstance(parent, ast.UnaryOp):
            return 0
        if isinstance(parent, ast.Call) and parent.func is not node:
            called = parent.func
            if (
                isinstance(called, ast.Name)
                and called.id not in self._stored
                and called.id not in self._given
            ):
                if called.id in _KEEPING_CALLS:
                    return 0
                # `max(x, y)` and `sum([], x)` may give `x` itself.
                alone = len(parent.args) == 1 and not isinstance(parent.args[0], ast.Starred)
                itself = called.id in ("min", "max", "sum") and not alone
                return 1 if called.id in _ITEM_CALLS and not itself else 2
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                return 0 if (called.value.id, called.attr) == ("json", "dumps") else 2
            return 2
        if isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node:
            return 1
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Load):
            return 1 if parent.value is node else 0
        return 1 if isinstance(parent, ast.BinOp) else 2

    # ------------------------------------------------------------------ bindings

    def _bind(self, name: str, source: ast.expr | _Aug | _Item | Type) -> None:
        self._sources.setdefault(name, []).append(source)

    def _block(self, body: list[ast.stmt]) -> set[str] | None:
        """Collect the bindings of statements; the names bound whenever they end. None where they never do."""
        sure: set[str] = set()
        ended = False
        for statement in body:
            names = self._statement(statement)
            if names is None:
                ended = True
            else:
                sure |= names
        return None if ended else sure

    def _statement(self, node: ast.stmt) -> set[str] | None:
        if self._binds_within:
            self._walruses(node)
        match node:
            case ast.Assign():
                if len(node.targets) > 1:
                    # Several names for one object: what is done through one shows in the others.
                    return {name for target in node.targets for name in self._target(target, ANY)}
                return set(self._target(node.targets[0], node.value))
            case ast.AnnAssign(value=ast.expr() as value):
                return set(self._target(node.target, value))
            case ast.AugAssign():
                if isinstance(node.target, ast.Name):
                    self._bind(node.target.id, _Aug(node))
                return set()
            case ast.For() | ast.AsyncFor():
                list(self._target(node.target, _Item(node.iter)))
                self._block(node.body)
                self._block(node.orelse)
            case ast.While():
                self._block(node.body)
                self._block(node.orelse)
            case ast.If():
                return _all_of([self._block(node.body), self._block(node.orelse)])
            case ast.Try() | ast.TryStar():
                return self._try(node)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is not None:
                        list(self._target(item.optional_vars, ANY))
                inside = self._block(node.body)
                # Only a context manager that is known does not swallow exceptions.
                plain = all(_is_call(item.context_expr, "open") for item in node.items)
                return inside if plain else set()
            case ast.Match():
                self._match(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                odd = node.decorator_list or (isinstance(node, ast.ClassDef) and node.keywords)
                self._hide(node.name, odd=bool(odd))
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    name = (alias.asname or alias.name).partition(".")[0]
                    self._hide(name, odd=name in self._stored)
            case ast.Delete():
                self._deleted.update(t.id for t in node.targets if isinstance(t, ast.Name))
            case ast.Raise():
                return None
        return set()

    def _hide(self, name: str, *, odd: bool) -> None:
        self._hidden.add(name)
        if odd:
            self._bind(name, ANY)

    def _try(self, node: ast.Try | ast.TryStar) -> set[str] | None:
        body = self._block(node.body)
        rest = self._block(node.orelse)
        through = None if body is None or rest is None else body | rest
        ways = [through]
        for handler in node.handlers:
            if handler.name is not None:
                self._bind(handler.name, ANY)
                self._deleted.add(handler.name)
            ways.append(self._block(handler.body))
        final = self._block(node.finalbody)
        together = _all_of(ways)
        return None if final is None or together is None else together | final

    def _match(self, node: ast.Match) -> None:
        for case in node.cases:
            for part in ast.walk(case.pattern):
                name = (
                    getattr(part, "rest", None)
                    if isinstance(part, ast.MatchMapping)
                    else getattr(part, "name", None)
                )
                if isinstance(name, str):
                    self._bind(name, ANY)
            self._block(case.body)

    def _target(self, target: ast.expr, source: ast.expr | _Item | Type) -> Iterator[str]:
        if isinstance(target, ast.Name):
            self._bind(target.id, source)
            yield target.id
        elif isinstance(target, ast.Starred):
            yield from self._target(target.value, ANY)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts: list[ast.expr | _Item | Type] = [ANY] * len(target.elts)
            if isinstance(source, (ast.Tuple, ast.List)) and len(source.elts) == len(target.elts):
                starred = any(isinstance(e, ast.Starred) for e in (*source.elts, *target.elts))
                parts = parts if starred else list(source.elts)
            for element, part in zip(target.elts, parts, strict=True):
                yield from self._target(element, part)

    def _walruses(self, statement: ast.stmt) -> None:
        """`name := value` in the expressions of a statement, not in those of the statements inside it."""
        pending: list[tuple[ast.AST, bool]] = [(child, False) for child in ast.iter_child_nodes(statement)]
        while pending:
            node, inner = pending.pop()
            if isinstance(node, (ast.stmt, ast.Lambda)):
                continue
            if isinstance(node, ast.NamedExpr):
                self._bind(node.target.id, ANY if inner else node.value)
            inner = inner or isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
            pending.extend((child, inner) for child in ast.iter_child_nodes(node))

    # ------------------------------------------------------------------ types

    def _types(self) -> dict[str, Type]:
        """The type of every bound name: the union of all its values', found by repetition."""
        known: dict[str, Type] = {}
        inference = self._inference(known)
        for round_ in range(_ROUNDS):
            changed: set[str] = set()
            for name, sources in self._sources.items():
                found: list[Type] = []
                for source in sources:
                    try:
                        found.append(self._value(source, name, known, inference))
                    except Unknown:
                        continue
                if not found:
                    continue
                type = self._kept(name, union(found))
                if known.get(name) != type:
                    changed.add(name)
                    known[name] = type
            if not changed:
                break
            if round_ >= _ROUNDS - 3:
                known.update(dict.fromkeys(changed, ANY))
        return {name: known.get(name, ANY) for name in self._sources}

    def _inference(self, known: dict[str, Type]) -> Inference:
        shadowed = self._stored | self._imported | self._hidden | set(self._given)
        modules = self._imported - self._stored - set(self._given)
        return Inference(known, set(self._sources), self._slots, self._readable(), shadowed, modules)

    def _readable(self) -> dict[str, Type]:
        """What a name means that the script finds and never binds."""
        own = {*self._sources, *self._hidden, *self._imported}
        given = {name: widened(carried(type)) for name, type in self._given.items()}
        return {name: ANY if name in own else type for name, type in given.items()}

    def _value(
        self, source: ast.expr | _Aug | _Item | Type, name: str, known: dict[str, Type], inference: Inference
    ) -> Type:
        if isinstance(source, ast.expr):
            return inference.type(source)
        if isinstance(source, _Item):
            return inference.item(inference.iterated(source.node))
        if isinstance(source, _Aug):
            if name in self._given:
                return ANY
            if name not in known:
                raise Unknown
            return inference.operation(source.node.op, known[name], inference.type(source.node.value))
        return source

    def _kept(self, name: str, type: Type) -> Type:
        use = self._held.get(name, 0)
        return type if use == 0 else frozen_items(type) if use == 1 else widened(type)

    # ------------------------------------------------------------------ result.outputs

    def _explicit(self, found: Outputs, types: dict[str, Type]) -> Outputs:
        """What `result.outputs` adds; it wins over names."""
        uses = [n for n in self._nodes if isinstance(n, ast.Name) and n.id == "result"]
        uses = [n for n in uses if not self._is_local(n)]
        if not uses or "result" not in self._given:
            return found
        if (
            any(not isinstance(n.ctx, ast.Load) for n in uses)
            or "result" in self._hidden
            or "result" in self._globals
        ):
            # A variable of the script's own; whether it is asked for outputs cannot be told.
            attributes = [self._parents[n] for n in uses]
            touched = any(isinstance(a, ast.Attribute) and a.attr == "outputs" for a in attributes)
            return Outputs(open=True) if touched else found
        writes = _Writes(self._parents, self._inference(types), self._tree)
        for use in uses:
            if not writes.take(use):
                return Outputs(open=True)
        explicit = writes.outputs()
        if explicit is None:
            return Outputs(open=True)
        found.then(explicit, sure=not self._ends)
        return found

    def _is_local(self, node: ast.AST) -> bool:
        """Whether `result` means a variable of a function or comprehension around it."""
        at: ast.AST | None = node
        while at is not None:
            if isinstance(at, _FUNCTIONS):
                arguments = at.args
                names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
                names += [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
                inside = [n for n in ast.walk(at) if isinstance(n, ast.Name) and n.id == "result"]
                declared = any(isinstance(n, ast.Global) and "result" in n.names for n in ast.walk(at))
                if "result" in names or (not declared and any(isinstance(n.ctx, ast.Store) for n in inside)):
                    return True
            elif isinstance(at, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                targets = [n for c in at.generators for n in ast.walk(c.target)]
                if any(isinstance(n, ast.Name) and n.id == "result" for n in targets):
                    return True
            at = self._parents.get(at)
        return False


class _Writes:
    """The uses of `result`, each of which must be one that is understood."""

    def __init__(self, parents: Mapping[ast.AST, ast.AST], inference: Inference, tree: ast.Module) -> None:
        self._parents = parents
        self._inference = inference
        self._top = set(tree.body)
        #: (place, whole assignment?, written for sure?, names and types)
        self._found: list[tuple[tuple[int, int], bool, bool, dict[str, Type]]] = []
        self._read = False

    def take(self, use: ast.Name) -> bool:
        attribute = self._parents[use]
        if not isinstance(attribute, ast.Attribute) or attribute.attr != "outputs":
            return False
        parent = self._parents[attribute]
        if isinstance(attribute.ctx, ast.Store):
            if isinstance(parent, ast.Assign) and attribute in parent.targets:
                return self._note(parent, parent.value, whole=True)
            if isinstance(parent, ast.AugAssign) and isinstance(parent.op, ast.BitOr):
                return self._note(parent, parent.value, whole=False)
            return False
        if isinstance(parent, ast.Subscript) and parent.value is attribute:
            return self._subscript(parent)
        if isinstance(parent, ast.Attribute) and parent.attr in ("update", "get"):
            call = self._parents[parent]
            if not isinstance(call, ast.Call) or call.func is not parent:
                return False
            if parent.attr == "get":
                self._read = True
                return True
            return self._update(call)
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
            return parent.func.id in ("print", "len")
        return isinstance(parent, (ast.FormattedValue, ast.Compare))

    def _subscript(self, node: ast.Subscript) -> bool:
        key = node.slice
        if isinstance(node.ctx, ast.Load):
            self._read = True
            return True
        parent = self._parents[node]
        if (
            not isinstance(key, ast.Constant)
            or not isinstance(key.value, str)
            or key.value in self._inference.slots
        ):
            return False
        if isinstance(parent, ast.Assign) and node in parent.targets and self._constant(key):
            return self._write(parent, {key.value: self._type(parent, parent.value)}, whole=False)
        if isinstance(parent, ast.AugAssign):
            return self._write(parent, {key.value: ANY}, whole=False)
        return False

    def _constant(self, key: ast.Constant) -> bool:
        return not self._inference.has_slot(str(key.value))

    def _update(self, call: ast.Call) -> bool:
        statement = self._parents[call]
        if (
            not isinstance(statement, ast.Expr)
            or any(k.arg is None for k in call.keywords)
            or len(call.args) > 1
        ):
            return False
        names = {k.arg: self._type(statement, k.value) for k in call.keywords if k.arg is not None}
        if call.args:
            given = self._names(statement, call.args[0])
            if given is None:
                return False
            names = {**given, **names}
        return self._write(statement, names, whole=False)

    def _type(self, statement: ast.stmt, value: ast.expr) -> Type:
        """The type of a value; names in a function are its own."""
        return ANY if self._in_function(statement) else self._inference.type(value)

    def _in_function(self, statement: ast.stmt) -> bool:
        at: ast.AST | None = self._parents.get(statement)
        while at is not None and not isinstance(at, (*_FUNCTIONS, ast.ClassDef)):
            at = self._parents.get(at)
        return at is not None

    def _names(self, statement: ast.stmt, value: ast.expr) -> dict[str, Type] | None:
        if isinstance(value, ast.Constant) and value.value is None:
            return {}
        inside = self._in_function(statement)
        if inside and not isinstance(value, ast.Dict):
            return None
        type = self._inference.type(value)
        if not isinstance(type, ObjectType) or type.open:
            return None
        return dict.fromkeys(type.props, ANY) if inside else dict(type.props)

    def _note(self, statement: ast.stmt, value: ast.expr, *, whole: bool) -> bool:
        names = self._names(statement, value)
        return names is not None and self._write(statement, names, whole=whole)

    def _write(self, statement: ast.stmt, names: dict[str, Type], *, whole: bool) -> bool:
        place = (statement.lineno, statement.col_offset)
        self._found.append((place, whole, statement in self._top, names))
        return True

    def outputs(self) -> Outputs | None:
        self._found.sort(key=lambda entry: entry[0])
        sound = all(sure for _, whole, sure, _ in self._found if whole)
        last = max((i for i, entry in enumerate(self._found) if entry[1]), default=-1)
        result = Outputs()
        for i, (_, _, sure, names) in enumerate(self._found):
            for name, type in names.items():
                # What is read from there may be changed where it is read.
                type = carried(widened(type) if self._read else type)
                before = result.types.get(name)
                if before is None or (i >= last and sure and sound):
                    result.write(name, type, sure=i >= last and sure and sound)
                if before is not None:
                    result.types[name] = union((before, type))
        return result


def _all_of(ways: list[set[str] | None]) -> set[str] | None:
    """What is bound on each of several ways; a way that never ends does not count."""
    through = [way for way in ways if way is not None]
    return set.intersection(*through) if through else None


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _holds_any(type: Type) -> bool:
    for member in members(type):
        if member is ANY:
            return True
        if isinstance(member, (ListType, MapType)) and _holds_any(member.elem):
            return True
        if isinstance(member, ObjectType) and (member.open or any(map(_holds_any, member.props.values()))):
            return True
    return False
