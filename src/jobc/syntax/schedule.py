"""`on`: when a workflow starts by itself."""

from __future__ import annotations

from jobc.source.nodes import Mapping, Node, Sequence
from jobc.syntax.ast import Const, Item, ListValue, MapValue, Value
from jobc.syntax.fields import fields, require
from jobc.syntax.keys import ON, SCHEDULE
from jobc.syntax.reporter import Reporter, clip
from jobc.syntax.spelling import nearest
from jobc.syntax.values import map_value, mapping, plain, value

_FIELDS = "write five fields: minute, hour, day of month, month, day of week, such as `0 5 * * 1-5`"


def on(r: Reporter, node: Node) -> Value | None:
    """`{schedule: …}`: one cron expression or `{cron, timezone, params}`, or a list of them; always kept as a list of mappings."""
    found = mapping(r, node, "`on`", "schedule: 0 5 * * *")
    if found is None:
        return None
    entry = fields(r, found, ON).get("schedule")
    if entry is None:
        return MapValue([], found)
    given = entry.value
    made: list[Value] = []
    for each in given.items if isinstance(given, Sequence) else [given]:
        schedule = _schedule(r, each)
        if schedule is not None:
            made.append(schedule)
    holder = given if isinstance(given, Sequence) else Sequence(given.file, given.start, False, None, None)
    holder.end = given.end
    return MapValue([Item("schedule", entry.key.span, ListValue(made, holder))], found)


def _schedule(r: Reporter, node: Node) -> MapValue | None:
    if not isinstance(node, Mapping):
        holder = Mapping(node.file, node.start, False, None, None)
        holder.end = node.end
        cron = _cron(r, node)
        return None if cron is None else MapValue([Item("cron", node.span, cron)], holder)
    found = fields(r, node, SCHEDULE)
    require(r, found, SCHEDULE, node.span, "a schedule")
    made: list[Item] = []
    for name, entry in found.items():
        made_value: Value | None = None
        if name == "cron":
            made_value = _cron(r, entry.value)
        elif name == "timezone":
            zone = plain(r, entry.value, "`timezone`", "a time zone's name, such as `Europe/Berlin`")
            if zone is not None and _is_zone(r, zone, entry.value):
                made_value = value(r, entry.value)
        elif (given := mapping(r, entry.value, "`params`", "name: value")) is not None:
            made_value = map_value(r, given)
        if made_value is not None:
            made.append(Item(name, entry.key.span, made_value))
    return MapValue(made, node)


def _is_zone(r: Reporter, name: str, node: Node) -> bool:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        zones = available_timezones()
        if zones:
            close = nearest(name, sorted(zones))
            r.wrong(
                node.span,
                f"there is no time zone `{clip(name)}`",
                f"did you mean `{close}`?" if close else "write a name such as `Europe/Berlin` or `UTC`",
            )
            return False
    return True


def _cron(r: Reporter, node: Node) -> Const | None:
    text = plain(r, node, "a schedule", "a cron expression, such as `0 5 * * 1-5`")
    if text is None:
        return None
    from datetime import datetime

    from cronsim import CronSim, CronSimError

    made = value(r, node)
    assert isinstance(made, Const)
    count = len(text.split())
    if count != 5:
        r.wrong(
            node.span,
            f"the schedule `{clip(text)}` has {count} field{'s' if count != 1 else ''}, not 5",
            _FIELDS,
        )
        return None
    try:
        CronSim(text, datetime(2000, 1, 1))
    except CronSimError as error:
        said = str(error)
        said = said[4:] if said.startswith("Bad ") else said
        r.wrong(node.span, f"the schedule `{clip(text)}` is wrong in its {said}", _FIELDS)
        return None
    return made
