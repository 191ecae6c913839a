"""`runs-on` and `resources`: where a job runs, and what it needs there (LANGUAGE §2)."""

from __future__ import annotations

from jobc.source.nodes import Entry, Mapping, Node, Scalar
from jobc.syntax.ast import Item, MapValue, RunsOn, Value
from jobc.syntax.fields import fields, require
from jobc.syntax.keys import ENVIRONMENT_ALIASES, ENVIRONMENT_ARGS, ENVIRONMENTS, RESOURCES, RUNS_ON, Key
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.values import boolean, integer, map_value, mapping, one_of, text, texts, value


def runs_on(r: Reporter, node: Node) -> RunsOn | None:
    """A bare word, or a mapping with the arguments beside `type` or under `args`; arguments come out in snake_case."""
    if not isinstance(node, Mapping):
        if not isinstance(node, Scalar) or is_null(node):
            r.wrong(
                node.span, f"`runs-on` is {kind_of(node)}", "write `local`, or `{type: docker, image: …}`"
            )
            return None
        type = one_of(r, node, "`runs-on`", ENVIRONMENTS, ENVIRONMENT_ALIASES)
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
    type = one_of(r, type_node, "`type`", ENVIRONMENTS, ENVIRONMENT_ALIASES)
    if type is None:
        return None
    if "args" in given and (under := mapping(r, given["args"].value, "`args`", "name: value")):
        beside += under.entries
    return RunsOn(type, type_node.span, _args(r, type, node, type_node, beside), node.span)


def _args(r: Reporter, type: str, node: Mapping, type_node: Node, entries: list[Entry]) -> list[Item]:
    table = ENVIRONMENT_ARGS[type]
    arguments = Mapping(node.file, node.start, False, None, None)
    arguments.end = node.end
    arguments.entries = entries
    found = fields(r, arguments, table)
    _require(r, type, type_node, found)
    made: list[Item] = []
    for key in table.keys:
        if key.name in found:
            entry = found[key.name]
            given = argument(r, key, entry.value)
            if given is not None:
                made.append(Item(key.name.replace("-", "_"), entry.key.span, given))
    return made


def _require(r: Reporter, type: str, node: Node, found: dict[str, Entry]) -> None:
    table = ENVIRONMENT_ARGS[type]
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
