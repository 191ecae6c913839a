"""The functions of expressions (LANGUAGE §4): one implementation each, under the name that codes use.

`sema.signatures` is the table that people and the checker read; arguments come here in the order given there,
missing ones filled in or left to the defaults. An implementation checks what it is given, since types
may be unknown before the run, and checks the size of what it makes before it makes it.
Python 3.9, standard library only.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from jobc.interpreter import instants
from jobc.interpreter.values import (
    MAX_ITEMS,
    EvaluationError,
    SecretText,
    check_items,
    check_text,
    describe,
    finite,
    holds_secret,
    kind,
    less,
    member,
    to_json,
    to_text,
)


class Function:
    """`call(*args)`, or `call(environment, *args)` where `contextual`. `most` is None for any number of arguments."""

    __slots__ = ("call", "contextual", "least", "most", "name")

    def __init__(
        self, name: str, call: Callable[..., Any], least: int, most: Optional[int], contextual: bool = False
    ) -> None:
        self.name = name
        self.call = call
        self.least = least
        self.most = most
        self.contextual = contextual

    def check_count(self, count: int) -> None:
        if count < self.least or (self.most is not None and count > self.most):
            raise EvaluationError(
                f"`{self.name}` cannot be called with {count} argument{'' if count == 1 else 's'}"
            )


def _text_of(value: Any, function: str, what: str) -> str:
    if isinstance(value, str):
        return value
    raise EvaluationError(f"`{function}` needs {what}, but has {describe(value)}")


def _list_of(value: Any, function: str) -> List[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise EvaluationError(f"`{function}` needs a list, but has {describe(value)}")


def _map_of(value: Any, function: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise EvaluationError(f"`{function}` needs a map, but has {describe(value)}")


def _integer_of(value: Any, function: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise EvaluationError(f"`{function}` needs a whole number, but has {describe(value)}")


def from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_no_constant)
    except RecursionError:
        raise EvaluationError("`fromJson` cannot read the text: it is nested too deeply") from None
    except ValueError as error:
        where = f" (at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""
        raise EvaluationError(f"`fromJson` needs JSON, but has {describe(value)}{where}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def contains(search: Any, item: Any) -> bool:
    if kind(search) not in ("list", "str", "map"):
        raise EvaluationError(
            f"`contains` needs a list, a text or a map to search, but has {describe(search)}"
        )
    return member(item, search)


def starts_with(text: Any, prefix: Any) -> bool:
    return _text_of(text, "startsWith", "text").startswith(
        _text_of(prefix, "startsWith", "a text to look for")
    )


def ends_with(text: Any, suffix: Any) -> bool:
    return _text_of(text, "endsWith", "text").endswith(_text_of(suffix, "endsWith", "a text to look for"))


def format_text(template: Any, *args: Any) -> str:
    """`{0}` and `{}` are arguments, `{{` and `}}` are braces."""
    text = _text_of(template, "format", "a text with `{0}`, `{1}`, …")
    parts: List[str] = []
    size = place = following = 0
    for match in re.finditer(r"\{\{|\}\}|\{(\d*)\}|[{}]", text):
        found = match.group()
        piece = found[0]
        if found in ("{", "}"):
            raise EvaluationError(
                f"`format` has a lone `{found}` at character {match.start() + 1}; write `{found * 2}`"
            )
        if found not in ("{{", "}}"):
            index = following
            if match.group(1):
                index = int(match.group(1)) if len(match.group(1)) < 6 else len(args)
            following += 1
            if index >= len(args):
                raise EvaluationError(f"`format` has no argument for `{found[:20]}`: {len(args)} given")
            piece = to_text(args[index])
        parts += (text[place : match.start()], piece)
        size += match.start() - place + len(piece)
        check_text(size)
        place = match.end()
    parts.append(text[place:])
    return _joined("", parts + [SecretText()] if holds_secret(args) else parts)


def _joined(separator: str, texts: List[str]) -> str:
    check_text(sum(map(len, texts)) + len(separator) * max(0, len(texts) - 1))
    text = separator.join(texts)
    return SecretText(text) if holds_secret(texts) else text


def join(items: Any, separator: Any = ",") -> str:
    return _joined(
        _text_of(separator, "join", "a text as separator"), [to_text(i) for i in _list_of(items, "join")]
    )


def split(text: Any, separator: Any = ",") -> List[str]:
    whole = _text_of(text, "split", "text")
    at = _text_of(separator, "split", "a text as separator")
    if not at:
        raise EvaluationError("`split` needs a separator that is not empty")
    check_items(whole.count(at) + 1)
    return whole.split(at)


def replace(text: Any, old: Any, new: Any) -> str:
    whole = _text_of(text, "replace", "text")
    old = _text_of(old, "replace", "a text to look for")
    new = _text_of(new, "replace", "a text to put there")
    if not old:
        raise EvaluationError("`replace` needs a text to look for that is not empty")
    check_text(len(whole) + whole.count(old) * (len(new) - len(old)))
    return whole.replace(old, new)


def length(value: Any) -> int:
    if kind(value) in ("list", "str", "map"):
        return len(value)
    raise EvaluationError(f"`len` needs a list, a text or a map, but has {describe(value)}")


def _operands(function: str, values: Any) -> List[Any]:
    items = list(values)
    if len(items) == 1 and isinstance(items[0], (list, tuple)):
        items = list(items[0])
        if not items:
            raise EvaluationError(f"`{function}` of an empty list has no value; check its `len` first")
    return items


def minimum(*values: Any) -> Any:
    items = _operands("min", values)
    best = items[0]
    for item in items:
        if less(item, best, "min"):
            best = item
    return best


def maximum(*values: Any) -> Any:
    items = _operands("max", values)
    best = items[0]
    for item in items:
        if less(best, item, "max"):
            best = item
    return best


def total(items: Any) -> Any:
    from decimal import Decimal

    result: Any = 0
    for item in _list_of(items, "sum"):
        if kind(item) != "number":
            raise EvaluationError(f"`sum` needs a list of numbers, but it holds {describe(item)}")
        if isinstance(item, Decimal) and isinstance(result, float):
            result = Decimal(repr(result))
        elif isinstance(item, float) and isinstance(result, Decimal):
            item = Decimal(repr(item))
        result = finite(result + item)
    return result


def numbers(start: Any, stop: Any = None, step: Any = 1) -> List[int]:
    first, last = (0, start) if stop is None else (start, stop)
    first = _integer_of(first, "range")
    last = _integer_of(last, "range")
    by = _integer_of(step, "range")
    if by == 0:
        raise EvaluationError("`range` needs a step that is not 0")
    wanted = range(first, last, by)
    if wanted and (wanted[-1] - first) // by >= MAX_ITEMS:
        raise EvaluationError(f"`range` would make more than {MAX_ITEMS:,} numbers")
    return list(wanted)


def keys(value: Any) -> List[str]:
    return list(_map_of(value, "keys"))


def values(value: Any) -> List[Any]:
    return list(_map_of(value, "values").values())


def merge(*maps: Any) -> Dict[str, Any]:
    result: Dict[str, Any] = {}
    for part in maps:
        result.update(_map_of(part, "merge"))
        check_items(len(result))
    return result


def default(value: Any, fallback: Any) -> Any:
    return fallback if value is None else value


def coalesce(*candidates: Any) -> Any:
    for value in candidates:
        if value is not None:
            return value
    return None


_NUMBER_FORMAT = r"(?:[^{}]?[<>=^])?[+\- ]?#?0?\d{0,3}[,_]?(?:\.\d{1,3})?[bcdeEfFgGnoxX%]?"
_TEXT_FORMAT = r"(?:[^{}]?[<>^])?\d{0,3}(?:\.\d{1,3})?s?"


def fmt(value: Any, pattern: Any) -> str:
    """A time after a `strftime` pattern; a number or text after Python's format specification (`.2f`, `>8`)."""
    text = _text_of(pattern, "fmt", "a format such as '.2f' or '%Y-%m-%d'")
    its = kind(value)
    if its == "datetime":
        return instants.strftime(value, text)
    if its not in ("number", "str"):
        raise EvaluationError(f"`fmt` needs a number, a text or a time, but has {describe(value)}")
    allowed = _NUMBER_FORMAT if its == "number" else _TEXT_FORMAT
    try:
        if re.fullmatch(allowed, text, re.ASCII | re.DOTALL):
            return format(value, text)
    except (ValueError, OverflowError):
        pass
    raise EvaluationError(f"`fmt` cannot use the format {text[:40]!r} for {describe(value)}")


def quote(value: Any) -> str:
    """One word of a POSIX shell; a list gives one word an item."""
    if isinstance(value, (list, tuple)):
        return _joined(" ", [quote(item) for item in value])
    from shlex import quote as shell_word

    text = shell_word(to_text(value))
    check_text(len(text))
    return SecretText(text) if holds_secret(value) else text


def _status(name: str) -> Callable[[Any], bool]:
    def ask(environment: Any) -> bool:
        status = environment.status
        try:
            return bool(status(name) if callable(status) else status[name])
        except KeyError:
            raise EvaluationError(f"`{name}()` has no meaning here") from None

    return ask


def environment_variable(environment: Any, name: Any, fallback: Any = None) -> Any:
    return environment.environ.get(_text_of(name, "env", "the name of an environment variable"), fallback)


def _hash_files(environment: Any, *patterns: Any) -> str:
    from jobc.interpreter.filehash import hash_files

    return hash_files(environment.workdir, [_text_of(p, "hashFiles", "a file pattern") for p in patterns])


def _change(name: str, change: Callable[[str], str]) -> Callable[[Any], str]:
    def call(text: Any) -> str:
        changed = change(_text_of(text, name, "text"))
        check_text(len(changed))
        return changed

    return call


FUNCTIONS: Dict[str, Function] = {
    function.name: function
    for function in (
        Function("fromJson", from_json, 1, 1),
        Function("toJson", to_json, 1, 1),
        Function("contains", contains, 2, 2),
        Function("startsWith", starts_with, 2, 2),
        Function("endsWith", ends_with, 2, 2),
        Function("format", format_text, 1, None),
        Function("join", join, 1, 2),
        Function("split", split, 1, 2),
        Function("replace", replace, 3, 3),
        Function("lower", _change("lower", str.lower), 1, 1),
        Function("upper", _change("upper", str.upper), 1, 1),
        Function("trim", _change("trim", str.strip), 1, 1),
        Function("len", length, 1, 1),
        Function("min", minimum, 1, None),
        Function("max", maximum, 1, None),
        Function("sum", total, 1, 1),
        Function("range", numbers, 1, 3),
        Function("keys", keys, 1, 1),
        Function("values", values, 1, 1),
        Function("merge", merge, 1, None),
        Function("default", default, 2, 2),
        Function("coalesce", coalesce, 1, None),
        Function("hashFiles", _hash_files, 1, None, contextual=True),
        Function("always", _status("always"), 0, 0, contextual=True),
        Function("success", _status("success"), 0, 0, contextual=True),
        Function("failure", _status("failure"), 0, 0, contextual=True),
        Function("cancelled", _status("cancelled"), 0, 0, contextual=True),
        Function("env", environment_variable, 1, 2, contextual=True),
        Function("datetime.now", instants.now, 0, 1, contextual=True),
        Function("datetime.utcnow", instants.utcnow, 0, 0, contextual=True),
        Function("datetime.parse", instants.parse, 1, 1),
        Function("date.today", instants.today, 0, 0, contextual=True),
        Function("fmt", fmt, 2, 2),
        Function("quote", quote, 1, 1),
        Function("raw", lambda value: value, 1, 1),
    )
}
