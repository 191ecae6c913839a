"""Jobs (LANGUAGE §2)."""

from __future__ import annotations

from jobc.source.file import Span
from jobc.source.nodes import Entry, Mapping, Node
from jobc.syntax.ast import Job, Need
from jobc.syntax.environments import resources, runs_on
from jobc.syntax.fields import fields, spans
from jobc.syntax.keys import JOB, TRIGGER_RULES
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.reuse import arguments, reuse
from jobc.syntax.stages import stages
from jobc.syntax.strategy import concurrency, retry, strategy
from jobc.syntax.values import (
    boolean,
    condition,
    extras,
    items,
    literal,
    names,
    one_of,
    plain,
    text,
    texts,
    time_limit,
)


def jobs(r: Reporter, entries: list[Entry]) -> list[Job]:
    """The jobs of a workflow, in file order. That ids are unique is seen once includes are resolved."""
    return [job for entry in entries if (job := _job(r, entry)) is not None]


def _job(r: Reporter, entry: Entry) -> Job | None:
    id = literal(r, entry.key, "a job's id")
    if id is None:
        return None
    if not id.strip():
        r.wrong(entry.key.span, "a job's id is empty", "name the job")
        return None
    node = entry.value
    if not isinstance(node, Mapping):
        help = "write its keys below it, `stages:` among them"
        if is_null(node):
            r.nothing(entry.key.span, f"the job `{id}` has nothing in it", help)
        else:
            r.wrong(node.span, f"the job `{id}` is {kind_of(node)}, not a mapping", help)
        return Job(id, entry.key.span, entry.key.span, None)
    job = Job(id, entry.key.span, Span(entry.key.file, entry.key.start, node.end), node)
    if node.file is not entry.key.file or node.end < entry.key.start or node.start < entry.key.start:
        job.span = node.span
    _fill(r, job, node)
    return job


def _fill(r: Reporter, job: Job, node: Mapping) -> None:
    found = fields(r, node, JOB)
    job.keys = spans(found)
    get = found.get
    if entry := get("id"):
        id = plain(r, entry.value, "`id`", "the job's id")
        if id is not None:
            job.id, job.id_span = id, entry.value.span
    if entry := get("desc"):
        job.desc = text(r, entry.value, "`desc`")
    if entry := get("runs-on"):
        job.runs_on = runs_on(r, entry.value)
    if entry := get("condition"):
        job.condition = condition(r, entry.value, f"`{entry.key.text}`")
    if entry := get("needs"):
        job.needs = _needs(r, entry.value)
    if entry := get("trigger-rule"):
        rule = one_of(r, entry.value, "`trigger-rule`", TRIGGER_RULES)
        if rule is not None:
            job.trigger_rule, job.trigger_rule_span = rule, entry.value.span
    if entry := get("strategy"):
        job.strategy = strategy(r, entry.value)
    if entry := get("stages"):
        job.stages = stages(r, entry.value, "`stages`")
    if entry := get("outputs"):
        job.outputs = items(r, entry.value, "`outputs`")
    if entry := get("cache"):
        from jobc.syntax.files import cache

        job.cache = cache(r, entry.value)
    if entry := get("artifacts"):
        from jobc.syntax.files import artifacts

        job.artifacts = artifacts(r, entry.value, job.id)
    if entry := get("env"):
        job.env = texts(r, entry.value, "`env`")
    if entry := get("timeout"):
        job.timeout = time_limit(r, entry.value, "`timeout`")
    if entry := get("retry"):
        job.retry = retry(r, entry.value)
    if entry := get("continue-on-error"):
        job.continue_on_error = boolean(r, entry.value, "`continue-on-error`")
    if entry := get("concurrency"):
        job.concurrency = concurrency(r, entry.value)
    if entry := get("resources"):
        job.resources = resources(r, entry.value)
    if entry := get("extras"):
        job.extras = extras(r, entry.value)
    _reuse(r, job, found)


def _needs(r: Reporter, node: Node) -> list[Need]:
    if isinstance(node, Mapping):
        r.wrong(node.span, "`needs` is a mapping, not a list of jobs", "write `[a, b]`")
        return []
    return [Need(id, span) for id, span in names(r, node, "`needs`", "a job's id")]


def _reuse(r: Reporter, job: Job, found: dict[str, Entry]) -> None:
    uses, extends, given = found.get("uses"), found.get("extends"), found.get("with")
    if given and not uses and not extends:
        r.missing(
            given.key.span,
            f"the job `{job.id}` has `with` but nothing to give it to",
            "add `uses: path#job`, or remove `with`",
        )
    if uses:
        with_ = arguments(r, found)
        job.uses = reuse(r, uses.value, "`uses`", with_)
        if stages_entry := found.get("stages"):
            r.wrong(
                stages_entry.key.span,
                f"the job `{job.id}` has both `uses` and `stages`",
                "keep one of them; with `extends` instead of `uses`, you can replace the stages",
            )
    if extends and uses:
        r.wrong(
            extends.key.span,
            f"the job `{job.id}` has both `uses` and `extends`",
            "keep one of them: with `uses` this job is that one, with `extends` it takes what it lacks",
        )
    elif extends:
        job.extends = reuse(r, extends.value, "`extends`", arguments(r, found))
