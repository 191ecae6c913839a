"""The types of expressions (ARCHITECTURE, Phases 2), and what can be asked of them.

A type is a promise about the values that an expression can have at run time. `ANY` promises nothing,
and nothing is ever reported about it. `FLOAT` is any number (whole ones and decimals included), `INT` a
whole one; a bool is no number. `DATETIME` is a date or an instant. An object's declared property always
exists; another one is null at run time where the object is `open`, and a mistake where it is closed.

All questions here are asked so that doubt is silent: `comparable(a, b)` is False only if no value of
`a` can equal one of `b`, `assignable(a, b)` only if no value of `a` is accepted where `b` is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

#: More literals (or members) than this in one union are widened to their base types.
LITERAL_LIMIT = 32
MEMBER_LIMIT = 8
#: What jobs hand on from one to the next may be wrapped once more by each: deeper parts are `ANY`.
DEPTH_LIMIT = 12

Constant: TypeAlias = "bool | int | float | str"


class Type:
    """Base of all types. Types are immutable values: compare them with `==`. Their hash is computed once."""

    __slots__ = ("_hash",)
    _hash: int

    def key(self) -> tuple[object, ...]:
        """What makes two types of one class equal."""
        return ()

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self.key() == other.key())

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = hash((type(self).__name__, self.key()))
            return self._hash

    def __repr__(self) -> str:
        return show(self)


class SimpleType(Type):
    """One of the constants below; `name` is its name in ARCHITECTURE."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def key(self) -> tuple[object, ...]:
        return (self.name,)


ANY = SimpleType("any")
NULL = SimpleType("null")
BOOL = SimpleType("bool")
INT = SimpleType("int")
FLOAT = SimpleType("float")
STR = SimpleType("str")
DATETIME = SimpleType("datetime")


class LiteralType(Type):
    """Exactly this one constant."""

    __slots__ = ("value",)

    def __init__(self, value: Constant) -> None:
        self.value = value

    def key(self) -> tuple[object, ...]:
        return (type(self.value).__name__, self.value)


class ListType(Type):
    __slots__ = ("elem",)

    def __init__(self, elem: Type) -> None:
        self.elem = elem

    def key(self) -> tuple[object, ...]:
        return (self.elem,)


class MapType(Type):
    """A map with any keys; a key that is missing reads as null."""

    __slots__ = ("elem",)

    def __init__(self, elem: Type) -> None:
        self.elem = elem

    def key(self) -> tuple[object, ...]:
        return (self.elem,)


class ObjectType(Type):
    """A map with known keys. `open`: it may hold others too.

    An unknown property of a closed object is reported under `rule`, as an unknown `noun`
    (such as "output of job `build`").
    """

    __slots__ = ("noun", "open", "props", "rule")

    def __init__(
        self,
        props: dict[str, Type],
        open: bool = False,
        *,
        rule: str = "undefined-name",
        noun: str = "property",
    ) -> None:
        self.props = props
        self.open = open
        self.rule = rule
        self.noun = noun

    def key(self) -> tuple[object, ...]:
        return (tuple(sorted(self.props.items(), key=lambda item: item[0])), self.open, self.rule, self.noun)


class LazyObject(ObjectType):
    """An object whose properties are found out when somebody asks for them. `make` gives it whole."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], ObjectType], *, rule: str, noun: str) -> None:
        self._make: Callable[[], ObjectType] | None = make
        self._made: ObjectType | None = None
        self.rule = rule
        self.noun = noun

    def made(self) -> ObjectType:
        if self._made is None:
            assert self._make is not None
            self._made = self._make()
        return self._made

    def settle(self) -> None:
        """Let go of what finds the properties out; where nobody has asked for them, they stay unknown."""
        if self._made is None:
            self._made = ObjectType({}, open=True)
        self._make = None

    @property
    def props(self) -> dict[str, Type]:  # type: ignore[override]
        return self.made().props

    @property
    def open(self) -> bool:  # type: ignore[override]
        return self.made().open

    def key(self) -> tuple[object, ...]:
        return (id(self),)


class OutcomeType(ObjectType):
    """What has ended somehow (`needs.x`, `stages.x`); `succeeded` is the same where its result is known to be success."""

    __slots__ = ("succeeded",)

    def __init__(self, props: dict[str, Type], succeeded: ObjectType, *, noun: str) -> None:
        super().__init__(props, noun=noun)
        self.succeeded = succeeded


class SecretType(Type):
    """A value that must not be shown; what is computed from it is secret too."""

    __slots__ = ("inner",)

    def __init__(self, inner: Type) -> None:
        self.inner = inner

    def key(self) -> tuple[object, ...]:
        return (self.inner,)


class OptionalType(Type):
    """`inner`, or null."""

    __slots__ = ("inner",)

    def __init__(self, inner: Type) -> None:
        self.inner = inner

    def key(self) -> tuple[object, ...]:
        return (self.inner,)


class UnionType(Type):
    """One of `members` (two or more; neither null, optional, secret, `ANY` nor a union among them). Made by `union`."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[Type, ...]) -> None:
        self.members = members

    def key(self) -> tuple[object, ...]:
        return (frozenset(self.members),)


#: Types of one member, themselves.
_SINGLE = frozenset((SimpleType, LiteralType, ListType, MapType, ObjectType))
#: Types that are their own union.
_WHOLE = _SINGLE | {UnionType}


def members(type: Type) -> Iterator[Type]:
    """The alternatives of a type, secrets unwrapped and `NULL` apart: what a case distinction looks at."""
    if isinstance(type, OptionalType):
        yield from members(type.inner)
        yield NULL
    elif isinstance(type, SecretType):
        yield from members(type.inner)
    elif isinstance(type, UnionType):
        yield from type.members
    else:
        yield type


def is_secret(type: Type) -> bool:
    """Whether the value itself is (or may be) a secret."""
    if isinstance(type, OptionalType):
        return is_secret(type.inner)
    return isinstance(type, SecretType)


def without_null(type: Type) -> Type:
    """The type once null is ruled out (`NULL` itself stays)."""
    if isinstance(type, OptionalType):
        return type.inner
    if isinstance(type, SecretType):
        return SecretType(without_null(type.inner))
    return type


def optional(type: Type) -> Type:
    """`type` or null."""
    if type is ANY or type is NULL or isinstance(type, OptionalType):
        return type
    return OptionalType(type)


def base(type: Type) -> Type:
    """A literal's own type (`'dev'` → text); any other type is its own base."""
    if isinstance(type, LiteralType):
        return _base_of(type.value)
    return type


def _base_of(value: Constant) -> Type:
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT
    return FLOAT if isinstance(value, float) else STR


def union(types: Iterable[Type]) -> Type:
    """The least type that holds every one of `types` (`ANY` of none), widened where it would grow past the limits."""
    given = list(types)
    if not given:
        return ANY
    if len(given) == 1 and type(given[0]) in _WHOLE:
        return given[0]
    secret = any(map(is_secret, given))
    parts: dict[Type, None] = {}
    null = False
    for each in given:
        for member in (each,) if type(each) in _SINGLE else members(each):
            if member is ANY:
                return SecretType(ANY) if secret else ANY
            if member is NULL:
                null = True
            else:
                parts[member] = None
    merged = _merge(parts)
    result: Type
    if not merged:
        result = NULL
    elif len(merged) > MEMBER_LIMIT and not all(isinstance(m, LiteralType) for m in merged):
        return SecretType(ANY) if secret else ANY
    else:
        result = merged[0] if len(merged) == 1 else UnionType(tuple(merged))
    if secret:
        result = SecretType(result)
    return OptionalType(result) if null and result is not NULL else result


def _merge(parts: Iterable[Type]) -> list[Type]:
    """Members without overlap: literals under their base, lists with lists, maps with maps."""
    literals: list[LiteralType] = []
    simple: dict[Type, None] = {}
    lists: list[Type] = []
    maps: list[MapType | ObjectType] = []
    for part in parts:
        if isinstance(part, LiteralType):
            literals.append(part)
        elif isinstance(part, ListType):
            lists.append(part.elem)
        elif isinstance(part, (MapType, ObjectType)):
            maps.append(part)
        else:
            simple[part] = None
    if len(literals) > LITERAL_LIMIT:
        for literal in literals:
            simple[base(literal)] = None
        literals = []
    if FLOAT in simple:
        simple.pop(INT, None)
    merged: list[Type] = _uncovered(literals, simple)
    merged.extend(simple)
    if lists:
        merged.append(ListType(lists[0] if len(lists) == 1 else union(lists)))
    if maps:
        merged.append(_merge_maps(maps))
    return merged


def _uncovered(literals: list[LiteralType], simple: dict[Type, None]) -> list[Type]:
    """The literals that no simple type holds; both booleans together become one."""
    covered = set(simple)
    if FLOAT in covered:
        covered.add(INT)
    kept = (
        [literal for literal in literals if _base_of(literal.value) not in covered] if covered else literals
    )
    if sum(isinstance(literal.value, bool) for literal in kept) == 2:
        kept = [literal for literal in kept if not isinstance(literal.value, bool)]
        simple[BOOL] = None
    return list(kept)


def _merge_maps(maps: list[MapType | ObjectType]) -> Type:
    if len(maps) == 1:
        return maps[0]
    objects = [m for m in maps if isinstance(m, ObjectType)]
    if len(objects) < len(maps):
        elems = [m.elem for m in maps if isinstance(m, MapType)]
        if any(o.open for o in objects):
            return MapType(ANY)
        return MapType(union(elems + [t for o in objects for t in o.props.values()]))
    first = objects[0]
    props: dict[str, Type] = {}
    for name in dict.fromkeys(name for o in objects for name in o.props):
        found = [o.props.get(name, ANY if o.open else NULL) for o in objects]
        props[name] = union(found)
    is_open = any(o.open for o in objects)
    if all((o.rule, o.noun) == (first.rule, first.noun) for o in objects):
        return ObjectType(props, is_open, rule=first.rule, noun=first.noun)
    return ObjectType(props, is_open)


def bounded(type: Type) -> Type:
    """The type; `ANY` in place of parts of it that are nested deeper than `DEPTH_LIMIT`."""
    return _bounded(type, DEPTH_LIMIT)


def _bounded(type: Type, depth: int) -> Type:
    if isinstance(type, SimpleType | LiteralType):
        return type
    if depth == 0:
        return ANY
    if isinstance(type, ListType | MapType):
        elem = _bounded(type.elem, depth - 1)
        return type if elem is type.elem else type.__class__(elem)
    if isinstance(type, ObjectType):
        props = {name: _bounded(prop, depth - 1) for name, prop in type.props.items()}
        if all(props[name] is prop for name, prop in type.props.items()):
            return type
        return ObjectType(props, type.open, rule=type.rule, noun=type.noun)
    if isinstance(type, SecretType):
        return SecretType(_bounded(type.inner, depth - 1))
    if isinstance(type, OptionalType):
        return optional(_bounded(type.inner, depth - 1))
    assert isinstance(type, UnionType)
    kept = [_bounded(member, depth - 1) for member in type.members]
    return type if all(a is b for a, b in zip(kept, type.members, strict=True)) else union(kept)


def join(a: Type, b: Type) -> Type:
    """The least type that holds the values of both."""
    return a if a == b else union((a, b))


def of_json(value: object) -> Type:
    """The type of a value that is known: constants are literals, lists are of their items' union, maps are closed objects."""
    if value is None:
        return NULL
    if isinstance(value, (bool, int, float, str)):
        return LiteralType(value)
    if isinstance(value, (list, tuple)):
        return ListType(union(of_json(item) for item in value)) if value else ListType(ANY)
    if isinstance(value, dict):
        return ObjectType({str(name): of_json(item) for name, item in value.items()})
    from datetime import date
    from decimal import Decimal

    if isinstance(value, date):
        return DATETIME
    if isinstance(value, Decimal):
        return FLOAT
    return ANY


def family(type: Type) -> str:
    """`any null bool number str datetime list map`: values of two different families are never equal."""
    type = base(type)
    if type is INT or type is FLOAT:
        return "number"
    if isinstance(type, SimpleType):
        return type.name
    return "list" if isinstance(type, ListType) else "map"


def comparable(a: Type, b: Type) -> bool:
    """Whether a value of `a` can equal a value of `b`. Comparing with null itself is always a fair question."""
    if a is NULL or b is NULL:
        return True
    # Null on one side alone is equal to nothing on the other.
    return any(_comparable(x, y) for x in members(a) for y in members(b))


def _comparable(a: Type, b: Type) -> bool:
    if a is ANY or b is ANY:
        return True
    if family(a) != family(b):
        return False
    if isinstance(a, LiteralType) and isinstance(b, LiteralType):
        return a.value == b.value
    return True


def orderable(a: Type, b: Type) -> bool:
    """Whether `<` can have a meaning between a value of `a` and one of `b`."""
    for x in members(a):
        for y in members(b):
            if x is ANY or y is ANY:
                return True
            if family(x) == family(y) and family(x) in ("number", "str", "datetime"):
                return True
    return False


def assignable(source: Type, target: Type) -> bool:
    """Whether a value of `source` can be accepted where `target` is wanted."""
    return any(_assignable(x, y) for x in members(source) for y in members(target))


def _assignable(source: Type, target: Type) -> bool:
    if source is ANY or target is ANY:
        return True
    if isinstance(target, LiteralType):
        if isinstance(source, LiteralType):
            return type(source.value) is type(target.value) and source.value == target.value
        return family(source) == family(target)
    if target is INT:
        return base(source) in (INT, FLOAT) and not isinstance(getattr(source, "value", 0), float)
    if isinstance(source, ListType) and isinstance(target, ListType):
        return True
    return family(source) == family(target)


_WORDS = {
    "any": "anything",
    "null": "null",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "datetime": "a date or time",
}
_PLURALS = {
    "null": "nulls",
    "bool": "booleans",
    "int": "whole numbers",
    "float": "numbers",
    "str": "texts",
    "datetime": "dates or times",
}


def show_constant(value: object) -> str:
    """A constant as it is written in an expression."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:37] + "…"
        return "'" + text.replace("'", "''") + "'"
    return repr(value)


def show(type: Type) -> str:
    """The type in the user's words: "text", "a list of whole numbers", "`'dev' | 'prod'`"."""
    if isinstance(type, SimpleType):
        return _WORDS[type.name]
    if isinstance(type, LiteralType):
        return f"`{show_constant(type.value)}`"
    if isinstance(type, SecretType):
        return "a secret" if type.inner in (STR, ANY) else f"a secret ({show(type.inner)})"
    if isinstance(type, OptionalType):
        return f"{show(type.inner)} or null"
    if isinstance(type, ListType):
        return "a list" + _of(type.elem)
    if isinstance(type, MapType):
        return "a map" + _of(type.elem)
    if isinstance(type, UnionType):
        literals = [m for m in type.members if isinstance(m, LiteralType)]
        words = [show(m) for m in type.members if not isinstance(m, LiteralType)]
        if literals:
            shown = " | ".join(show_constant(m.value) for m in literals[:8])
            words.insert(0, f"`{shown}{' | …' if len(literals) > 8 else ''}`")
        return " or ".join(words)
    return "a map"


def _of(elem: Type) -> str:
    elem = without_null(elem)
    if isinstance(elem, UnionType):
        bases = {base(m) for m in elem.members}
        if len(bases) != 1:
            return ""
        elem = bases.pop()
    elem = base(elem)
    if isinstance(elem, SimpleType):
        return "" if elem is ANY else f" of {_PLURALS[elem.name]}"
    if isinstance(elem, ListType):
        return " of lists"
    return " of maps" if isinstance(elem, (MapType, ObjectType)) else ""
