"""`if` and `until`: conditions in their place."""

from __future__ import annotations

from jobc.cli.importing.conditions import Value, placeholder, translate_condition
from jobc.cli.importing.expressions import translate, translate_tree
from jobc.cli.importing.item import ATTENTION, CHANGED
from jobc.cli.importing.place import Place
from jobc.cli.importing.scalars import emit
from jobc.cli.importing.templates import VARIABLE, explain, stop
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.source.nodes import Entry, Mapping, Scalar
from jobc.source.templates import Hole, split
from jobc.syntax.expr import Call, Expr, Literal
from jobc.syntax.printer import print_expr

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def carry_over_condition(owner: Mapping, entry: Entry, place: Place) -> None:
    """Rewrite the condition of a job or a stage, or comment it out and stop what it guards."""
    node = entry.value
    draft = place.draft
    if not isinstance(node, Scalar) or not node.text.strip():
        draft.comment_out(owner, entry)
        draft.say(CHANGED, draft.span(entry), "an empty condition is none")
        return
    if node.style == "plain" and node.text.lower() in _BOOLEANS:
        _boolean(node, place)
        return
    try:
        source, notes = condition(node, place)
    except Untranslatable as error:
        draft.comment_out(owner, entry)
        stop(place, draft.span(entry), error)
        return
    _write(node, source, notes, place, flow=owner.flow)


def carry_over_until(owner: Mapping, entry: Entry, place: Place) -> None:
    node = entry.value
    if not isinstance(node, Scalar):
        return
    try:
        source, notes = condition(node, place)
    except Untranslatable as error:
        place.draft.replace(node.start, node.end, "true")
        stop(place, place.draft.span(entry), error, now="until: true")
        return
    _write(node, source, notes, place, flow=owner.flow)


def _write(node: Scalar, source: str, notes: list[str], place: Place, *, flow: bool) -> None:
    if source == node.text.strip():
        return
    place.draft.replace(node.start, _end(node), emit(source, "plain", flow=flow))
    place.draft.say(CHANGED, node.span, explain(notes), now=source)


def _end(node: Scalar) -> int:
    """The end of a scalar; a block's last line end stays."""
    return node.start + len(node.span.text.rstrip())


def _boolean(node: Scalar, place: Place) -> None:
    """A literal boolean in a stage's `if` meant its opposite there: it was returned as "is skipped"."""
    if place.stage is None:
        return
    now = "false" if _BOOLEANS[node.text.lower()] else "true"
    place.draft.replace(node.start, node.end, now)
    place.draft.say(
        ATTENTION,
        node.span,
        f"`if: {node.text}` {'skipped' if now == 'false' else 'ran'} the stage there: a literal boolean meant its opposite",
        now=now,
        help="decide which of the two you want; if you never noticed, most likely the other one",
    )


def condition(node: Scalar, place: Place) -> tuple[str, list[str]]:
    """The condition as one expression with its delimiters, and what to say about it. Raises Untranslatable."""
    template = split(node)
    parts = template.parts if template else []
    if template and template.whole:
        (hole,) = (part for part in parts if isinstance(part, Hole))
        found = translate(hole.source, place, code=True)
        return f"${{{{ {print_expr(found.expr)} }}}}", [*found.notes]
    values: list[Value] = []
    notes = ["a condition is one expression of jobc, not text evaluated as Python"]

    def named(value: Value) -> str:
        values.append(value)
        return placeholder(len(values) - 1)

    python = ""
    for part in parts:
        if isinstance(part, Hole):
            found = translate(part.source, place, code=True)
            notes += found.notes
            python += named((found.expr, found.type))
        else:
            python += part.text
    python = python if parts else node.text
    python = VARIABLE.sub(lambda match: named((_variable(match["name"], match["default"]), "str")), python)

    def visit(path: Expr) -> Expr:
        found = translate_tree(path, place)
        notes.extend(found.notes)
        return found.expr

    return f"${{{{ {print_expr(translate_condition(python, values, visit))} }}}}", list(dict.fromkeys(notes))


def _variable(name: str, default: str | None) -> Expr:
    return Call("env", [Literal(name), Literal(default or "null")], [])
