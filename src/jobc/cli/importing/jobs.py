"""Jobs: their keys, and what translated references ask them to declare."""

from __future__ import annotations

from jobc.cli.importing.draft import Draft, entry_of, text_of
from jobc.cli.importing.environments import carry_over_environment
from jobc.cli.importing.guards import carry_over_condition
from jobc.cli.importing.item import ATTENTION, CHANGED, DROPPED
from jobc.cli.importing.outline import JobOutline
from jobc.cli.importing.place import Place
from jobc.cli.importing.retries import carry_over_retry
from jobc.cli.importing.scalars import emit
from jobc.cli.importing.stages import carry_over_stages, stop_before
from jobc.cli.importing.templates import translate_values
from jobc.source.nodes import Entry, Mapping, Sequence

_KEYS = (
    "id",
    "desc",
    "runs-on",
    "if",
    "condition",
    "stages",
    "retry",
    "trigger-rule",
    "needs",
    "strategy",
    "extras",
)
_IGNORED = {"runs_on": "runs-on", "trigger_rule": "trigger-rule"}


def carry_over_job(job: JobOutline, place: Place) -> None:
    node, draft = job.node, place.draft
    if not draft.first_visit(node):
        return
    for entry in [*node.entries]:
        name = entry.key.text
        if entry.merged:
            continue
        if name in ("if", "condition"):
            if name == "condition":
                draft.say(
                    ATTENTION,
                    entry.key.span,
                    "`condition` was ignored there, only `if` was read",
                    help="decide whether it is to count: it does now",
                )
            carry_over_condition(node, entry, place)
        elif name == "retry":
            carry_over_retry(entry, draft)
        elif name == "runs-on":
            carry_over_environment(entry, place)
        elif name == "strategy":
            _strategy(entry, place)
        elif name == "trigger-rule":
            _rule(job, entry, draft)
        elif name in _IGNORED:
            draft.comment_out(node, entry)
            draft.say(
                CHANGED,
                draft.span(entry),
                f"`{name}` was ignored there: the key that it read is `{_IGNORED[name]}`",
            )
        elif name not in _KEYS:
            draft.comment_out(node, entry)
            draft.say(
                DROPPED, draft.span(entry), f"a job had no key `{name}` there", help="check what it was for"
            )
    stages = node.get("stages")
    if isinstance(stages, Sequence) and stages.items:
        stop_before(stages, stages.items[0], place)
    carry_over_stages(stages, place)


def declare(job: JobOutline, draft: Draft) -> None:
    """Write the needs and outputs that references of other jobs ask for."""
    if not job.outputs and not job.added_needs:
        return
    before = entry_of(job.node, "stages") or job.node.entries[0]
    lines: list[str] = []
    if job.added_needs:
        _needs(job, before, lines, draft)
    if job.outputs:
        flow = job.node.flow
        if flow:
            inside = ", ".join(
                f"{name}: {emit(f'${{{{ {text} }}}}', flow=True)}" for name, text in job.outputs.items()
            )
            lines.append(f"outputs: {{{inside}}}")
        else:
            lines.append("outputs:")
            lines += [f"  {name}: {emit(f'${{{{ {text} }}}}')}" for name, text in job.outputs.items()]
        shown = ", ".join(f"{name}: {text}" for name, text in job.outputs.items())
        draft.say(
            CHANGED,
            before.key.span,
            f"job `{job.id}` declares the outputs that other jobs read",
            was="",
            now=f"outputs: {shown}",
        )
    if lines:
        draft.add_before(job.node, before, lines)


def _needs(job: JobOutline, before: Entry, lines: list[str], draft: Draft) -> None:
    needs = entry_of(job.node, "needs")
    added = ", ".join(job.added_needs)
    if needs is None:
        lines.append(f"needs: [{added}]")
    elif isinstance(needs.value, Sequence):
        if needs.value.items or needs.value.flow:
            for name in job.added_needs:
                draft.add_item(needs.value, name)
    else:
        old = text_of(needs.value)
        draft.replace(
            needs.value.start, needs.value.end, f"[{emit(old, flow=True)}, {added}]" if old else f"[{added}]"
        )
    rule = text_of(job.node.get("trigger-rule")) or "all_success"
    draft.say(
        CHANGED if rule == "all_success" else ATTENTION,
        draft.span(needs) if needs else before.key.span,
        f"job `{job.id}` reads results of {', '.join(f'`{n}`' for n in job.added_needs)}, so it must need"
        f" {'it' if len(job.added_needs) == 1 else 'them'}",
        was=None if needs else "",
        now=f"needs: [{', '.join([*job.needs, *job.added_needs])}]",
        help="" if rule == "all_success" else f"check that the rule `{rule}` is right with the new needs",
    )


def _rule(job: JobOutline, entry: Entry, draft: Draft) -> None:
    rule = text_of(entry.value) or ""
    if rule in ("one_success", "one_failed") and len(job.needs) > 1:
        word = "success" if rule == "one_success" else "failure"
        draft.say(
            ATTENTION,
            draft.span(entry),
            f"`{rule}` held there with exactly one {word}; here it holds with at least one",
            now=draft.span(entry).text,
            help="nothing where you meant at least one; else test the results in a `condition`",
        )
    elif rule not in ("all_success", "all_done"):
        draft.say(
            CHANGED,
            draft.span(entry),
            "where the rule does not hold, the whole workflow failed there; here the job is skipped",
            now=draft.span(entry).text,
            help="mark a job whose failure is expected with `continue-on-error: true`, or the run ends `failed`"
            if "failed" in rule and rule != "none_failed"
            else "",
        )


def _strategy(entry: Entry, place: Place) -> None:
    node, draft = entry.value, place.draft
    if not isinstance(node, Mapping) or not draft.first_visit(node) or not node.entries:
        return
    for other in [*node.entries]:
        name = other.key.text
        if name in ("max_parallel", "fail_fast"):
            draft.comment_out(node, other)
            draft.say(
                CHANGED,
                draft.span(other),
                f"`{name}` was ignored there: the key is `{name.replace('_', '-')}`",
            )
        elif name not in ("matrix", "include", "exclude", "max-parallel", "fail-fast"):
            draft.comment_out(node, other)
            draft.say(
                DROPPED, draft.span(other), f"a strategy has no key `{name}`", help="check what it was for"
            )
        else:
            translate_values(other.value, place, flow=node.flow)
    if not entry_of(node, "max-parallel"):
        draft.add_before(node, node.entries[0], ["max-parallel: 1"])
        draft.say(
            CHANGED,
            entry.key.span,
            "combinations run one after the other unless `max-parallel` says otherwise; here it is written down",
            was="",
            now="max-parallel: 1",
        )
