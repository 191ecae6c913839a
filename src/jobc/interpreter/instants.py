"""Dates and instants of expressions: making them, and their fields and methods. Python 3.9, standard library only.

Every instant has a zone. `datetime.parse` reads ISO 8601 in one way on every Python version; a text without
a zone is in UTC. A date has the fields of its midnight, so `hour` of it is 0.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any, Callable, Dict, List

from jobc.interpreter.values import EvaluationError, check_text, describe, instant

FIELDS = ("year", "month", "day", "hour", "minute", "second")

_ISO = (
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?(?:\s*(Z|z|[+-]\d{2}(?::?\d{2})?))?)?"
)


def field(value: date, name: str) -> int:
    """`year month day hour minute second` of a date or instant."""
    if name not in FIELDS:
        raise EvaluationError(f"a date or time has no `{name}`; it has {', '.join(f'`{f}`' for f in FIELDS)}")
    return int(getattr(value, name, 0))


def method(value: date, name: str, args: List[Any]) -> Any:
    """The result of `value.name(args)`."""
    function = METHODS.get(name)
    if function is None:
        raise EvaluationError(
            f"a date or time has no method `{name}`; it has {', '.join(f'`{m}()`' for m in METHODS)}"
        )
    expected = 1 if name == "strftime" else 0
    if len(args) != expected:
        raise EvaluationError(
            f"`{name}` takes {expected or 'no'} argument{'' if expected == 1 else 's'}, not {len(args)}"
        )
    return function(value, *args)


def strftime(value: date, pattern: Any) -> str:
    if not isinstance(pattern, str):
        raise EvaluationError(f"`strftime` needs a format such as '%Y-%m-%d', but has {describe(pattern)}")
    check_text(len(pattern) * 256)
    try:
        return value.strftime(pattern)
    except ValueError as error:
        raise EvaluationError(f"`strftime` cannot use the format {pattern[:40]!r}: {error}") from None


def _timestamp(value: date) -> float:
    return instant(value).timestamp()


METHODS: Dict[str, Callable[..., Any]] = {
    "weekday": lambda value: value.weekday(),
    "isoformat": lambda value: value.isoformat(),
    "strftime": strftime,
    "timestamp": _timestamp,
}


def zone(name: str) -> tzinfo:
    """A time zone by its IANA name (`Europe/Berlin`), `UTC`, or an offset (`+02:00`)."""
    if name.upper() in ("UTC", "Z"):
        return timezone.utc
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", name)
    if offset:
        return _offset(name)
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise EvaluationError(
            f"there is no time zone {name[:40]!r}; write one such as 'Europe/Berlin' or 'UTC'"
        ) from None


def _offset(text: str) -> timezone:
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    if minutes >= 24 * 60:
        raise EvaluationError(f"{text!r} is no offset of a time zone")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def now(environment: Any, tz: Any = None) -> datetime:
    """`datetime.now(tz)`: in the zone, or in the machine's own."""
    current: datetime = instant(environment.now())
    if tz is None:
        return current.astimezone()
    if not isinstance(tz, str):
        raise EvaluationError(f"`datetime.now` needs the name of a time zone, but has {describe(tz)}")
    return current.astimezone(zone(tz))


def utcnow(environment: Any) -> datetime:
    return instant(environment.now()).astimezone(timezone.utc)


def today(environment: Any) -> date:
    return now(environment).date()


def parse(text: Any) -> datetime:
    """`datetime.parse(text)`: ISO 8601 date, or date and time; UTC where it names no zone."""
    if not isinstance(text, str):
        raise EvaluationError(f"`datetime.parse` needs text, but has {describe(text)}")
    match = re.fullmatch(_ISO, text.strip(), re.ASCII)
    if match is None:
        raise EvaluationError(
            f"`datetime.parse` cannot read {describe(text)}; write it as '2026-01-31T09:00:00Z'"
        )
    year, month, day, hour, minute, second, fraction, place = match.groups()
    if place is None or place in "Zz":
        its_zone = timezone.utc
    else:
        its_zone = _offset(place)
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
            its_zone,
        )
    except ValueError as error:
        raise EvaluationError(f"`datetime.parse` cannot read {describe(text)}: {error}") from None
