"""`cache` and `artifacts` of a job. What is wrong with a path that is written out is said here."""

from __future__ import annotations

from jobc.ir.paths import refusal
from jobc.source.file import Span
from jobc.source.nodes import Mapping, Node, Scalar, Sequence
from jobc.syntax.ast import Const, TemplateValue, Value
from jobc.syntax.fields import fields, node_of, require
from jobc.syntax.file_nodes import Artifacts, Cache, Placed, Published
from jobc.syntax.keys import ARTIFACTS, CACHE, IF_MISSING, PLACED, PUBLISH_WHEN, PUBLISHED
from jobc.syntax.reporter import Reporter, clip, is_null, kind_of
from jobc.syntax.values import boolean, literal, one_of, text, value

_PATHS = "write a path or a glob, such as `data/*.csv`, or a list of them"


def cache(r: Reporter, node: Node) -> Cache | None:
    """`true` (what the job hands on as outputs is kept, no files), `false`, or a mapping."""
    made = Cache(node.span)
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        made.enabled = node.value
        return made
    if not isinstance(node, Mapping):
        r.wrong(
            node.span,
            f"`cache` is {kind_of(node)}, not a mapping",
            "write `{inputs: [data/*.csv], outputs: [out/**]}`, or `true` for a job without files",
        )
        return None
    found = fields(r, node, CACHE)
    if (given := node_of(found, "key")) is not None:
        made.key = value(r, given)
    if (given := node_of(found, "inputs")) is not None:
        made.inputs = paths(r, given, "`inputs`")
    if (given := node_of(found, "outputs")) is not None:
        made.outputs = paths(r, given, "`outputs`")
    return made


def artifacts(r: Reporter, node: Node, job: str) -> Artifacts | None:
    """`job` is the name of an artifact that has none of its own."""
    if not isinstance(node, Mapping):
        r.wrong(
            node.span,
            f"`artifacts` is {kind_of(node)}, not a mapping",
            "write `{out: [dist/**]}` to publish files, `{in: [build]}` to start with those of a job",
        )
        return None
    found = fields(r, node, ARTIFACTS)
    made = Artifacts(node.span)
    if (given := node_of(found, "out")) is not None:
        made.out = _published(r, given, job, found["out"].key.span)
    if (given := node_of(found, "in")) is not None:
        made.given = _placed(r, given)
    return made


def paths(r: Reporter, node: Node, what: str) -> list[Value]:
    """One path or a list of them; nothing at all is none."""
    made: list[Value] = []
    for each in node.items if isinstance(node, Sequence) else [] if is_null(node) else [node]:
        if not isinstance(each, Scalar):
            r.wrong(each.span, f"an entry of {what} is {kind_of(each)}, not a path", _PATHS)
            continue
        found = text(r, each, f"an entry of {what}")
        if found is not None and _stays_inside(r, found, what):
            made.append(found)
    return made


def _stays_inside(r: Reporter, found: Const | TemplateValue, what: str) -> bool:
    """Reports a path that leads out of the work folder, as far as it is written out."""
    if isinstance(found, Const):
        written = str(found.value)
    else:
        written = "".join(part if isinstance(part, str) else "x" for part in found.parts)
    problem = refusal(written[written.startswith("!") :])
    if problem is None:
        return True
    finding, remedy = problem
    r.wrong(found.span, f"a path in {what} {finding}", remedy)
    return False


def _published(r: Reporter, node: Node, job: str, key: Span) -> list[Published]:
    if not isinstance(node, Mapping):
        only = Published(job, key)
        only.paths = paths(r, node, "`out`")
        nothing = is_null(node) or (isinstance(node, Sequence) and not node.items)
        return [] if nothing else [only]
    made: list[Published] = []
    for entry in node.entries:
        name = _name(r, entry.key, "an artifact's name")
        if name is None:
            continue
        one = Published(name, entry.key.span)
        if isinstance(entry.value, Mapping):
            found = fields(r, entry.value, PUBLISHED)
            require(r, found, PUBLISHED, entry.key.span, f"the artifact `{name}`")
            if (given := node_of(found, "paths")) is not None:
                one.paths = paths(r, given, "`paths`")
            if (given := node_of(found, "when")) is not None:
                one.when = one_of(r, given, "`when`", PUBLISH_WHEN) or one.when
            if (given := node_of(found, "if-missing")) is not None:
                one.if_missing = one_of(r, given, "`if-missing`", IF_MISSING) or one.if_missing
        else:
            one.paths = paths(r, entry.value, f"`{name}`")
        if not one.paths and is_null(entry.value):
            r.nothing(entry.key.span, f"the artifact `{name}` has no paths", _PATHS)
        made.append(one)
    return made


def _placed(r: Reporter, node: Node) -> list[Placed]:
    if not isinstance(node, Mapping):
        made: list[Placed] = []
        for each in node.items if isinstance(node, Sequence) else [] if is_null(node) else [node]:
            if not isinstance(each, Scalar):
                r.wrong(
                    each.span,
                    f"an entry of `in` is {kind_of(each)}, not a name",
                    "write the name of a job or of an artifact; `{name: folder}` says where to place it",
                )
                continue
            name = _name(r, each, "an entry of `in`", qualified=True)
            if name is not None:
                made.append(Placed(name, each.span))
        return made
    made = []
    for entry in node.entries:
        name = _name(r, entry.key, "an entry of `in`", qualified=True)
        if name is None:
            continue
        one = Placed(name, entry.key.span)
        made.append(one)
        folder: Node | None = entry.value
        if isinstance(entry.value, Mapping):
            found = fields(r, entry.value, PLACED)
            folder = node_of(found, "path")
            if (given := node_of(found, "per-combination")) is not None:
                one.per_combination = boolean(r, given, "`per-combination`")
            if (given := node_of(found, "if-missing")) is not None:
                one.if_missing = one_of(r, given, "`if-missing`", IF_MISSING) or one.if_missing
        if folder is not None and not is_null(folder):
            path = text(r, folder, f"the folder of `{name}`")
            if path is not None and _stays_inside(r, path, "`in`"):
                one.path = path
    return made


def _name(r: Reporter, node: Scalar, what: str, *, qualified: bool = False) -> str | None:
    name = literal(r, node, what)
    if name is None:
        return None
    if not name.strip() or name in (".", "..") or (not qualified and "/" in name) or "\0" in name:
        r.wrong(
            node.span,
            f"{what} cannot be `{clip(name)}`",
            "write a name without `/`" if not qualified else "name a job, an artifact, or `job/artifact`",
        )
        return None
    return name
