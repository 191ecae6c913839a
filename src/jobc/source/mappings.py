"""A mapping that has ended: duplicate keys, keys that are no scalars, and merge keys.

A merge key `<<` takes in the entries of a map, or of a list of maps. Entries of the mapping itself
win over merged ones, earlier maps of a list over later ones. Merged entries stand last and keep
their places: their keys and values are the very nodes of the map they come from.
"""

from __future__ import annotations

from jobc.source.file import Span
from jobc.source.nodes import Entry, Mapping, Node, Problem, Scalar, Sequence

# The text of a key that stands in for a key which is a map or a list.
NO_SCALAR = "\0"
# A mapping with a key of this text, or with two equal ones, must be finished.
UNUSUAL = frozenset((NO_SCALAR, "<<"))


def finish(mapping: Mapping, problems: list[Problem]) -> Node:
    """Check and complete a mapping in place; returns it, or a scalar where `{{ … }}` was meant as text."""
    for entry in mapping.entries:
        if _stands_in(entry.key):
            if mapping.flow and mapping.file.text.startswith("{{", mapping.start):
                return _text(mapping, problems)
            _report_key(entry.key, problems)
    kept = [entry for entry in mapping.entries if not _stands_in(entry.key)]
    mapping.entries = _without_duplicates(kept, problems)
    _merge(mapping, problems)
    return mapping


def _stands_in(key: Scalar) -> bool:
    return key.text == NO_SCALAR and key.style == "plain"


def _without_duplicates(entries: list[Entry], problems: list[Problem]) -> list[Entry]:
    seen: dict[str, Scalar] = {}
    kept = []
    for entry in entries:
        key = entry.key
        first = seen.get(key.text)
        if first is None:
            seen[key.text] = key
            kept.append(entry)
            continue
        if key.text == "<<":
            help = "list the maps in one merge key: `<<: [*a, *b]`"
        else:
            help = "remove one of the two, or rename it"
        problems.append(
            Problem(
                "duplicate-key",
                f"key `{key.text}` occurs twice",
                key.span,
                help,
                ((first.span, "first here"),),
            )
        )
    return kept


def _report_key(key: Scalar, problems: list[Problem]) -> None:
    what = "a list" if key.file.text.startswith(("[", "-"), key.start) else "a map"
    problems.append(
        Problem(
            "yaml-syntax", f"a key cannot be {what}", key.span, "use a text as the key, in quotes if need be"
        )
    )


def _text(mapping: Mapping, problems: list[Problem]) -> Scalar:
    """What YAML reads as a map in a map is surely an expression without quotes."""
    text = mapping.file.text[mapping.start : mapping.end]
    problems.append(
        Problem(
            "yaml-syntax",
            "a value that starts with `{{` is a map to YAML, not text",
            Span(mapping.file, mapping.start, mapping.end),
            "put the whole value in quotes; an expression is written `${{ … }}`",
        )
    )
    return Scalar(mapping.file, mapping.start, mapping.end, text, text, "plain", mapping.tag, mapping.anchor)


def _merge(mapping: Mapping, problems: list[Problem]) -> None:
    own = []
    sources: list[Mapping] = []
    for entry in mapping.entries:
        if entry.key.text != "<<" or entry.key.style != "plain" or entry.key.tag == "str":
            own.append(entry)
            continue
        value = entry.value
        for part in value.items if isinstance(value, Sequence) else [value]:
            if isinstance(part, Mapping):
                sources.append(part)
            elif not _reported(part):
                problems.append(
                    Problem(
                        "yaml-syntax",
                        "`<<` can only merge a map, or a list of maps",
                        part.span,
                        "name an anchored map: `<<: *defaults`; or quote the key if it is text",
                    )
                )
    taken = {entry.key.text for entry in own}
    for source in sources:
        for entry in source.entries:
            if entry.key.text not in taken:
                taken.add(entry.key.text)
                own.append(Entry(entry.key, entry.value, merged=True))
    mapping.entries = own


def _reported(node: Node) -> bool:
    """Whether a node stands for an alias that is a problem already."""
    return isinstance(node, Scalar) and node.style == "plain" and node.file.text.startswith("*", node.start)
