"""The entries of a mapping by canonical key: both spellings, `if` and the like, unknown keys, keys given twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Fix
from jobc.source.file import Span
from jobc.source.nodes import Entry, Mapping, Node
from jobc.syntax.keys import FAMILIAR_KEYS, Table
from jobc.syntax.reporter import Reporter, clip
from jobc.syntax.spelling import near, nearest


def fields(r: Reporter, node: Mapping, table: Table, beside: Iterable[Entry] = ()) -> dict[str, Entry]:
    """Canonical key -> entry, in file order. The first of two equal keys counts, and an explicit one before a merged one.

    `beside` are entries that stand in the same mapping and are read otherwise: no unknown key is to get the name of one.
    """
    found: dict[str, Entry] = {}
    unknown: list[Entry] = []
    spellings = table.spellings
    for entry in node.entries:
        key = spellings.get(entry.key.text)
        if key is None:
            unknown.append(entry)
            continue
        first = found.setdefault(key.name, entry)
        if first is not entry and not entry.merged:
            one, two = first.key.text, entry.key.text
            r.duplicate(
                entry.key.span,
                f"`{two}` is the same key as `{one}`, which {table.node} has already",
                f"remove one of them; `{key.name}` is the canonical spelling",
                first.key.span,
            )
    for entry in unknown:
        unknown_key(r, entry, table, found, taken=[other.key.text for other in beside])
    return found


def spans(found: dict[str, Entry]) -> dict[str, Span]:
    """Canonical key -> where the key itself stands."""
    return {name: entry.key.span for name, entry in found.items()}


def node_of(found: dict[str, Entry], key: str) -> Node | None:
    entry = found.get(key)
    return None if entry is None else entry.value


def require(
    r: Reporter, found: dict[str, Entry], table: Table, span: Span, node: str, keys: Iterable[str] = ()
) -> None:
    """Report each required key that is not there, at `span`; `node` says of what."""
    for key in table.keys:
        if key.required and key.name not in found and (not keys or key.name in keys):
            r.missing(
                span,
                f"{node} needs `{key.name}`",
                f"add `{key.name}:`: {key.doc[0].lower()}{key.doc[1:].rstrip('.')}",
            )


def unknown_key(
    r: Reporter,
    entry: Entry,
    table: Table,
    found: dict[str, Entry],
    otherwise: str = "",
    taken: Sequence[str] = (),
) -> None:
    """Report a key that the table does not have. Where one key was surely meant, `found` has it from here on,
    so that what hangs on it is not reported too. `otherwise` is the remedy where no key is near; keys
    `taken` are there already."""
    name = entry.key.text
    close = {table.spellings[spelling].name for spelling in near(name, table.spellings)}
    meant = close.pop() if len(close) == 1 else None
    familiar = FAMILIAR_KEYS.get(nearest(name, FAMILIAR_KEYS) or "")
    fix = None
    if meant is not None:
        help = f"did you mean `{meant}`?"
        if meant not in found and meant not in taken and not entry.merged:
            fix = Fix(f"write `{meant}`", [Edit(entry.key.span, meant)], safe=True)
            found[meant] = entry
    elif close:
        help = "did you mean " + " or ".join(f"`{key}`" for key in sorted(close)) + "?"
    elif familiar in table.spellings:
        help = f"did you mean `{familiar}`?"
    elif otherwise:
        help = otherwise
    else:
        listed = ", ".join(f"`{key.name}`" for key in table.keys)
        help = f"its keys are {listed}" if listed else "remove it"
    message = f"{table.node} has no key `{clip(name)}`"
    r.add(Diagnostic("unknown-key", message, entry.key.span, help=help, fix=fix))
