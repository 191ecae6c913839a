"""Plain data between the interpreter and the process that runs a Python stage.

To the child goes `marshal` (both ends are the same interpreter, and the child may trust its parent); what JSON lacks is
tagged: `pack` and `unpack`. From the child comes JSON text, for a script may have done anything to its process;
`encode` writes it without the `json` module, whose import would double the child's start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

#: One key that a value of the user is not likely to have; a map that has it is tagged itself.
TAG = "$jobc"


class NotPlain(Exception):
    """A value is not plain data; `where` is its place in the whole (`["a"][0]`), `kind` the name of its type."""

    def __init__(self, where: str, kind: str, why: str = "") -> None:
        super().__init__("%s is of type %s%s" % (where, kind, why))
        self.where = where
        self.kind = kind


def pack(value: Any) -> Any:
    """Data of exact built-in types for `value`; datetimes, dates, times, Decimals and tuples as tagged maps."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [pack(item) for item in value]
    if kind is dict:
        packed = {str(key): pack(item) for key, item in value.items()}
        return {TAG: ["map", packed]} if TAG in packed else packed
    if kind is tuple:
        return {TAG: ["tuple", [pack(item) for item in value]]}
    if kind.__module__ == "datetime" and kind.__name__ in ("datetime", "date", "time"):
        return {TAG: [kind.__name__, value.isoformat()]}
    if kind.__module__ in ("decimal", "_decimal") and kind.__name__ == "Decimal":
        return {TAG: ["decimal", str(value)]}
    for base, make in ((bool, bool), (int, int), (float, float), (str, str)):
        if isinstance(value, base):
            return make(value)
    if isinstance(value, dict):
        return pack(dict(value))
    if isinstance(value, (list, range)):
        return pack(list(value))
    raise NotPlain("the value", kind.__name__)


def unpack(value: Any) -> Any:
    """The opposite of `pack`."""
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if isinstance(value, dict):
        if TAG in value and len(value) == 1:
            kind, inner = value[TAG]
            return _untag(kind, inner)
        return {key: unpack(item) for key, item in value.items()}
    return value


def _untag(kind: str, inner: Any) -> Any:
    if kind == "map":
        return {key: unpack(item) for key, item in inner.items()}
    if kind == "tuple":
        return tuple(unpack(item) for item in inner)
    if kind == "decimal":
        from decimal import Decimal

        return Decimal(inner)
    import datetime

    return getattr(datetime, kind).fromisoformat(inner)


def plain(value: Any, where: str = "the value") -> Any:
    """`value` as JSON data for an output: tuples become lists, dates ISO texts, Decimals and paths texts.

    Raises NotPlain for anything else, for non-finite floats, and for a value that contains itself.
    """
    return _plain(value, where, [])


def _plain(value: Any, where: str, above: List[int]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            raise NotPlain(where, "float", ", and %r is not a JSON number" % number)
        return number
    if isinstance(value, (dict, list, tuple)):
        if id(value) in above:
            raise NotPlain(where, kind.__name__, ", and contains itself")
        if len(above) > 200:
            raise NotPlain(where, kind.__name__, ", nested too deeply")
        above.append(id(value))
        result: Any
        if isinstance(value, dict):
            result = {}
            for key, item in value.items():
                if not isinstance(key, (str, int, float, bool)):
                    raise NotPlain("a key of %s" % where, type(key).__name__)
                result[_key(key)] = _plain(item, "%s[%r]" % (where, key), above)
        else:
            result = [_plain(item, "%s[%d]" % (where, at), above) for at, item in enumerate(value)]
        above.pop()
        return result
    if kind.__module__ == "datetime" and kind.__name__ in ("datetime", "date", "time"):
        return value.isoformat()
    if kind.__module__ in ("decimal", "_decimal") and kind.__name__ == "Decimal":
        return str(value)
    if hasattr(kind, "__fspath__"):
        path = value.__fspath__()
        if isinstance(path, str):
            return path
    raise NotPlain(where, kind.__name__)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def encode(value: Any) -> str:
    """JSON text of data as `plain` or `pack` gives it."""
    pieces: List[str] = []
    _encode(value, pieces.append, _quoter())
    return "".join(pieces)


def _quoter() -> Any:
    try:
        from _json import encode_basestring_ascii
    except ImportError:
        from json.encoder import encode_basestring_ascii  # type: ignore[no-redef,unused-ignore]
    return encode_basestring_ascii


def _encode(value: Any, put: Any, quote: Any) -> None:
    if value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif isinstance(value, str):
        put(quote(value))
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(_float(value))
    elif isinstance(value, list):
        put("[")
        for at, item in enumerate(value):
            if at:
                put(",")
            _encode(item, put, quote)
        put("]")
    else:
        put("{")
        for at, (key, item) in enumerate(value.items()):
            put(("," if at else "") + quote(key) + ":")
            _encode(item, put, quote)
        put("}")


def _float(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float.__repr__(value)


def pack_map(values: Dict[str, Any]) -> Dict[str, Any]:
    return {key: pack(item) for key, item in values.items()}
