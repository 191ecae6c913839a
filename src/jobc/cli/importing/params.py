"""`params`: types and their settings."""

from __future__ import annotations

from jobc.cli.importing.draft import Draft, entry_of
from jobc.cli.importing.item import ATTENTION, CHANGED, DROPPED
from jobc.source.nodes import Entry, Mapping, Scalar

_KNOWN = ("type", "desc", "default", "required", "options", "precision")
_TYPES = ("str", "int", "float", "decimal", "date", "datetime", "choice", "map", "array")


def carry_over_params(entry: Entry, draft: Draft) -> None:
    if not isinstance(entry.value, Mapping) or not draft.first_visit(entry.value):
        return
    for param in entry.value.entries:
        if isinstance(param.value, Mapping):
            _declaration(param.key.text, param.value, draft)
        elif isinstance(param.value, Scalar):
            _type(param.value, draft)


def _declaration(param: str, node: Mapping, draft: Draft) -> None:
    type = entry_of(node, "type")
    kind = type.value.text if type and isinstance(type.value, Scalar) else ""
    if type and isinstance(type.value, Scalar):
        _type(type.value, draft)
    for entry in node.entries:
        name = entry.key.text
        if name == "options":
            draft.rename(node, entry, "enum")
            draft.say(CHANGED, entry.key.span, "the values of a choice are its `enum`", now="enum")
        elif name == "precision":
            draft.comment_out(node, entry)
            draft.say(
                DROPPED,
                draft.span(entry),
                "parameters are not rounded",
                help=f"round where the value is shown: `${{{{ params.{param} | fmt('.2f') }}}}`",
            )
        elif name not in _KNOWN:
            draft.comment_out(node, entry)
            draft.say(
                CHANGED, draft.span(entry), f"a parameter has no key `{name}`, and it was ignored there too"
            )
    if kind == "choice" and not entry_of(node, "required", "default") and type:
        draft.add_before(node, type, ["required: true"])
        draft.say(
            CHANGED,
            draft.span(type),
            "a choice must be given there, so it is required here",
            was="",
            now="required: true",
        )


def _type(scalar: Scalar, draft: Draft) -> None:
    if scalar.text == "array":
        draft.replace(scalar.start, scalar.end, "list")
        draft.say(CHANGED, draft.span(scalar), "an array is a `list`", now="list")
    elif scalar.text not in _TYPES:
        draft.replace(scalar.start, scalar.end, "any")
        draft.say(
            ATTENTION,
            draft.span(scalar),
            f"there is no parameter type `{scalar.text}`",
            now="any",
            help="name the type of the parameter, so that its values are checked",
        )
