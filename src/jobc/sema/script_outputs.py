"""What a stage can write as outputs: each name with the type of its value, and whether it is written for sure.

A fact here holds for a stage that succeeded. `open` says that other names may be written too; then what a
later reader finds under an unknown name is anything. The same shape serves scripts, nested stages and jobs.
"""

from __future__ import annotations

from collections.abc import Callable

from jobc.sema.types import (
    ANY,
    DATETIME,
    FLOAT,
    STR,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OptionalType,
    SecretType,
    Type,
    UnionType,
    base,
    optional,
    union,
)


class Outputs:
    """`types` by name; those in `maybe` are perhaps not written."""

    __slots__ = ("maybe", "open", "types")

    def __init__(self, types: dict[str, Type] | None = None, *, open: bool = False) -> None:
        self.types: dict[str, Type] = types or {}
        self.maybe: set[str] = set()
        self.open = open

    def write(self, name: str, type: Type, *, sure: bool) -> None:
        """One more write of a name, later than all others: it wins where it is sure."""
        before = self.types.get(name)
        if sure:
            self.maybe.discard(name)
        elif before is None:
            self.maybe.add(name)
        self.types[name] = type if sure or before is None else union((before, type))

    def then(self, later: Outputs, *, sure: bool) -> None:
        """Outputs of what ran afterwards, if it ran (`sure`: it did)."""
        if later.open:
            self.open = True
            self.types = dict.fromkeys(self.types, ANY)
        for name, type in later.types.items():
            self.write(name, type, sure=sure and name not in later.maybe)

    def either(self, other: Outputs) -> Outputs:
        """One of the two."""
        result = Outputs(open=self.open or other.open)
        for name in dict.fromkeys((*self.types, *other.types)):
            found = [o.types.get(name, ANY if o.open else None) for o in (self, other)]
            result.types[name] = union(type for type in found if type is not None)
            if None in found or name in self.maybe or name in other.maybe:
                result.maybe.add(name)
        return result

    def object(self, noun: str, *, succeeded: bool) -> ObjectType:
        """The `outputs` that a reader sees: any of them may be absent where it is not known that all went well."""
        props = {
            name: optional(settled(type)) if name in self.maybe or not succeeded else settled(type)
            for name, type in self.types.items()
        }
        return ObjectType(props, self.open, rule="unknown-output", noun=noun)


def settled(type: Type) -> Type:
    """A single constant becomes its kind, for a script's constant is there to be changed; a choice of several stays."""
    if isinstance(type, LiteralType):
        return base(type)
    if isinstance(type, ListType):
        return ListType(settled(type.elem))
    if isinstance(type, MapType):
        return MapType(settled(type.elem))
    if isinstance(type, ObjectType):
        props = {name: settled(prop) for name, prop in type.props.items()}
        return ObjectType(props, type.open, rule=type.rule, noun=type.noun)
    if isinstance(type, OptionalType):
        return optional(settled(type.inner))
    if isinstance(type, UnionType):
        return union(m if isinstance(m, LiteralType) else settled(m) for m in type.members)
    return type


def carried(type: Type) -> Type:
    """The type of a value once it is an output: dates are ISO texts there, and secrets are masked."""
    if type is DATETIME:
        return STR
    if isinstance(type, SecretType):
        return carried(type.inner)
    return _inside(type, carried)


def with_decimals(type: Type) -> Type:
    """The type of an output where a number may be a decimal: that is handed on as text."""
    return union((FLOAT, STR)) if type is FLOAT else _inside(type, with_decimals)


def _inside(type: Type, change: Callable[[Type], Type]) -> Type:
    if isinstance(type, ListType):
        return ListType(change(type.elem))
    if isinstance(type, MapType):
        return MapType(change(type.elem))
    if isinstance(type, ObjectType):
        props = {name: change(prop) for name, prop in type.props.items()}
        return ObjectType(props, type.open, rule=type.rule, noun=type.noun)
    if isinstance(type, OptionalType):
        return optional(change(type.inner))
    if isinstance(type, UnionType):
        return union(change(member) for member in type.members)
    return type
