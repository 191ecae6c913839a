"""Whether a value is one that a type promises."""

from __future__ import annotations

from jobc.sema.types import (
    ANY,
    NULL,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    Type,
    family,
    members,
)


def fits(value: object, type: Type) -> bool:
    return any(_fits(value, member) for member in members(type))


def _fits(value: object, type: Type) -> bool:
    if type is ANY:
        return True
    if isinstance(type, LiteralType):
        return value.__class__ is type.value.__class__ and value == type.value
    if isinstance(type, ListType):
        return isinstance(value, list) and all(fits(item, type.elem) for item in value)
    if isinstance(type, MapType):
        return isinstance(value, dict) and all(fits(item, type.elem) for item in value.values())
    if isinstance(type, ObjectType):
        if not isinstance(value, dict) or not (type.open or value.keys() <= type.props.keys()):
            return False
        return all(fits(value.get(name), prop) for name, prop in type.props.items())
    kinds: dict[str, tuple[type, ...]] = {"bool": (bool,), "str": (str,)}
    if type is NULL:
        return value is None
    if family(type) == "number":
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (type.key() == ("float",) and isinstance(value, float))
    return isinstance(value, kinds[family(type)])
