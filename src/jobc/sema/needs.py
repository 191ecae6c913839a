"""`needs.x` where `x` is no need of the job: either a job that the job forgot to wait for, or no job at all."""

from __future__ import annotations

import re

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from jobc.sema.contexts import MISSING_NEED
from jobc.sema.model import WorkflowModel
from jobc.sema.nearest import MOST
from jobc.sema.respelling import respelled
from jobc.source.file import Span
from jobc.source.nodes import Entry, Scalar, Sequence
from jobc.syntax.ast import Job
from jobc.syntax.spelling import nearest

_PLAIN = r"[A-Za-z_][A-Za-z0-9_-]*"
_NOT_TEXT = ("null", "true", "false")


def unknown_read(name: str, span: Span, job: Job, model: WorkflowModel) -> Diagnostic:
    """The finding for a read of `needs.<name>` at `span` in `job`, which does not name it among its needs."""
    if name == job.id:
        return Diagnostic(
            "undefined-name",
            f"job `{name}` reads its own result",
            span,
            help="inside a job, `stages.<id>` has the results of its earlier stages and `job.status` its own",
        )
    target = model.jobs.get(name)
    if target is None:
        others = [id for id in model.jobs if id != job.id] if len(model.jobs) <= MOST else []
        near = nearest(name, others)
        known = ", ".join(f"`{need.id}`" for need in job.needs)
        return Diagnostic(
            "undefined-name",
            f"there is no job `{name}` in this workflow",
            span,
            help=f"did you mean `{near}`?" if near else f"job `{job.id}` needs {known or 'no job'}",
            fix=_rename(near, span) if near else None,
        )
    if reaches(target, job, model):
        return Diagnostic(
            MISSING_NEED,
            f"job `{job.id}` reads `needs.{name}`, but `{name}` runs after it",
            span,
            help=f"`{name}` needs `{job.id}`, directly or through others: move what is read to a job that both can need",
            related=(Label(target.id_span, f"`{name}` is defined here"),),
        )
    return Diagnostic(
        MISSING_NEED,
        f"job `{job.id}` reads `needs.{name}` but does not need `{name}`",
        span,
        help=f"add `{name}` to the `needs` of `{job.id}`: without that it is always null",
        related=(Label(target.id_span, f"`{name}` is defined here"),),
        fix=add_need(name, job),
    )


def _rename(name: str, span: Span) -> Fix | None:
    written = respelled(span.text, name)
    return None if written is None else Fix(f"write `{name}`", [Edit(span, written)], safe=False)


def yaml_word(name: str) -> str:
    """A job's id as a YAML scalar: plain where that stays a text."""
    return name if re.fullmatch(_PLAIN, name) and name.lower() not in _NOT_TEXT else _quoted(name)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def reaches(start: Job, goal: Job, model: WorkflowModel) -> bool:
    """Whether `start` waits for `goal`, directly or through other jobs."""
    if not model.cycles and model.closure.known:
        return start is goal or model.closure.has(start.id, goal.id)
    seen = {start.id}
    todo = [start]
    while todo:
        job = todo.pop()
        if job is goal:
            return True
        for need in job.needs:
            if need.id not in seen and need.id in model.jobs:
                seen.add(need.id)
                todo.append(model.jobs[need.id])
    return False


def add_need(name: str, job: Job) -> Fix | None:
    """The fix that adds a further need where `needs` stands, in the style that it is written in; None where that cannot be edited.

    Safe under `all_success` (the file could not run before, and now waits for what it reads); under another
    rule one more need changes what the rule says.
    """
    edit = _edit(yaml_word(name), job)
    if edit is None:
        return None
    return Fix(f"add `{name}` to `needs`", [edit], safe=job.trigger_rule == "all_success")


def _edit(word: str, job: Job) -> Edit | None:
    node = job.node
    if node is None or node.anchor is not None:
        return None
    own = [entry for entry in node.entries if not entry.merged]
    for entry in own:
        if entry.key.text == "needs":
            return _extend(word, entry)
    if not own or "needs" in job.keys:
        return None
    file, start = node.file, own[0].key.start
    if node.flow:
        return Edit(file.span(start, start), f"needs: [{word}], ")
    begin = file.line_starts[file.position(start)[0] - 1]
    lead = file.text[begin:start]
    if lead.strip():
        return None
    return Edit(file.span(start, start), f"needs: [{word}]\n{lead}")


def _extend(word: str, entry: Entry) -> Edit | None:
    value = entry.value
    file, text = value.file, value.file.text
    if value.anchor is not None or value.start < entry.key.start:
        return None
    if isinstance(value, Scalar):
        if value.start == value.end or value.style in ("literal", "folded"):
            return None
        if "\n" in value.text:
            return None
        plain = value.style == "plain"
        return Edit(value.span, f"[{yaml_word(value.text) if plain else value.span.text}, {word}]")
    if not isinstance(value, Sequence):
        return None
    if value.flow:
        if not value.items:
            return Edit(file.span(value.start + 1, value.start + 1), word)
        end = value.items[-1].end
        return Edit(file.span(end, end), f", {word}")
    last = value.items[-1]
    dash = text.rfind("-", 0, last.start)
    begin = file.line_starts[file.position(dash)[0] - 1]
    if not isinstance(last, Scalar) or text[begin:dash].strip():
        return None
    line = file.position(last.end)[0]
    end = file.line_starts[line - 1] + len(file.line_text(line))
    return Edit(file.span(end, end), f"\n{text[begin:dash]}- {word}")
