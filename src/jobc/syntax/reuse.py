"""`include`, `extends` and `uses: path#job`: references to other files (LANGUAGE §1). `sema.includes` follows them."""

from __future__ import annotations

from jobc.source.nodes import Entry, Mapping, Node, Sequence
from jobc.syntax.ast import Item, Reuse
from jobc.syntax.fields import fields, node_of, require
from jobc.syntax.keys import INCLUDE
from jobc.syntax.reporter import Reporter
from jobc.syntax.values import items, plain


def is_path(text: str) -> bool:
    """Whether a `uses` names a job of a file, not a function: it holds `#`, or ends with .yml or .yaml."""
    return "#" in text or text.endswith((".yml", ".yaml"))


def includes(r: Reporter, node: Node) -> list[Reuse]:
    """A path, `{path, with}`, or a list of them."""
    made: list[Reuse] = []
    for item in node.items if isinstance(node, Sequence) else [node]:
        with_: list[Item] = []
        path_node: Node | None = item
        if isinstance(item, Mapping):
            found = fields(r, item, INCLUDE)
            require(r, found, INCLUDE, item.span, "an include")
            path_node = node_of(found, "path")
            with_ = arguments(r, found)
        if path_node is None:
            continue
        path = plain(r, path_node, "`include`", "a path, such as `common.yml`")
        if path is not None:
            file, _, id = path.partition("#")
            if file:
                made.append(Reuse(file, id or None, path_node.span, with_))
            else:
                r.wrong(path_node.span, "`include` names no file", "write a path, such as `common.yml`")
    return made


def reuse(r: Reporter, node: Node, what: str, with_: list[Item]) -> Reuse | None:
    """`path#job`, or `job` or `#job` of this file."""
    text = plain(r, node, what, "a job, such as `common.yml#build`")
    if text is None:
        return None
    path, mark, id = text.partition("#")
    if not mark and not is_path(text):
        path, id = "", text
    if not id:
        r.wrong(node.span, f"{what} names no job of `{path}`", f"write `{path}#` and the job's id")
        return None
    return Reuse(path or None, id, node.span, with_)


def arguments(r: Reporter, found: dict[str, Entry]) -> list[Item]:
    """The `with:` beside it."""
    entry = found.get("with")
    return [] if entry is None else items(r, entry.value, "`with`")
