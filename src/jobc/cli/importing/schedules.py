"""`on`: schedules. The original takes a list, one schedule, names of schedules that stand elsewhere, or an event.

Its `interval` form is rewritten as the cron expression that it stands for (the original swaps hour and minute there).
"""

from __future__ import annotations

import re

from jobc.cli.importing.draft import Draft, entry_of, text_of
from jobc.cli.importing.item import ATTENTION, CHANGED, DROPPED
from jobc.cli.importing.scalars import emit
from jobc.source.nodes import Entry, Mapping, Node, Scalar, Sequence

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def carry_over_on(workflow: Mapping, entry: Entry, draft: Draft, documents: dict[str, Mapping]) -> None:
    """`documents` are the named documents of the file: a schedule may be one of type `Crontab`."""
    value = entry.value
    if isinstance(value, Mapping) and entry_of(value, "schedule", "release"):
        release = entry_of(value, "release")
        if release:
            draft.comment_out(value, release)
            draft.say(
                DROPPED,
                draft.span(release),
                "a workflow does not start because another one was released",
                help="start it from the other workflow with a `trigger` stage",
            )
        schedule = entry_of(value, "schedule")
        items = schedule.value if schedule else None
        for item in items.items if isinstance(items, Sequence) else []:
            _schedule(item, draft, documents, flow=value.flow)
        return
    if isinstance(value, Sequence):
        unknown = [item for item in value.items if isinstance(item, Scalar) and item.text not in documents]
        if unknown:
            for name in unknown:
                _named(name, draft, documents)
            draft.comment_out(workflow, entry)
            return
        _under_schedule(entry, value, draft)
        for item in value.items:
            _schedule(item, draft, documents, flow=value.flow)
    elif isinstance(value, Mapping):
        if value.flow:
            draft.insert(value.start, "{schedule: ")
            draft.insert(value.end, "}")
        else:
            margin = " " * (draft.column(value.start) - 1)
            first = draft.file.text.rfind("\n", 0, value.start) + 1
            draft.insert(first, f"{margin}schedule:\n")
            _indent(value.start, value.end, draft)
        draft.say(CHANGED, entry.key.span, "schedules stand below `on.schedule`", now="on.schedule")
        _schedule(value, draft, documents, flow=value.flow)
    elif isinstance(value, Scalar) and value.text:
        made = _named(value, draft, documents)
        if made is None:
            draft.comment_out(workflow, entry)
        else:
            draft.replace(value.start, value.end, f"{{schedule: {made}}}")


def _under_schedule(entry: Entry, value: Sequence, draft: Draft) -> None:
    if value.flow:
        draft.insert(value.start, "{schedule: ")
        draft.insert(value.end, "}")
    elif value.items:
        key = draft.column(entry.key.start)
        margin = " " * (key + 1)
        first = draft.file.text.find("\n", entry.key.end) + 1
        draft.insert(first, f"{margin}schedule:\n")
        start = draft.file.text.rfind("-", 0, value.items[0].start)
        if draft.column(start) < key + 2:
            _indent(start, value.end, draft)
    draft.say(CHANGED, entry.key.span, "schedules stand below `on.schedule`", now="on.schedule")


def _indent(start: int, end: int, draft: Draft) -> None:
    """Move the lines of a block two columns in."""
    file = draft.file
    for line in range(file.position(start)[0], file.position(max(start, end - 1))[0] + 1):
        if file.line_text(line).strip():
            draft.insert(file.line_starts[line - 1], "  ")


def _schedule(item: Node, draft: Draft, documents: dict[str, Mapping], *, flow: bool) -> None:
    if isinstance(item, Scalar):
        made = _named(item, draft, documents)
        if made is not None:
            draft.replace(item.start, item.end, made)
        return
    if not isinstance(item, Mapping):
        return
    for entry in item.entries:
        name = entry.key.text
        if name == "cronjob":
            draft.rename(item, entry, "cron")
            draft.say(CHANGED, entry.key.span, "`cronjob` is `cron`", now="cron")
            if isinstance(entry.value, Scalar):
                _cron(entry.value, draft, flow or item.flow)
        elif name == "tz":
            draft.rename(item, entry, "timezone")
            draft.say(CHANGED, entry.key.span, "`tz` is `timezone`", now="timezone")
        elif name == "interval":
            _interval(item, entry, draft)
        elif name not in ("timezone", "day", "time"):
            draft.comment_out(item, entry)
            draft.say(
                DROPPED, draft.span(entry), f"a schedule has no key `{name}`", help="check what it was for"
            )
    if not entry_of(item, "interval"):
        return
    for entry in item.entries:
        if entry.key.text in ("day", "time"):
            draft.comment_out(item, entry)


def _cron(scalar: Scalar, draft: Draft, flow: bool) -> None:
    fields = scalar.text.split()
    if len(fields) > 5:
        new = emit(" ".join(fields[:5]), "single", flow=flow)
        draft.replace(scalar.start, scalar.end, new)
        draft.say(
            ATTENTION,
            draft.span(scalar),
            "a cron expression has five fields, so the year is left out",
            now=new,
            help="test the year in a `condition`: `datetime.now().year == 2026`",
        )


def _interval(item: Mapping, entry: Entry, draft: Draft) -> None:
    interval = text_of(entry.value) or ""
    day = (text_of(item.get("day")) or "").lower()[:3]
    time = text_of(item.get("time")) or "00:00"
    found = re.fullmatch(r"(\d\d):(\d\d)", time)
    if interval not in ("daily", "weekly", "monthly") or not found or (day and day not in _DAYS):
        draft.say(ATTENTION, draft.span(entry), "it is no interval", help="write the schedule as `cron`")
        return
    weekday = "*"
    if interval == "weekly" or (interval == "monthly" and day):
        weekday = str(_DAYS.index(day or "mon"))
    date = "1" if interval == "monthly" else "*"
    cron = f"{int(found[2])} {int(found[1])} {date} * {weekday}"
    draft.replace(entry.key.start, draft.end(entry), f"cron: {cron!r}")
    note = f"{interval} at {time} as a cron expression; there, hour and minute changed places"
    draft.say(CHANGED, draft.span(entry), note, now=f"cron: {cron!r}")


def _named(scalar: Scalar, draft: Draft, documents: dict[str, Mapping]) -> str | None:
    """A schedule that stands under its name in the same file, written out; None where it does not."""
    found = documents.get(scalar.text)
    cron = text_of(found.get("cronjob")) if found else None
    if found is None or cron is None:
        draft.say(
            ATTENTION,
            draft.span(scalar),
            f"the schedule `{scalar.text}` stands in another file",
            help="write it out: `on: {schedule: {cron: '0 5 * * *', timezone: UTC}}`",
        )
        return None
    zone = text_of(found.get("timezone")) or text_of(found.get("tz"))
    made = f"{{cron: {emit(cron, 'single')}" + (f", timezone: {emit(zone, flow=True)}}}" if zone else "}")
    draft.say(CHANGED, draft.span(scalar), "a schedule is written where it is used", now=made)
    return made
