"""`runs-on` and `resources`: where a job runs, and what it needs there (LANGUAGE §2).

The type may be an expression, which is evaluated for each combination; then an argument may be one of any environment, and only
those of the one that comes out are used. An environment that a package adds takes any argument: it knows them itself.
"""

from __future__ import annotations

from jobc.ir.environments import ALIASES, canonical
from jobc.source.nodes import Entry, Mapping, Node, Scalar
from jobc.syntax.ast import Item, MapValue, RunsOn, TemplateValue, Value
from jobc.syntax.fields import fields, require
from jobc.syntax.keys import (
    ANY_ARGS,
    ENVIRONMENT_ARGS,
    ENVIRONMENTS,
    RESOURCES,
    RUNS_ON,
    Key,
)
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.values import boolean, integer, map_value, mapping, one_of, template, text, texts, value


def runs_on(r: Reporter, node: Node) -> RunsOn | None:
    """A bare word, or a mapping with the arguments beside `type` or under `args`; arguments come out in snake_case."""
    if not isinstance(node, Mapping):
        if not isinstance(node, Scalar) or is_null(node):
            r.wrong(
                node.span, f"`runs-on` is {kind_of(node)}", "write `local`, or `{type: docker, image: …}`"
            )
            return None
        choice = _choice(r, node)
        if choice is not None:
            return RunsOn("", node.span, [], node.span, choice)
        type = _type(r, node, "`runs-on`")
        if type is None:
            return None
        _require(r, type, node, {})
        return RunsOn(type, node.span, [], node.span)
    given: dict[str, Entry] = {}
    beside: list[Entry] = []
    for entry in node.entries:
        if entry.key.text in RUNS_ON.spellings:
            given[entry.key.text] = entry
        else:
            beside.append(entry)
    if "type" not in given:
        require(r, given, RUNS_ON, node.span, "`runs-on`")
        return None
    type_node = given["type"].value
    choice = _choice(r, type_node)
    type = "" if choice is not None else _type(r, type_node, "`type`")
    if type is None:
        return None
    if "args" in given and (under := mapping(r, given["args"].value, "`args`", "name: value")):
        beside += under.entries
    return RunsOn(type, type_node.span, _args(r, type, node, type_node, beside), node.span, choice)


def _choice(r: Reporter, node: Node) -> TemplateValue | None:
    """The type of an environment, where it is an expression."""
    made = template(r, node) if isinstance(node, Scalar) else None
    return made if made is not None and made.holes else None


def _type(r: Reporter, node: Node, what: str) -> str | None:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        name = canonical(node.value)
        if name not in ENVIRONMENTS and is_installed(name):
            return name
    return one_of(r, node, what, ENVIRONMENTS, ALIASES)


def is_installed(type: str) -> bool:
    """Whether a package adds an environment of this type. Takes some time: only for what is none of jobc's own."""
    return type in _installed()


def _installed() -> set[str]:
    from importlib.metadata import entry_points

    return {canonical(point.name) for point in entry_points(group="jobc.backends")}


def _args(r: Reporter, type: str, node: Mapping, type_node: Node, entries: list[Entry]) -> list[Item]:
    if type and type not in ENVIRONMENT_ARGS:
        return _free(r, entries)
    table = ENVIRONMENT_ARGS[type] if type else ANY_ARGS
    others: list[Entry] = []
    if not type:
        spellings = {spelling for key in table.keys for spelling in key.spellings}
        others = [entry for entry in entries if entry.key.text not in spellings]
        if others and _installed():
            entries = [entry for entry in entries if entry not in others]
        else:
            others = []
    arguments = Mapping(node.file, node.start, False, None, None)
    arguments.end = node.end
    arguments.entries = entries
    found = fields(r, arguments, table)
    if type:
        _require(r, type, type_node, found)
    made: list[Item] = []
    for key in table.keys:
        if key.name in found:
            entry = found[key.name]
            given = argument(r, key, entry.value)
            if given is not None:
                made.append(Item(_snake(key.name), entry.key.span, given))
    return made + _free(r, others)


def _free(r: Reporter, entries: list[Entry]) -> list[Item]:
    """Arguments of an environment that only its package knows."""
    return [Item(_snake(entry.key.text), entry.key.span, value(r, entry.value)) for entry in entries]


def _snake(name: str) -> str:
    return name.replace("-", "_")


def _require(r: Reporter, type: str, node: Node, found: dict[str, Entry]) -> None:
    table = ENVIRONMENT_ARGS.get(type)
    if table is None:
        return
    absent = [key.name for key in table.keys if key.required and key.name not in found]
    if absent:
        listed = ", ".join(f"`{name}`" for name in absent)
        example = ", ".join(f"{name}: …" for name in absent)
        r.missing(node.span, f"`{type}` needs {listed}", f"write `{{type: {type}, {example}}}`")


def argument(r: Reporter, key: Key, node: Node) -> Value | None:
    """The value of one argument of an environment, in the shape that its key has."""
    what = f"`{key.name}`"
    if key.shape == "text":
        return text(r, node, what)
    if key.shape == "bool":
        return boolean(r, node, what)
    if key.shape == "int":
        return integer(r, node, what, 1)
    if key.shape == "texts":
        found = mapping(r, node, what, "NAME: value")
        return None if found is None else MapValue(texts(r, found, what), found)
    if key.shape == "map":
        found = mapping(r, node, what, "name: value")
        return None if found is None else map_value(r, found)
    if key.shape == "resources":
        return resources(r, node)
    return value(r, node)


def resources(r: Reporter, node: Node) -> MapValue | None:
    """`{cpu, memory, gpu, disk}`, each a number or a text with its unit."""
    found = mapping(r, node, "`resources`", "cpu: 2")
    if found is None:
        return None
    made: list[Item] = []
    for name, entry in fields(r, found, RESOURCES).items():
        if not isinstance(entry.value, Scalar) or is_null(entry.value) or isinstance(entry.value.value, bool):
            r.wrong(
                entry.value.span,
                f"`{name}` is {kind_of(entry.value)}, not an amount",
                "write a number, or `512M` or `4G`",
            )
        else:
            made.append(Item(name, entry.key.span, value(r, entry.value)))
    return MapValue(made, found)
