"""The functions and methods of expressions (LANGUAGE §4) as data.

The one table that the checker, lowering, completion and the documentation read; `interpreter.functions` has the
implementations under the same names. To add a function: a row here, an implementation there, a block in
`fixtures/expressions/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from jobc.sema.types import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    STR,
    ListType,
    MapType,
    ObjectType,
    OptionalType,
    SecretType,
    Type,
    UnionType,
    base,
    is_secret,
    join,
    members,
    optional,
    union,
    without_null,
)

#: The result's type from the arguments' types; those that are not given are left out.
Result: TypeAlias = "Type | Callable[[list[Type]], Type]"

Constant: TypeAlias = "bool | int | float | str | None"

_LIST = ListType(ANY)
_MAP = MapType(ANY)
_TEXTS = ListType(STR)
_ORDERED = UnionType((FLOAT, STR, DATETIME, _LIST))


class Arg:
    """One argument. `type` is what it takes (`ANY`: any value); an `optional` one that is missing is `default`.

    A `variadic` one, always the last, takes any number of values, at least one unless `optional`.
    """

    __slots__ = ("default", "name", "optional", "type", "variadic")

    def __init__(
        self,
        name: str,
        type: Type,
        *,
        optional: bool = False,
        default: Constant = None,
        variadic: bool = False,
    ) -> None:
        self.name = name
        self.type = type
        self.optional = optional
        self.default = default
        self.variadic = variadic


class Overload:
    """One way to call a function: its arguments in order, and the type of what comes out."""

    __slots__ = ("args", "result")

    def __init__(self, args: Sequence[Arg], result: Result) -> None:
        self.args = tuple(args)
        self.result = result

    def result_type(self, given: list[Type]) -> Type:
        return self.result if isinstance(self.result, Type) else self.result(given)

    def arg(self, index: int) -> Arg | None:
        """The argument that takes the value at this position."""
        if index < len(self.args):
            return self.args[index]
        return self.args[-1] if self.args and self.args[-1].variadic else None


class Signature:
    """A function or method. `doc` is one line; `example` an expression with its value, `… → …`.

    `use` says how it may be written: `function` (also as a filter, its first argument before the bar), `filter`
    (only so), or `method` (of a date or time). `pure`: its value depends on its arguments alone.
    """

    __slots__ = ("doc", "example", "name", "overloads", "pure", "use")

    def __init__(
        self,
        name: str,
        overloads: Sequence[Overload],
        doc: str,
        example: str,
        *,
        pure: bool = True,
        use: str = "function",
    ) -> None:
        self.name = name
        self.overloads = tuple(overloads)
        self.doc = doc
        self.example = example
        self.pure = pure
        self.use = use

    def shown(self) -> str:
        """How it is called, each overload on its own: `range(stop)` or `range(start, stop, step?)`."""
        return " or ".join(f"`{self.name}({_shown_args(overload)})`" for overload in self.overloads)


def _shown_args(overload: Overload) -> str:
    return ", ".join(
        f"{arg.name}{'…' if arg.variadic else '?' if arg.optional else ''}" for arg in overload.args
    )


def _json_value(given: list[Type]) -> Type:
    """A text's content is unknown; what is no text stays as it is."""
    if any(part is ANY or base(part) is STR for part in members(given[0])):
        return SecretType(ANY) if is_secret(given[0]) else ANY
    return given[0]


def _least(given: list[Type]) -> Type:
    """Of one list an item, else one of the arguments."""
    parts: list[Type] = []
    for type in given:
        for member in members(type):
            if isinstance(member, ListType) and len(given) == 1:
                parts.append(member.elem)
            elif not isinstance(member, ListType):
                parts.append(member)
    return without_null(union(parts))


def _sum(given: list[Type]) -> Type:
    parts = [part for m in members(given[0]) for part in (members(m.elem) if isinstance(m, ListType) else ())]
    return INT if parts and all(base(part) is INT for part in parts) else FLOAT


def _values(given: list[Type]) -> Type:
    parts: list[Type] = []
    for member in members(given[0]):
        if isinstance(member, MapType):
            parts.append(member.elem)
        elif isinstance(member, ObjectType) and not member.open:
            parts.extend(member.props.values())
        else:
            return _LIST
    return ListType(union(parts))


def _merged(given: list[Type]) -> Type:
    """Objects are laid over each other; anything less known gives a map."""
    props: dict[str, Type] = {}
    for type in given:
        if not isinstance(type, ObjectType) or type.open:
            return _MAP
        props.update(type.props)
    return ObjectType(props)


def _fallback(given: list[Type]) -> Type:
    return join(without_null(given[0]), given[1]) if isinstance(given[0], OptionalType) else join(*given)


def _first(given: list[Type]) -> Type:
    kept = [without_null(type) if isinstance(type, OptionalType) else type for type in given[:-1]]
    return union([*kept, given[-1]])


def _variable(given: list[Type]) -> Type:
    return optional(STR) if len(given) < 2 else join(STR, given[1])


def _text(name: str) -> Arg:
    return Arg(name, STR)


def _one(args: Sequence[Arg], result: Result) -> tuple[Overload]:
    return (Overload(args, result),)


_FUNCTIONS = (
    Signature(
        "fromJson",
        _one([Arg("text", ANY)], _json_value),
        "The value that a JSON text holds; a value that is no text is returned as it is.",
        "fromJson('[1, 2]') → [1, 2]",
    ),
    Signature(
        "toJson",
        _one([Arg("value", ANY)], STR),
        "The value as compact JSON.",
        "toJson({a: [1, null]}) → '{\"a\":[1,null]}'",
    ),
    Signature(
        "contains",
        _one([Arg("search", UnionType((STR, _LIST, _MAP))), Arg("item", ANY)], BOOL),
        "Whether a list holds the item, a text the part, or a map the key.",
        "contains(['a', 'b'], 'a') → true",
    ),
    Signature(
        "startsWith",
        _one([_text("text"), _text("prefix")], BOOL),
        "Whether a text begins with another.",
        "startsWith('refs/heads/main', 'refs/') → true",
    ),
    Signature(
        "endsWith",
        _one([_text("text"), _text("suffix")], BOOL),
        "Whether a text ends with another.",
        "endsWith('data.csv', '.csv') → true",
    ),
    Signature(
        "format",
        _one([_text("template"), Arg("values", ANY, variadic=True, optional=True)], STR),
        "The template with `{0}`, `{1}`, … (or `{}` in turn) replaced by the values; `{{` and `}}` are braces.",
        "format('{0}-{1}', 'a', 2) → 'a-2'",
    ),
    Signature(
        "join",
        _one([Arg("items", _LIST), Arg("separator", STR, optional=True, default=",")], STR),
        "The items of a list as one text, the separator between them.",
        "join(['a', 'b'], '-') → 'a-b'",
    ),
    Signature(
        "split",
        _one([_text("text"), Arg("separator", STR, optional=True, default=",")], _TEXTS),
        "The parts of a text between separators.",
        "split('a,b') → ['a', 'b']",
    ),
    Signature(
        "replace",
        _one([_text("text"), _text("old"), _text("new")], STR),
        "The text with every `old` in it replaced by `new`.",
        "replace('a.b.c', '.', '/') → 'a/b/c'",
    ),
    Signature("lower", _one([_text("text")], STR), "The text in lower case.", "lower('Main') → 'main'"),
    Signature("upper", _one([_text("text")], STR), "The text in upper case.", "upper('Main') → 'MAIN'"),
    Signature(
        "trim", _one([_text("text")], STR), "The text without blanks at its ends.", "trim(' a ') → 'a'"
    ),
    Signature(
        "len",
        _one([Arg("value", UnionType((STR, _LIST, _MAP)))], INT),
        "How many items a list, keys a map, or characters a text has.",
        "len([1, 2, 3]) → 3",
    ),
    Signature(
        "min",
        _one([Arg("values", _ORDERED, variadic=True)], _least),
        "The least of the arguments, or of the items of one list.",
        "min(3, 1, 2) → 1",
    ),
    Signature(
        "max",
        _one([Arg("values", _ORDERED, variadic=True)], _least),
        "The greatest of the arguments, or of the items of one list.",
        "max([3, 1, 2]) → 3",
    ),
    Signature(
        "sum", _one([Arg("items", _LIST)], _sum), "The sum of a list of numbers.", "sum([1, 2, 3]) → 6"
    ),
    Signature(
        "range",
        (
            Overload([Arg("stop", INT)], ListType(INT)),
            Overload(
                [Arg("start", INT), Arg("stop", INT), Arg("step", INT, optional=True, default=1)],
                ListType(INT),
            ),
        ),
        "Whole numbers from `start` (0) up to `stop`, which is not among them.",
        "range(3) → [0, 1, 2]",
    ),
    Signature(
        "keys",
        _one([Arg("map", _MAP)], _TEXTS),
        "The keys of a map, in order.",
        "keys({a: 1, b: 2}) → ['a', 'b']",
    ),
    Signature(
        "values",
        _one([Arg("map", _MAP)], _values),
        "The values of a map, in order.",
        "values({a: 1, b: 2}) → [1, 2]",
    ),
    Signature(
        "merge",
        _one([Arg("maps", _MAP, variadic=True)], _merged),
        "One map of several; of equal keys the last one counts.",
        "merge({a: 1}, {b: 2}) → {a: 1, b: 2}",
    ),
    Signature(
        "default",
        _one([Arg("value", ANY), Arg("fallback", ANY)], _fallback),
        "The value, or the fallback where it is null; the same as `value ?? fallback`.",
        "default(null, 'x') → 'x'",
    ),
    Signature(
        "coalesce",
        _one([Arg("values", ANY, variadic=True)], _first),
        "The first of the arguments that is not null.",
        "coalesce(null, null, 3) → 3",
    ),
    Signature(
        "hashFiles",
        _one([Arg("patterns", STR, variadic=True)], STR),
        "A hash of the files in the working folder that match the patterns; empty where none does.",
        "hashFiles('**/requirements.txt') → '5feceb66…'",
        pure=False,
    ),
    Signature("always", _one([], BOOL), "True: run whatever happened before.", "always() → true", pure=False),
    Signature(
        "success",
        _one([], BOOL),
        "Whether nothing before has failed or was cancelled.",
        "success() → true",
        pure=False,
    ),
    Signature(
        "failure", _one([], BOOL), "Whether something before has failed.", "failure() → false", pure=False
    ),
    Signature(
        "cancelled", _one([], BOOL), "Whether the run is being cancelled.", "cancelled() → false", pure=False
    ),
    Signature(
        "env",
        _one([_text("name"), Arg("fallback", ANY, optional=True)], _variable),
        "An environment variable, or the fallback (null) where it is not set.",
        "env('HOME', '/tmp') → '/home/ada'",
        pure=False,
    ),
    Signature(
        "datetime.now",
        _one([Arg("tz", STR, optional=True)], DATETIME),
        "The current time, in the time zone or in the machine's own.",
        "datetime.now('Europe/Berlin').hour → 9",
        pure=False,
    ),
    Signature(
        "datetime.utcnow",
        _one([], DATETIME),
        "The current time in UTC.",
        "datetime.utcnow().isoformat() → '2026-01-31T09:00:00+00:00'",
        pure=False,
    ),
    Signature(
        "datetime.parse",
        _one([_text("text")], DATETIME),
        "The time that an ISO 8601 text names; UTC where it has no zone.",
        "datetime.parse('2026-01-31').day → 31",
    ),
    Signature(
        "date.today",
        _one([], DATETIME),
        "The current date.",
        "date.today().isoformat() → '2026-01-31'",
        pure=False,
    ),
    Signature(
        "fmt",
        _one([Arg("value", UnionType((FLOAT, STR, DATETIME))), _text("pattern")], STR),
        "A number after a format such as `.2f`, or a time after one such as `%Y-%m-%d`.",
        "3.14159 | fmt('.2f') → '3.14'",
        use="filter",
    ),
    Signature(
        "quote",
        _one([Arg("value", ANY)], STR),
        "The value as one word of a shell; a list as one word an item.",
        "'a b' | quote → '''a b'''",
        use="filter",
    ),
    Signature(
        "json",
        _one([Arg("value", ANY)], STR),
        "The value as compact JSON: `toJson`.",
        "[1, 2] | json → '[1,2]'",
        use="filter",
    ),
    Signature(
        "raw",
        _one([Arg("value", ANY)], lambda given: given[0]),
        "The value as it is; in a script, spliced in as code.",
        "'a' | raw → 'a'",
        use="filter",
    ),
)

_METHODS = (
    Signature(
        "weekday",
        _one([], INT),
        "The day of the week, Monday is 0.",
        "datetime.parse('2026-01-31').weekday() → 5",
        use="method",
    ),
    Signature(
        "isoformat",
        _one([], STR),
        "The time as ISO 8601 text.",
        "datetime.parse('2026-01-31').isoformat() → '2026-01-31T00:00:00+00:00'",
        use="method",
    ),
    Signature(
        "strftime",
        _one([Arg("format", STR)], STR),
        "The time after a format.",
        "datetime.parse('2026-01-31').strftime('%d.%m.') → '31.01.'",
        use="method",
    ),
    Signature(
        "timestamp",
        _one([], FLOAT),
        "Seconds since 1970-01-01 00:00 UTC.",
        "datetime.parse('1970-01-02').timestamp() → 86400.0",
        use="method",
    ),
)

#: By canonical name; filters are among them.
FUNCTIONS: dict[str, Signature] = {signature.name: signature for signature in _FUNCTIONS}

#: Methods of dates and times.
METHODS: dict[str, Signature] = {signature.name: signature for signature in _METHODS}

#: Properties of dates and times: all whole numbers.
FIELDS = ("year", "month", "day", "hour", "minute", "second")

#: Accepted spellings.
ALIASES = {"fromJSON": "fromJson", "toJSON": "toJson"}


def function(name: str) -> Signature | None:
    """The signature of a function or filter under any accepted spelling, or None."""
    return FUNCTIONS.get(ALIASES.get(name, name))
