"""Workflows and their defaults (LANGUAGE §1), whatever form they were written in."""

from __future__ import annotations

from jobc.source.nodes import Entry, Mapping, Node
from jobc.syntax.ast import Defaults, Workflow
from jobc.syntax.environments import resources, runs_on
from jobc.syntax.fields import fields, spans
from jobc.syntax.jobs import jobs
from jobc.syntax.keys import DEFAULTS, WORKFLOW
from jobc.syntax.params import params, secrets
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.reuse import includes
from jobc.syntax.schedule import on
from jobc.syntax.strategy import concurrency, retry
from jobc.syntax.values import boolean, integer, items, mapping, plain, text, texts, time_limit


def workflow(r: Reporter, node: Mapping, form: str, strays: list[Entry]) -> Workflow:
    """A mapping with the keys of a workflow. `strays` are entries of it that are jobs for sure: they are built as such."""
    made = Workflow(form, node.span, node)
    kept = node
    held = [entry for entry in node.entries if is_holder(entry)]
    if strays or held:
        kept = Mapping(node.file, node.start, node.flow, None, None)
        kept.end = node.end
        kept.entries = [e for e in node.entries if not any(e is other for other in (*strays, *held))]
    found = fields(r, kept, WORKFLOW, beside=strays)
    made.keys = spans(found)
    get = found.get
    if (entry := get("name")) and not is_null(entry.value):
        made.name = plain(r, entry.value, "`name`", "the workflow's name")
        made.name_span = entry.value.span
    if (entry := get("type")) and not is_workflow_type(entry.value):
        r.wrong(
            entry.value.span,
            f"`type` of a workflow is {kind_of(entry.value)}",
            "write `Workflow`, or remove the key",
        )
    if entry := get("desc"):
        made.desc = text(r, entry.value, "`desc`")
    if entry := get("params"):
        made.params = params(r, entry.value)
    if entry := get("secrets"):
        made.secrets = secrets(r, entry.value)
    if entry := get("env"):
        made.env = texts(r, entry.value, "`env`")
    if entry := get("defaults"):
        made.defaults = _defaults(r, entry.value)
    if entry := get("on"):
        made.on = on(r, entry.value)
    if entry := get("include"):
        made.includes = includes(r, entry.value)
    if entry := get("concurrency"):
        made.concurrency = concurrency(r, entry.value)
    if entry := get("max-parallel"):
        made.max_parallel = integer(r, entry.value, "`max-parallel`", 1)
    if entry := get("timeout"):
        made.timeout = time_limit(r, entry.value, "`timeout`")
    if entry := get("outputs"):
        made.outputs = items(r, entry.value, "`outputs`")
    _jobs(r, made, found, strays)
    return made


def is_workflow_type(node: Node) -> bool:
    return getattr(node, "text", None) == "Workflow"


def is_holder(entry: Entry) -> bool:
    """A top-level `x-…` key: a place for anchors, which jobc does not read."""
    return entry.key.text.startswith("x-")


def _jobs(r: Reporter, made: Workflow, found: dict[str, Entry], strays: list[Entry]) -> None:
    entry = found.get("jobs")
    if entry is None:
        if not strays and "include" not in found:
            key = made.node.entries[0].key.span if made.node.entries else made.node.span
            r.missing(
                made.name_span or key, "this workflow has no jobs", "add `jobs:`, with each job below its id"
            )
        made.jobs = jobs(r, strays)
        return
    if not isinstance(entry.value, Mapping) and not is_null(entry.value):
        r.wrong(
            entry.value.span,
            f"`jobs` is {kind_of(entry.value)}, not a mapping",
            "write each job below its id",
        )
        return
    given = entry.value.entries if isinstance(entry.value, Mapping) else []
    if not given and not strays and "include" not in found:
        r.nothing(
            entry.key.span, "`jobs` has nothing in it", "write each job below its id: `build: {stages: […]}`"
        )
    made.jobs = jobs(r, given + strays)


def _defaults(r: Reporter, node: Node) -> Defaults | None:
    given = mapping(r, node, "`defaults`", "timeout: 15m")
    if given is None:
        return None
    found = fields(r, given, DEFAULTS)
    made = Defaults(node.span)
    get = found.get
    if entry := get("runs-on"):
        made.runs_on = runs_on(r, entry.value)
    if entry := get("timeout"):
        made.timeout = time_limit(r, entry.value, "`timeout`")
    if entry := get("retry"):
        made.retry = retry(r, entry.value)
    if entry := get("shell"):
        made.shell = text(r, entry.value, "`shell`")
    if entry := get("resources"):
        made.resources = resources(r, entry.value)
    if entry := get("continue-on-error"):
        made.continue_on_error = boolean(r, entry.value, "`continue-on-error`")
    return made
