"""Random expressions, contexts and types: for property tests of every phase that handles expressions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from jobc.sema.signatures import FUNCTIONS, METHODS
from jobc.sema.types import (
    ANY,
    DATETIME,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OptionalType,
    SecretType,
    Type,
    UnionType,
    base,
    of_json,
    union,
)
from jobc.syntax.expr import (
    Binary,
    Call,
    Conditional,
    Expr,
    Filter,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Member,
    Method,
    Name,
    Unary,
)
from jobc.syntax.lalr import MAX_DEPTH

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
OPERATORS = ["or", "and", "??", "==", "!=", "<", "<=", ">", ">=", "in", "not-in", "+", "-", "*", "/", "%"]
CONTEXTS = ["params", "needs", "item", "a-b", "größe", "x1", "or-else", "_"]
WORDS = [*CONTEXTS, "in", "not", "true", "None", "outputs", "split-data", "n", "length"]

texts = st.text(max_size=8)
numbers = st.one_of(st.integers(0, 10**20), st.floats(0, allow_nan=False, allow_infinity=False))
literals = st.builds(Literal, st.one_of(st.none(), st.booleans(), numbers, texts))
functions = st.sampled_from(
    [*sorted(name for name, s in FUNCTIONS.items() if s.use == "function"), "nothing"]
)
filters = st.sampled_from([*sorted(name for name in FUNCTIONS if "." not in name), "nothing"])
words = st.sampled_from(WORDS)
key_texts = st.one_of(words, texts)


def _named(strategy: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """The strategy under a short name: reports would print all that it is made of."""

    @st.composite
    def expression(draw: st.DrawFn) -> Expr:
        return draw(strategy)

    return expression()


def _keywords(values: st.SearchStrategy[Expr]) -> st.SearchStrategy[list[tuple[str, Expr]]]:
    names = st.sampled_from(["value", "separator", "a-b", "text"])
    return st.lists(st.tuples(names, values), max_size=2, unique_by=lambda pair: pair[0])


def _compound(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    inner = _named(inner)
    args = st.lists(inner, max_size=3)
    entries = st.lists(
        st.tuples(st.builds(Literal, key_texts), inner), max_size=3, unique_by=lambda pair: pair[0].value
    )
    # `datetime.now()` is a call, never a method of something named `datetime`; no name here is one.
    return st.one_of(
        st.builds(ListExpr, args),
        st.builds(MapExpr, entries),
        st.builds(Member, inner, words),
        st.builds(Index, inner, inner),
        st.builds(Call, functions, args, _keywords(inner)),
        st.builds(Method, inner, st.sampled_from([*METHODS, "upper"]), args, _keywords(inner)),
        st.builds(Filter, inner, filters, args, _keywords(inner)),
        st.builds(Unary, st.sampled_from(["not", "-"]), inner),
        st.builds(Binary, st.sampled_from(OPERATORS), inner, inner),
        st.builds(Conditional, inner, inner, inner),
    )


#: Any expression that the grammar can give.
expressions: st.SearchStrategy[Expr] = st.recursive(
    st.one_of(literals, st.builds(Name, st.sampled_from(CONTEXTS))), _compound, max_leaves=25
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-100, 100),
    st.floats(-100, 100, allow_nan=False),
    st.sampled_from(["", "a", "b", "a,b", "dev", "3", "true", "2026-01-31", "ü'\"$(x)"]),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "n", "x-y"]), inner, max_size=3),
    ),
    max_leaves=6,
)
times = st.one_of(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
)
decimals = st.decimals(-100, 100, allow_nan=False, allow_infinity=False, places=2)

#: The values of a `params` context; every key has a kind of its own, `any` has not.
params = st.fixed_dictionaries(
    {
        "i": st.integers(-10, 10),
        "f": st.one_of(st.floats(-10, 10, allow_nan=False), decimals),
        "t": st.sampled_from(["", "a", "a,b", "dev"]),
        "b": st.booleans(),
        "l": st.lists(scalars, max_size=4),
        "ns": st.lists(st.integers(-5, 5), min_size=1, max_size=4),
        "m": st.dictionaries(st.sampled_from(["a", "b", "n"]), scalars, max_size=3),
        "d": times,
        "o": st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["x", "y"])),
        "any": json_values,
    }
)


def widened(type: Type) -> st.SearchStrategy[Type]:
    """Types that hold all values of `type`, itself among them."""
    choices = [st.just(type), st.just(ANY)]
    if isinstance(type, LiteralType):
        choices += [
            st.just(base(type)),
            st.just(OptionalType(type)),
            st.just(union([type, LiteralType("other")])),
        ]
        choices.append(st.just(SecretType(base(type))))
    elif isinstance(type, ListType):
        choices.append(st.builds(ListType, widened(type.elem)))
    elif isinstance(type, ObjectType):
        parts = st.fixed_dictionaries({name: widened(part) for name, part in type.props.items()})
        choices.append(st.builds(ObjectType, parts))
        choices.append(st.builds(ObjectType, parts, st.just(True)))
        choices.append(st.just(MapType(union(type.props.values()))))
    return st.one_of(choices)


def conforms(value: Any, type: Type) -> bool:
    """Whether a value is of a type."""
    if type is ANY:
        return True
    if isinstance(type, OptionalType):
        return value is None or conforms(value, type.inner)
    if isinstance(type, SecretType):
        return conforms(value, type.inner)
    if isinstance(type, UnionType):
        return any(conforms(value, member) for member in type.members)
    if isinstance(type, LiteralType):
        return value.__class__ is type.value.__class__ and value == type.value
    if isinstance(type, ListType):
        return isinstance(value, list) and all(conforms(item, type.elem) for item in value)
    if isinstance(type, MapType):
        return isinstance(value, dict) and all(conforms(item, type.elem) for item in value.values())
    if isinstance(type, ObjectType):
        return (
            isinstance(value, dict)
            and all(conforms(value.get(name), part) for name, part in type.props.items())
            and (type.open or value.keys() <= type.props.keys())
        )
    if type is DATETIME:
        return isinstance(value, date)
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": number,
        "str": isinstance(value, str),
    }[type.name]  # type: ignore[attr-defined]


def _param(name: str) -> st.SearchStrategy[Expr]:
    return st.builds(lambda: Member(Name("params"), name))


def _call(name: str, *args: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.tuples(*args).map(lambda values: Call(name, list(values), []))


def _filtered(
    value: st.SearchStrategy[Expr], name: str, *args: st.SearchStrategy[Expr]
) -> st.SearchStrategy[Expr]:
    return st.tuples(value, *args).map(lambda values: Filter(values[0], name, list(values[1:]), []))


def _constant(*values: Any) -> st.SearchStrategy[Expr]:
    return st.sampled_from(values).map(Literal)


def _binary(
    ops: str, left: st.SearchStrategy[Expr], right: st.SearchStrategy[Expr]
) -> st.SearchStrategy[Expr]:
    return st.builds(Binary, st.sampled_from(ops.split()), left, right)


def _one_of(*strategies: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return _named(st.one_of(strategies))


class _Typed:
    """Expressions that mostly make sense over `params`, by the kind of their value."""

    def __init__(self, depth: int) -> None:
        if depth:
            inner = _Typed(depth - 1)
            number, text, boolean = inner.number, inner.text, inner.boolean
            sequence, mapping, time, anything = inner.sequence, inner.mapping, inner.time, inner.anything
        else:
            number, text, boolean = _constant(0, 1, 2.5, 7), _constant("a", "", "a,b"), _constant(True, False)
            sequence, mapping, time = _param("l"), _param("m"), _param("d")
            anything = st.one_of(_param("any"), _param("o"), _constant(None))

        def choice(kind: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
            return st.one_of(
                st.builds(Conditional, boolean, kind, kind),
                _binary("??", _param("o"), kind),
                _binary("??", kind, kind),
                _call("coalesce", kind, kind),
                _call("default", anything, kind),
            )

        self.number = _one_of(
            number,
            _param("i"),
            _param("f"),
            _binary("+ - * / %", number, number),
            st.builds(Unary, st.just("-"), number),
            _call("len", st.one_of(text, sequence, mapping)),
            _call("sum", st.one_of(_param("ns"), st.lists(number, max_size=3).map(ListExpr))),
            _call("min", number, number),
            _call("max", _param("ns")),
            st.builds(Index, _param("ns"), number),
            st.builds(Member, time, st.sampled_from(["year", "month", "day", "hour", "minute", "second"])),
            st.builds(lambda t, m: Method(t, m, [], []), time, st.sampled_from(["weekday", "timestamp"])),
            choice(number),
        )
        self.text = _one_of(
            text,
            _param("t"),
            _binary("+", text, text),
            _call("format", _constant("{0}-{1}", "{}{}"), anything, anything),
            _call("join", sequence, text),
            _filtered(text, "upper"),
            _call("replace", text, _constant("a", ","), text),
            _filtered(anything, "json"),
            _filtered(anything, "quote"),
            _filtered(number, "fmt", _constant(".2f", ">8")),
            _filtered(time, "fmt", _constant("%F", "%H:%M")),
            st.builds(lambda t: Method(t, "isoformat", [], []), time),
            _call("max", text, text),
            choice(text),
        )
        self.boolean = _one_of(
            boolean,
            _param("b"),
            _binary("and or", boolean, boolean),
            st.builds(Unary, st.just("not"), boolean),
            _binary("== != < <= > >=", number, number),
            _binary("== != <", text, text),
            _binary("== !=", anything, anything),
            _binary("< >=", time, time),
            _binary("in not-in", anything, sequence),
            _binary("in not-in", text, st.one_of(text, mapping)),
            _call("contains", sequence, anything),
            _call("startsWith", text, text),
            _call("success"),
        )
        self.sequence = _one_of(
            _param("l"),
            _param("ns"),
            st.lists(anything, max_size=3).map(ListExpr),
            _call("range", number),
            _call("range", _param("i"), _param("i")),
            _call("split", text),
            _call("keys", mapping),
            _call("values", mapping),
            _binary("+", sequence, sequence),
            choice(sequence),
        )
        self.mapping = _one_of(
            _param("m"),
            st.dictionaries(st.sampled_from(["a", "b", "c"]), anything, max_size=3).map(
                lambda d: MapExpr([(Literal(key), value) for key, value in d.items()])
            ),
            _call("merge", mapping, mapping),
            choice(mapping),
        )
        self.time = _one_of(
            _param("d"),
            _call("datetime.now", _constant("UTC", "+02:00")),
            _call("datetime.utcnow"),
            _call("date.today"),
            _call("datetime.parse", _constant("2026-01-31", "2024-02-29T23:59:59+01:00")),
            choice(time),
        )
        self.anything = _one_of(
            self.number,
            self.text,
            self.boolean,
            self.sequence,
            self.mapping,
            self.time,
            _param("any"),
            _param("o"),
            _constant(None),
            _call("fromJson", st.one_of(anything, _filtered(anything, "json"))),
            st.builds(Index, st.one_of(sequence, mapping), st.one_of(number, text)),
            st.builds(Member, mapping, st.sampled_from(["a", "b", "n", "zz"])),
            st.builds(Conditional, boolean, anything, anything),
            _call("env", _constant("HOME", "NONE")),
            _binary("+ ??", anything, anything),
        )


#: Expressions over `params` (as above) of which most have a value.
sensible: st.SearchStrategy[Expr] = _Typed(2).anything


def depth(expr: Expr) -> int:
    return 1 + max((depth(child) for child in expr.children()), default=0)


def printable(expr: Expr) -> bool:
    """Whether the expression is one that the parser can make: not too deep."""
    return depth(expr) < MAX_DEPTH


def types_of(values: dict[str, Any]) -> st.SearchStrategy[Type]:
    """A type for `params`, by key wider or narrower."""
    return st.fixed_dictionaries({name: widened(of_json(value)) for name, value in values.items()}).map(
        ObjectType
    )
