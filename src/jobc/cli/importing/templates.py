"""The expressions and environment placeholders in one scalar of the original."""

from __future__ import annotations

import re
from collections.abc import Callable

from jobc.cli.importing.draft import Draft
from jobc.cli.importing.expressions import Translation, translate
from jobc.cli.importing.item import ATTENTION, CHANGED
from jobc.cli.importing.place import Place
from jobc.cli.importing.scalars import emit, one_line, piece
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.source.file import Span
from jobc.source.nodes import Mapping, Node, Scalar, Sequence
from jobc.source.templates import Hole, offset_map, split
from jobc.syntax.expr import Call, Literal, Member, Method
from jobc.syntax.printer import print_expr

VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Za-z_]\w*)(?::(?P<default>[^{}]*))?\}")


def translate_values(node: Node | None, place: Place, *, flow: bool = False) -> None:
    """Translate every scalar of a value."""
    if node is None or not place.draft.first_visit(node):
        return
    if isinstance(node, Scalar):
        translate_scalar(node, place, flow=flow)
    elif isinstance(node, Sequence):
        for item in node.items:
            translate_values(item, place, flow=flow or node.flow)
    else:
        for entry in node.entries:
            translate_values(entry.value, place, flow=flow or node.flow)


def translate_scalar(
    scalar: Scalar,
    place: Place,
    *,
    flow: bool = False,
    variables: bool = True,
    is_code: Callable[[Hole], bool] = lambda hole: False,
    around: tuple[str, str] = ("", ""),
) -> None:
    """Translate the expressions of a scalar, and with `variables` its `${NAME}` placeholders.

    Text of `around` is put before and after it, where it stands on one line.
    An expression that cannot be translated becomes text, and `place.stops` says what must be done.
    """
    pieces = [*_holes(scalar, place, is_code), *(_variables(scalar, place.draft) if variables else ())]
    if not pieces and not around[0]:
        return
    places = offset_map(scalar)
    if not one_line(scalar):
        for start, end, new in pieces:
            place.draft.replace(places.at(start), places.at(end - 1) + 1, piece(new, scalar))
        return
    text = scalar.text
    for start, end, new in sorted(pieces, reverse=True):
        text = text[:start] + new + text[end:]
    text = around[0] + text + around[1]
    place.draft.replace(scalar.start, scalar.end, emit(text, scalar.style, flow=flow))


def stop(place: Place, span: Span, error: Untranslatable, *, now: str = "") -> None:
    """Say that something cannot be carried over, and keep the stage that it belongs to from running."""
    draft = place.draft
    draft.say(
        ATTENTION,
        span,
        f"{error}, so a `raise` stage keeps what needs it from running",
        now=now,
        help=error.help,
    )
    file = draft.file.path.replace("\\", "/").rpartition("/")[2]
    line = draft.file.position(span.start)[0]
    shown = " ".join(span.text.split())
    place.stops.append(f"line {line} of {file} was not imported: `{_short(shown)}`: {error}; {error.help}")


def hole_text(translation: Translation) -> str:
    return f"${{{{ {print_expr(translation.expr)} }}}}"


def written_out(constant: Literal, otherwise: str) -> str:
    """A constant as it stands in text, where that needs no quoting."""
    return str(constant.value) if re.fullmatch(r"[\w.-]+", str(constant.value)) else otherwise


def explain(notes: list[str]) -> str:
    return "; ".join(notes) or "the same value, written as jobc writes it"


def _holes(scalar: Scalar, place: Place, is_code: Callable[[Hole], bool]) -> list[tuple[int, int, str]]:
    template = split(scalar)
    pieces: list[tuple[int, int, str]] = []
    for hole in template.parts if template else []:
        if not isinstance(hole, Hole) or hole.delimiter != "${{":
            continue
        code = is_code(hole)
        try:
            found = translate(hole.source, place, code=code)
        except Untranslatable as error:
            was = scalar.text[hole.start : hole.end]
            stop(place, hole.span, error, now="$" + was)
            pieces.append((hole.start, hole.end, "$" + was))
            continue
        if code:
            _in_code(hole, found, place.draft)
        elif not (template and template.whole):
            found = _in_text(hole, found, place.draft)
        new = hole_text(found)
        if isinstance(found.expr, Literal) and not (template and template.whole) and not code:
            new = written_out(found.expr, new)
        if not found.notes and _same(hole.source, new):
            continue
        place.draft.say(CHANGED, hole.span, explain(found.notes), now=new)
        pieces.append((hole.start, hole.end, new))
    return pieces


def _in_text(hole: Hole, found: Translation, draft: Draft) -> Translation:
    """A value amid text: what is written differently there."""
    if found.type == "datetime" and isinstance(found.expr, Member):
        text = Method(found.expr, "isoformat", [], [])
        note = "a time in text is written with a `T`; here with a blank, as it was"
        return Translation(
            Call("replace", [text, Literal("T"), Literal(" ")], []), [*found.notes, note], "str"
        )
    if found.type in ("array", "list", "map"):
        what = "a map" if found.type == "map" else "a list"
        draft.say(CHANGED, hole.span, f"{what} in text was written as Python writes it, and is compact JSON")
    return found


def _in_code(hole: Hole, found: Translation, draft: Draft) -> None:
    if found.type == "str" and isinstance(found.expr, Member) and not found.notes:
        draft.say(CHANGED, hole.span, "the text was code there, and is a value here")


def _same(source: str, new: str) -> bool:
    def bare(text: str) -> str:
        return re.sub(r"\s+", "", text).replace('"', "'")

    return bare(source) == bare(new[3:-2])


def _variables(scalar: Scalar, draft: Draft) -> list[tuple[int, int, str]]:
    pieces: list[tuple[int, int, str]] = []
    for match in VARIABLE.finditer(scalar.text):
        name, default = match["name"], match["default"]
        args = [Literal(name), *([Literal(default)] if default else [])]
        new = f"${{{{ {print_expr(Call('env', list(args), []))} }}}}"
        places = offset_map(scalar)
        span = Span(scalar.file, places.at(match.start()), places.at(match.end() - 1) + 1)
        note, severity, help = "environment variables are read with `env`", CHANGED, ""
        if _secret(name):
            severity = ATTENTION
            note += ", whose values are not masked; the name looks like that of a secret"
            help = (
                f"declare `secrets: [{name}]` in the workflow and pass it on as `env: {{{name}: "
                f"${{{{ secrets.{name} }}}}}}`, if it is one"
            )
        draft.say(severity, span, note, was=match[0], now=new, help=help)
        pieces.append((match.start(), match.end(), new))
    return pieces


def _secret(name: str) -> bool:
    return (
        re.search(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|(?:^|_)KEY(?:$|_)", name.upper())
        is not None
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def has_holes(node: Node | None) -> bool:
    if isinstance(node, Scalar):
        return split(node) is not None
    if isinstance(node, Sequence):
        return any(map(has_holes, node.items))
    return isinstance(node, Mapping) and any(has_holes(entry.value) for entry in node.entries)
