"""What a stage hands on: the files that a bash stage writes, the rules for names, the bound on size.

`$JOBC_OUTPUT` holds lines `name=value`, or `name<<END`, lines, `END` for a value of several lines (the value has no
newline at its end); blank lines mean nothing. Lines may end in CRLF, those of a block if its first line does. `$JOBC_OUTPUT_JSON` holds one map. Where both name an output, JSON
wins. A name is a letter or `_`, then letters, digits, `_` and `-`.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import Any, Dict, List, Tuple

#: The most that one stage's outputs may take as JSON, in bytes.
BOUND = 4 * 1024 * 1024
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_QUOTED = 80


class OutputProblem(Exception):
    """Outputs that cannot be taken; the message says which and what to do."""


def check(outputs: Dict[str, Any]) -> None:
    """Raise OutputProblem where the outputs are too large or not JSON."""
    if not outputs:
        return
    try:
        size = len(json.dumps(outputs, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputProblem("the outputs are not plain data: %s" % error) from None
    if size > BOUND:
        largest = max(outputs, key=lambda name: len(json.dumps(outputs[name])))
        raise OutputProblem(
            "the outputs take %d bytes, more than the %d allowed (`%s` is the largest); write large data to a file"
            " and put its path into an output" % (size, BOUND, largest)
        )


def read_files(text_path: str, json_path: str) -> Dict[str, Any]:
    """The outputs that a script wrote. Raises OutputProblem where either file is malformed."""
    outputs: Dict[str, Any] = {}
    outputs.update(parse_text(_read(text_path, "JOBC_OUTPUT")))
    raw = _read(json_path, "JOBC_OUTPUT_JSON")
    if raw.strip():
        outputs.update(parse_json(raw))
    return outputs


def parse_text(text: str) -> Dict[str, str]:
    """`name=value` lines and `name<<END` blocks."""
    outputs: Dict[str, str] = {}
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        raw = lines[at]
        line = raw.rstrip("\r")
        at += 1
        if not line.strip():
            continue
        block = re.fullmatch("(%s)<<(.+)" % _NAME, line)
        if block is not None:
            value, at = _block(lines, at, block.group(2).strip(), line, "\r" if raw != line else "")
            outputs[block.group(1)] = value
            continue
        name, equals, value = line.partition("=")
        if not equals or re.fullmatch(_NAME, name) is None:
            raise OutputProblem(
                "line %d of $JOBC_OUTPUT is `%s`; write `name=value`, or `name<<END`, the lines, `END`"
                % (at, _cut(line))
            )
        outputs[name] = value
    return outputs


def _block(lines: List[str], at: int, end: str, opening: str, stripped: str) -> Tuple[str, int]:
    """`stripped`: the characters that are no part of a line where they end it."""
    for stop in range(at, len(lines)):
        if lines[stop].rstrip(stripped) == end:
            return "\n".join(line.rstrip(stripped) for line in lines[at:stop]), stop + 1
    raise OutputProblem(
        "`%s` in $JOBC_OUTPUT is never closed; end the value with a line that is `%s`"
        % (_cut(opening), _cut(end))
    )


def parse_json(text: str) -> Dict[str, Any]:
    """One JSON map of outputs."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise OutputProblem(
            "$JOBC_OUTPUT_JSON is not JSON: %s; write one map, as `jq` does" % error
        ) from None
    if not isinstance(value, dict):
        raise OutputProblem("$JOBC_OUTPUT_JSON is not a map; write names and their values: {…}")
    for name in value:
        if re.fullmatch(_NAME, name) is None:
            raise OutputProblem(
                "`%s` in $JOBC_OUTPUT_JSON is no output's name; use letters, digits, `_` and `-`" % _cut(name)
            )
    return value


def _refuse(constant: str) -> Any:
    raise ValueError("%s is not a JSON number" % constant)


def _cut(text: str) -> str:
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"


def _read(path: str, variable: str) -> str:
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            raise OutputProblem("$%s is no file any more; append to it, do not replace it" % variable)
        if about.st_size > 4 * BOUND:
            raise OutputProblem(
                "$%s is larger than %d bytes; write large data to a file" % (variable, 4 * BOUND)
            )
        with open(path, "rb") as file:
            return file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputProblem(
            "$%s is not UTF-8 (byte %d); encode its values" % (variable, error.start)
        ) from None
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise OutputProblem("$%s cannot be read: %s" % (variable, error.strerror)) from None
