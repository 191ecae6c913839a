"""The types of Python expressions, as far as they are plain data and simply inferred; `ANY` for the rest.

A type promises what an output of this value is: tuples are lists there, keys of maps are texts.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from jobc.sema.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OptionalType,
    Type,
    UnionType,
    base,
    family,
    members,
    optional,
    union,
)

_RESULTS = {
    **dict.fromkeys(("len", "ord", "hash", "id", "int"), INT),
    **dict.fromkeys(("str", "repr", "ascii", "chr", "hex", "bin", "oct", "format", "input"), STR),
    **dict.fromkeys(("bool", "all", "any", "isinstance", "issubclass", "hasattr", "callable"), BOOL),
    "float": FLOAT,
}
_TEXT_METHODS = {
    **dict.fromkeys(
        [
            "upper",
            "lower",
            "strip",
            "lstrip",
            "rstrip",
            "replace",
            "join",
            "format",
            "title",
            "capitalize",
            "zfill",
            "ljust",
            "rjust",
            "center",
            "casefold",
            "removeprefix",
            "removesuffix",
            "swapcase",
            "expandtabs",
        ],
        STR,
    ),
    **dict.fromkeys(("split", "rsplit", "splitlines"), ListType(STR)),
    **dict.fromkeys(
        ("startswith", "endswith", "isdigit", "isalpha", "isalnum", "isupper", "islower", "isspace"), BOOL
    ),
    **dict.fromkeys(("find", "rfind", "index", "rindex", "count"), INT),
}
_SCALARS = frozenset(("null", "bool", "number", "str", "datetime"))


class Unknown(Exception):
    """A name is read whose values are not known yet."""


class Inference:
    """Types in one module. `names` are those of its `own` names as far as they are known, `given` what it finds.

    `shadowed` are names that are no builtins here, `modules` those that imports alone bind.
    """

    __slots__ = ("_given", "_local", "_modules", "_names", "_own", "_shadowed", "slots")

    def __init__(
        self,
        names: Mapping[str, Type],
        own: set[str],
        slots: Mapping[str, Type],
        given: Mapping[str, Type],
        shadowed: set[str],
        modules: set[str],
    ) -> None:
        self._names = names
        self._own = own
        self.slots = slots
        self._given = given
        self._shadowed = shadowed
        self._modules = modules
        self._local: dict[str, Type] = {}

    def has_slot(self, text: str) -> bool:
        return any(name in text for name in self.slots)

    def type(self, node: ast.expr) -> Type:
        match node:
            case ast.Constant():
                return self._constant(node.value)
            case ast.JoinedStr():
                return STR
            case ast.Name():
                return self._name(node.id)
            case ast.NamedExpr():
                return widened(self.type(node.value))
            case ast.List() | ast.Tuple():
                if any(isinstance(e, ast.Starred) for e in node.elts):
                    return ListType(ANY)
                return ListType(union([self.type(e) for e in node.elts]))
            case ast.Dict():
                return self._dict(node)
            case ast.BinOp():
                return self.operation(node.op, self.type(node.left), self.type(node.right))
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BoolOp():
                return union([self.type(value) for value in node.values])
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return union((self.type(node.body), self.type(node.orelse)))
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                return self._call(node)
            case ast.ListComp():
                return self._inside(node.generators, lambda: ListType(self.type(node.elt)))
            case ast.DictComp():
                return self._inside(node.generators, lambda: MapType(self.type(node.value)))
        return ANY

    def item(self, type: Type) -> Type:
        """What iterating over a value gives."""
        found: list[Type] = []
        for member in members(type):
            if isinstance(member, ListType):
                found.append(member.elem)
            elif base(member) is STR or (isinstance(member, ObjectType) and not member.open):
                found.append(STR)
            else:
                return ANY
        return union(found)

    # ------------------------------------------------------------------ kinds of expressions

    def _constant(self, value: object) -> Type:
        if value is None:
            return NULL
        if isinstance(value, str):
            return STR if self.has_slot(value) else LiteralType(value)
        if isinstance(value, bool | int):
            return LiteralType(value)
        if isinstance(value, float) and math.isfinite(value):
            return LiteralType(value)
        return ANY

    def _name(self, name: str) -> Type:
        if name in self._local:
            return self._local[name]
        if name in self.slots:
            return widened(self.slots[name])
        if name in self._names:
            return ANY if name in self._given else self._names[name]
        if name in self._given:
            return self._given[name]
        if name in self._own:
            raise Unknown
        return ANY

    def _dict(self, node: ast.Dict) -> Type:
        props: dict[str, Type] = {}
        literal = True
        values = [self.type(value) for value in node.values]
        for key, type in zip(node.keys, values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and not self.has_slot(key.value):
                props[key.value] = type
            else:
                literal = False
        return ObjectType(props) if literal else MapType(ANY)

    def _unary(self, node: ast.UnaryOp) -> Type:
        type = self.type(node.operand)
        if isinstance(node.op, ast.Not):
            return BOOL
        if (
            isinstance(node.op, ast.USub)
            and isinstance(type, LiteralType)
            and not isinstance(type.value, bool | str)
        ):
            return LiteralType(-type.value)
        number = _number(type)
        if number is None or (isinstance(node.op, ast.Invert) and number is not INT):
            return ANY
        return number

    def _compare(self, node: ast.Compare) -> Type:
        if all(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops):
            return BOOL
        parts = [self.type(part) for part in (node.left, *node.comparators)]
        return BOOL if all(_plain(part) for part in parts) else ANY

    def _subscript(self, node: ast.Subscript) -> Type:
        owner = self.type(node.value)
        if base(owner) is STR:
            return STR
        if isinstance(owner, ListType):
            return owner if isinstance(node.slice, ast.Slice) else owner.elem
        if isinstance(owner, ObjectType) and isinstance(node.slice, ast.Constant):
            return owner.props.get(str(node.slice.value), ANY)
        return ANY

    def _call(self, node: ast.Call) -> Type:
        function = node.func
        if isinstance(function, ast.Attribute):
            if (
                isinstance(function.value, ast.Name)
                and function.value.id == "json"
                and "json" in self._modules
            ):
                return STR if function.attr == "dumps" else ANY
            owner = self.type(function.value)
            return _TEXT_METHODS.get(function.attr, ANY) if base(owner) is STR else ANY
        if (
            not isinstance(function, ast.Name)
            or function.id in self._local
            or function.id in self._shadowed | self._own
        ):
            return ANY
        name = function.id
        if name == "float" and any(
            isinstance(a, ast.Constant) and isinstance(a.value, str) for a in node.args
        ):
            # `float('inf')` is no plain data.
            return ANY
        if name in _RESULTS:
            return _RESULTS[name]
        if any(isinstance(a, ast.Starred) for a in node.args):
            return ANY
        given = [self.type(argument) for argument in node.args]
        if name in ("sorted", "list", "tuple") and len(given) == 1:
            return ListType(self.item(given[0]))
        if name in ("list", "tuple") and not given:
            return ListType(ANY)
        if name == "dict" and not given and all(k.arg for k in node.keywords):
            return ObjectType({str(k.arg): self.type(k.value) for k in node.keywords})
        if name == "sum" and len(given) == 1 and not node.keywords:
            number = _number(self.item(given[0]))
            return number or ANY
        if name == "abs" and len(given) == 1:
            return _number(given[0]) or ANY
        if name == "round" and given and _number(given[0]) is not None:
            return INT if len(given) == 1 else _number(given[0]) or ANY
        if name in ("min", "max") and not node.keywords and given:
            return union(given) if len(given) > 1 else self.item(given[0])
        return ANY

    def _inside(self, generators: list[ast.comprehension], make: object) -> Type:
        before = dict(self._local)
        try:
            for generator in generators:
                item = self.item(self.iterated(generator.iter))
                for name in ast.walk(generator.target):
                    if isinstance(name, ast.Name):
                        self._local[name.id] = item if name is generator.target else ANY
            assert callable(make)
            result = make()
            assert isinstance(result, Type)
            return result
        finally:
            self._local = before

    def iterated(self, node: ast.expr) -> Type:
        """The type of what a loop runs over."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            return ListType(INT) if "range" not in self._shadowed | self._own else ANY
        return self.type(node)

    # ------------------------------------------------------------------ operators

    def operation(self, op: ast.operator, left: Type, right: Type) -> Type:
        """The type of `left op right`."""
        a, b = _number(left), _number(right)
        if a is not None and b is not None:
            if isinstance(op, (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)):
                return INT if a is INT and b is INT else FLOAT
            if isinstance(op, ast.Div):
                return FLOAT
            if isinstance(op, (ast.LShift, ast.RShift)) and a is INT and b is INT:
                return INT
            return ANY
        texts = (_is_text(left), _is_text(right))
        if isinstance(op, ast.Add):
            if all(texts):
                return STR
            if isinstance(left, ListType) and isinstance(right, ListType):
                return ListType(union((left.elem, right.elem)))
        if isinstance(op, ast.Mod) and texts[0]:
            return STR
        if isinstance(op, ast.Mult):
            for one, other in ((left, b), (right, a)):
                if other is INT and _is_text(one):
                    return STR
                if other is INT and isinstance(one, ListType):
                    return one
        return ANY


def _number(type: Type) -> Type | None:
    """`INT` or `FLOAT` where every value is a number (a bool counts as a whole one)."""
    found = set()
    for member in members(type):
        kind = base(member)
        if kind is BOOL:
            kind = INT
        if kind is not INT and kind is not FLOAT:
            return None
        found.add(kind)
    return FLOAT if FLOAT in found else INT


def _is_text(type: Type) -> bool:
    return all(base(member) is STR for member in members(type))


def _plain(type: Type) -> bool:
    """Whether every value is one of Python's own simple kinds, so that comparing gives a bool."""
    return all(member is not ANY and family(member) in _SCALARS for member in members(type))


def widened(type: Type) -> Type:
    """The type of an object that anyone may have changed: lists and maps of anything."""
    if isinstance(type, ListType):
        return ListType(ANY)
    if isinstance(type, MapType | ObjectType):
        return MapType(ANY)
    if isinstance(type, OptionalType):
        return optional(widened(type.inner))
    if isinstance(type, UnionType):
        return union(widened(member) for member in type.members)
    return type


def frozen_items(type: Type) -> Type:
    """The type of an object whose items may have been changed, but not itself."""
    if isinstance(type, ListType):
        return ListType(widened(type.elem))
    if isinstance(type, MapType):
        return MapType(widened(type.elem))
    if isinstance(type, ObjectType):
        return ObjectType({name: widened(prop) for name, prop in type.props.items()}, type.open)
    if isinstance(type, OptionalType):
        return optional(frozen_items(type.inner))
    if isinstance(type, UnionType):
        return union(frozen_items(member) for member in type.members)
    return type
