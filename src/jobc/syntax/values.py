"""Values: what stands behind a key, checked against what the key can have, its expressions parsed.

Every function reports what is wrong and then gives None (or leaves the item out), so the tree never holds
a value of the wrong kind. `what` is how messages name the value: "`timeout`". Where text is wanted, any scalar
is text as it is written (`echo: 5`, `env: {DEBUG: true, PORT: 0x1F}`); nothing, or null, is the empty text.
"""

from __future__ import annotations

from jobc.source.file import Span
from jobc.source.nodes import Mapping, Node, Scalar, Sequence
from jobc.source.templates import Hole, Text, bare, offset_map, split
from jobc.syntax.ast import Const, ExprHole, Item, ListValue, MapValue, TemplateValue, Value
from jobc.syntax.durations import seconds
from jobc.syntax.reporter import Reporter, is_null, kind_of

_DURATION = "write seconds, or a duration such as `90s`, `15m` or `1h30m`"
_LONGEST = 1e12
_EXPRESSION = "or one expression, `${{ … }}`"


def template(r: Reporter, node: Scalar) -> TemplateValue | None:
    """A scalar with expressions; None where it has none."""
    text = node.text
    if "${{" not in text and "$<<" not in text:
        return None
    parts = split(node)
    if parts is None:
        return None
    for problem in parts.problems:
        r.problem(problem)
    made: list[str | ExprHole] = []
    for part in parts.parts:
        made.append(part.text if isinstance(part, Text) else parse_hole(r, part))
    return TemplateValue(node, parts, made, parts.whole)


def parse_hole(r: Reporter, hole: Hole) -> ExprHole:
    from jobc.syntax.expressions import parse_hole

    expr, diagnostics = parse_hole(hole, hole.span.file)
    for diagnostic in diagnostics:
        r.add(diagnostic)
    return ExprHole(hole, expr)


def unknown(node: Node) -> TemplateValue:
    """Stands for a value that was wrong where its node cannot do without: an expression that did not parse."""
    scalar = Scalar(node.file, node.start, node.end, "", "", "plain")
    hole = Hole("", 0, 0, 0, "", node.span, offset_map(scalar))
    return TemplateValue(scalar, None, [ExprHole(hole, None)], True)


def value(r: Reporter, node: Node) -> Value:
    """Anything: scalars, lists and mappings, expressions in every scalar."""
    if isinstance(node, Scalar):
        made = template(r, node)
        if made is None:
            return Const(node.value, node)
        return made if made.holes else Const("".join(map(str, made.parts)), node)
    if isinstance(node, Sequence):
        return ListValue([value(r, item) for item in node.items], node)
    return map_value(r, node)


def map_value(r: Reporter, node: Mapping) -> MapValue:
    return MapValue([Item(e.key.text, e.key.span, value(r, e.value)) for e in node.entries], node)


def text(r: Reporter, node: Node, what: str) -> Const | TemplateValue | None:
    """Text, expressions allowed; other scalars as they are written."""
    if not isinstance(node, Scalar):
        r.wrong(
            node.span, f"{what} is {kind_of(node)}, not text", "write one text; put several lines after `|`"
        )
        return None
    made = template(r, node)
    if made is None:
        return Const("" if node.value is None else node.text, node)
    if not made.holes:
        return Const("".join(map(str, made.parts)), node)
    return made


def script(r: Reporter, node: Node, what: str) -> Const | TemplateValue:
    """The text of a script; the empty script where it is missing or wrong."""
    made = text(r, node, what) if isinstance(node, Scalar) else None
    if made is None:
        r.wrong(
            node.span, f"{what} is {kind_of(node)}, not a script", "write the script as one text, after `|`"
        )
    elif isinstance(made, Const) and not str(made.value).strip():
        r.wrong(node.span, f"{what} is empty", "write the script after `|`")
    else:
        return made
    return Const("", Scalar(node.file, node.start, node.end, "", "", "plain"))


def plain(r: Reporter, node: Node, what: str, wanted: str = "a name") -> str | None:
    """Text in which expressions are not allowed."""
    if not isinstance(node, Scalar):
        r.wrong(node.span, f"{what} is {kind_of(node)}, not {wanted}", f"write {wanted}")
        return None
    if not node.text.strip() or node.value is None:
        r.wrong(node.span, f"{what} is empty", f"write {wanted}")
        return None
    return literal(r, node, what)


def literal(r: Reporter, node: Scalar, what: str) -> str | None:
    """The scalar's text, `$${{` read as `${{`; None where it holds an expression, which is not allowed here."""
    text = node.text
    if "${{" not in text and "$<<" not in text:
        return text
    parts = split(node)
    if parts is None:
        return text
    for part in parts.parts:
        if isinstance(part, Hole):
            r.wrong(
                part.span,
                f"{what} cannot hold an expression: it is read before anything runs",
                "write it out; for the characters themselves, `$${{`",
            )
            return None
    return "".join(part.text for part in parts.parts if isinstance(part, Text))


def one_of(
    r: Reporter,
    node: Node,
    what: str,
    values: tuple[str, ...],
    aliases: dict[str, str] | None = None,
    familiar: dict[str, str] | None = None,
) -> str | None:
    """The canonical one of `values`; `_` and `-` are equal."""
    word = plain(r, node, what, "one of " + ", ".join(f"`{value}`" for value in values))
    if word is None:
        return None
    assert isinstance(node, Scalar)
    if word in values:
        return word
    kebab = word.replace("_", "-")
    for name in values:
        if name.replace("_", "-") == kebab:
            return name
    if aliases and kebab in aliases:
        return aliases[kebab]
    meant = familiar.get(kebab.lower()) if familiar else None
    r.not_one_of(what, node, word, values, meant)
    return None


def expression(r: Reporter, node: Node, what: str) -> Value | None:
    """An expression with delimiters, or a bare one without."""
    if not isinstance(node, Scalar):
        r.wrong(node.span, f"{what} is {kind_of(node)}, not an expression", "write one expression")
        return None
    if node.value is None or not node.text.strip():
        r.wrong(node.span, f"{what} is empty", "write an expression, or remove the key")
        return None
    if isinstance(node.value, bool):
        return Const(node.value, node)
    made = template(r, node)
    if made is not None:
        return made if made.holes else Const("".join(map(str, made.parts)), node)
    return TemplateValue(node, None, [parse_hole(r, bare(node))], True)


def condition(r: Reporter, node: Node, what: str) -> Value | None:
    """A boolean, or an expression with or without delimiters."""
    if not isinstance(node, Scalar):
        r.wrong(
            node.span,
            f"{what} is {kind_of(node)}, not a condition",
            "write one expression, its parts joined by `&&` or `||`",
        )
        return None
    return expression(r, node, what)


def _dynamic(r: Reporter, node: Scalar) -> TemplateValue | None:
    made = template(r, node)
    return made if made is not None and made.holes else None


def boolean(r: Reporter, node: Node, what: str) -> Value | None:
    """true, false, or an expression."""
    if isinstance(node, Scalar):
        if isinstance(node.value, bool):
            return Const(node.value, node)
        made = _dynamic(r, node)
        if made is not None:
            return made
    r.wrong(
        node.span, f"{what} is {kind_of(node)}, not true or false", f"write `true` or `false`, {_EXPRESSION}"
    )
    return None


def integer(r: Reporter, node: Node, what: str, low: int) -> Value | None:
    """An integer from `low` up, or an expression."""
    if isinstance(node, Scalar):
        number = node.value
        if isinstance(number, str) and number.isascii() and number.isdecimal() and len(number) < 19:
            number = int(number)
        if isinstance(number, int) and not isinstance(number, bool) and number >= low:
            return Const(number, node)
        made = _dynamic(r, node)
        if made is not None:
            return made
    r.wrong(
        node.span,
        f"{what} is {kind_of(node)}, not an integer from {low} up",
        f"write an integer from {low} up, {_EXPRESSION}",
    )
    return None


def duration(r: Reporter, node: Node, what: str) -> Value | None:
    """Seconds or a duration, or an expression. A constant stays as it is written; digits alone become a number."""
    if isinstance(node, Scalar):
        given = node.value
        length: float | None = None
        if isinstance(given, str):
            made = _dynamic(r, node)
            if made is not None:
                return made
            length = seconds(given)
            if length is not None and length <= _LONGEST and given.strip().isdecimal():
                given = int(length)
        elif isinstance(given, int | float) and not isinstance(given, bool):
            length = given
        if length is not None and 0 <= length <= _LONGEST:
            return Const(given.strip() if isinstance(given, str) else given, node)
    r.wrong(node.span, f"{what} is {kind_of(node)}, not a duration", f"{_DURATION}, {_EXPRESSION}")
    return None


def time_limit(r: Reporter, node: Node, what: str) -> Value | None:
    """A duration of more than nothing."""
    made = duration(r, node, what)
    if isinstance(made, Const) and seconds(str(made.value)) == 0:
        r.wrong(node.span, f"{what} is no time at all", "write a limit above 0, or remove the key")
        return None
    return made


def mapping(r: Reporter, node: Node, what: str, shape: str) -> Mapping | None:
    """A mapping; nothing at all is an empty one."""
    if isinstance(node, Mapping):
        return node
    if is_null(node):
        return Mapping(node.file, node.start, False, None, None)
    r.wrong(node.span, f"{what} is {kind_of(node)}, not a mapping", f"write `{shape}`")
    return None


def items(r: Reporter, node: Node, what: str) -> list[Item]:
    """A mapping of user-named keys to any values."""
    found = mapping(r, node, what, "name: value")
    return [] if found is None else map_value(r, found).entries


def extras(r: Reporter, node: Node) -> MapValue | None:
    """A mapping that is handed on as it is."""
    found = mapping(r, node, "`extras`", "name: value")
    return None if found is None else map_value(r, found)


def texts(r: Reporter, node: Node, what: str) -> list[Item]:
    """A mapping of user-named keys to texts: `env`."""
    found = mapping(r, node, what, "NAME: value")
    made: list[Item] = []
    for entry in found.entries if found else ():
        word = text(r, entry.value, f"`{entry.key.text}` in {what}")
        if word is not None:
            made.append(Item(entry.key.text, entry.key.span, word))
    return made


def names(r: Reporter, node: Node, what: str, wanted: str) -> list[tuple[str, Span]]:
    """One name or a list of names, without expressions, each once; nothing at all is none."""
    nodes = node.items if isinstance(node, Sequence) else [] if is_null(node) else [node]
    made: dict[str, Span] = {}
    for each in nodes:
        name = plain(r, each, what, wanted)
        if name is not None:
            made.setdefault(name, each.span)
    return list(made.items())
