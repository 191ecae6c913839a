"""Bash and Python scripts.

Values in a script were written into its text there; here they are data, wherever they stand. What a script could use
without saying so is written into it: the modules that Python stages found among the globals of the original's own
module, and the standard output that was an output of each bash stage.
"""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize

from jobc.cli.importing.item import ATTENTION, CHANGED
from jobc.cli.importing.outline import StageOutline
from jobc.cli.importing.place import Place
from jobc.cli.importing.scalars import one_line, piece
from jobc.cli.importing.templates import VARIABLE, translate_scalar
from jobc.source.nodes import Entry, Scalar
from jobc.source.templates import Hole, offset_map, split

#: What a Python stage found defined there -> how it is imported.
_GLOBALS = {
    **{name: f"import {name}" for name in ("asyncio", "contextlib", "copy", "inspect", "json", "subprocess")},
    **{name: f"import {name}" for name in ("sys", "time", "traceback", "uuid")},
    "datetime": "from datetime import datetime",
    "Path": "from pathlib import Path",
    "dedent": "from textwrap import dedent",
    "Event": "from threading import Event",
    "ThreadPoolExecutor": "from concurrent.futures import ThreadPoolExecutor",
    "Any": "from typing import Any",
    "Optional": "from typing import Optional",
}
_PROVIDED = {"params", "matrix", "needs", "stages", "env", "item", "context", "result", "logger"}
_TRACE = re.compile(r"\bresult\.trace\b")
_PREFIX = "captured=$("
_WRITE = r"""printf '%s\n' "$captured"; printf 'stdout<<JOBC_END\n%s\nJOBC_END\n' "$captured" >> "$JOBC_OUTPUT" """.strip()


def carry_over_python(entry: Entry, stage: StageOutline, place: Place, *, flow: bool) -> None:
    node = entry.value
    if not isinstance(node, Scalar):
        return
    text, holes = _with_placeholders(node)
    in_code = _names_in_code(text)
    missing = _undefined(text, stage)
    imports = [_GLOBALS[name] for name in sorted(missing) if name in _GLOBALS]
    translate_scalar(
        node,
        place,
        flow=flow,
        is_code=lambda hole: f"jobc_hole_{holes.get(hole.start, -1)}" in in_code,
        around=("; ".join(imports) + "; " if imports else "", ""),
    )
    for match in _TRACE.finditer(node.text) if node.style == "literal" else ():
        places = offset_map(node)
        start, end = places.at(match.start()), places.at(match.end() - 1) + 1
        place.draft.replace(start, end, "logger")
        place.draft.say(
            CHANGED, node.file.span(start, end), "messages are written with `logger`", now="logger"
        )
    if imports:
        _prepend(node, imports, place)
    unknown = sorted(name for name in missing if name not in _GLOBALS)
    if unknown:
        place.draft.say(
            ATTENTION,
            entry.key.span,
            f"the script uses {_listed(unknown)} without defining {'it' if len(unknown) == 1 else 'them'}",
            help="import or define it in the script: nothing is there but what `run` stages are given",
        )


def carry_over_bash(entry: Entry, stage: StageOutline, place: Place, *, flow: bool) -> None:
    node = entry.value
    if not isinstance(node, Scalar):
        return
    draft = place.draft
    wrap = stage.captured and node.text.strip()
    around = (_PREFIX, f"); {_WRITE}") if wrap else ("", "")
    translate_scalar(node, place, flow=flow, variables=False, around=around)
    if wrap:
        places = offset_map(node)
        end = places.at(len(node.text.rstrip()) - 1) + 1
        if node.style == "literal":
            start = places.at(0)
            margin = "\n" + " " * (draft.column(start) - 1)
            draft.insert(start, _PREFIX + margin)
            draft.insert(end, f"{margin}){margin}{_WRITE}")
        elif not one_line(node):
            draft.insert(places.at(0), piece(around[0], node))
            draft.insert(end, piece(around[1], node))
        draft.say(
            CHANGED,
            entry.key.span,
            "standard output is no output by itself: the script writes it to `$JOBC_OUTPUT`, because "
            f"`stages.{stage.id}.outputs.stdout` is read",
            now="captured=$(…)",
        )
    _defaults(node, place)
    lines = [line for line in node.text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if len(lines) > 1 and not wrap:
        draft.say(
            CHANGED,
            entry.key.span,
            "a script is run by `bash -eo pipefail`, not by `sh`: the first command that fails ends it",
        )


def _defaults(node: Scalar, place: Place) -> None:
    """`${NAME:default}` was replaced before the shell saw it; to a shell it means something else."""
    for match in VARIABLE.finditer(node.text):
        if not match["default"]:
            continue
        places = offset_map(node)
        start, end = places.at(match.start()), places.at(match.end() - 1) + 1
        new = f"${{{match['name']}:-{match['default']}}}"
        place.draft.replace(start, end, piece(new, node))
        place.draft.say(CHANGED, node.file.span(start, end), "the shell's own spelling of a default", now=new)


def _prepend(node: Scalar, imports: list[str], place: Place) -> None:
    start = offset_map(node).at(0)
    if node.style == "literal":
        margin = "\n" + " " * (place.draft.column(start) - 1)
        place.draft.insert(start, "".join(line + margin for line in imports))
    elif not one_line(node):
        place.draft.insert(start, "; ".join(imports) + "; ")
    place.draft.say(
        CHANGED,
        node.file.span(start, start + 1),
        "a script imports what it uses: the globals of the original's own module are not there",
        was="",
        now="; ".join(imports),
    )


def _with_placeholders(node: Scalar) -> tuple[str, dict[int, int]]:
    """The script with a name in the place of each expression; the expressions' numbers by where they start."""
    template = split(node)
    if template is None:
        return node.text, {}
    text = ""
    holes: dict[int, int] = {}
    for part in template.parts:
        if isinstance(part, Hole):
            holes[part.start] = len(holes)
            text += f"jobc_hole_{holes[part.start]}"
        else:
            text += part.text
    return text, holes


def _names_in_code(text: str) -> set[str]:
    """Names of the script that are code, not part of a text or a comment."""
    try:
        return {
            t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME
        }
    except (tokenize.TokenError, SyntaxError):
        return set()


def _undefined(text: str, stage: StageOutline) -> set[str]:
    """Names that the script reads and that nothing defines."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return set()
    given = stage.node.get("vars")
    defined = {entry.key.text for entry in getattr(given, "entries", [])} | _PROVIDED | set(dir(builtins))
    read: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Load()):
                read.add(node.id)
            case ast.Name():
                defined.add(node.id)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                defined.add(node.name)
            case ast.arg():
                defined.add(node.arg)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                defined.add(name)
            case ast.Import() | ast.ImportFrom():
                if any(alias.name == "*" for alias in node.names):
                    return set()
                defined |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return {name for name in read - defined if not name.startswith("jobc_hole_")}


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
