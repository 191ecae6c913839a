"""`runs-on`: where a job runs."""

from __future__ import annotations

from jobc.cli.importing.draft import Draft, entry_of, text_of
from jobc.cli.importing.item import ATTENTION, CHANGED, DROPPED
from jobc.cli.importing.place import Place
from jobc.cli.importing.templates import translate_values
from jobc.ir.environments import canonical
from jobc.source.nodes import Entry, Mapping, Scalar, Sequence
from jobc.syntax.keys import ENVIRONMENT_ARGS, ENVIRONMENTS

_CONTAINER = {"environment": "env", "working_dir": "workdir", "volumes": "volume"}


def carry_over_environment(entry: Entry, place: Place) -> None:
    node = entry.value
    draft = place.draft
    if not isinstance(node, Mapping) or not node.entries or not draft.first_visit(node):
        return
    type = entry_of(node, "type")
    written = text_of(type.value) if type else None
    name = (written or "local").replace("_", "-")
    if type and name == "container":
        name = "docker"
        draft.replace(type.value.start, type.value.end, name)
        draft.say(CHANGED, type.value.span, "a container is the environment `docker`", now=name)
    elif type and canonical(name) not in ENVIRONMENTS:
        draft.replace(type.value.start, type.value.end, "local")
        draft.say(
            ATTENTION,
            type.value.span,
            f"there is no environment `{written}`",
            now="local",
            help=f"choose one of {', '.join(ENVIRONMENTS)}",
        )
        name = "local"
    args = entry_of(node, "with", "args")
    if args and args.key.text == "with":
        draft.rename(node, args, "args")
        draft.say(CHANGED, args.key.span, "the arguments of an environment are its `args`", now="args")
    for other in node.entries:
        if other.key.text not in ("type", "with", "args"):
            draft.comment_out(node, other)
            draft.say(
                DROPPED,
                draft.span(other),
                f"`runs-on` ignored `{other.key.text}` there",
                help="check what it was for",
            )
    known = ENVIRONMENT_ARGS.get(canonical(name))
    if args and isinstance(args.value, Mapping) and known:
        for arg in args.value.entries:
            _argument(arg, args.value, name, known.spellings, draft)
        translate_values(args.value, place)
    if name == "docker" and (not args or not isinstance(args.value, Mapping) or not args.value.get("image")):
        _image(node, args, draft)


def _argument(arg: Entry, args: Mapping, name: str, known: object, draft: Draft) -> None:
    key = arg.key.text
    assert isinstance(known, dict)
    if name == "docker" and key in _CONTAINER and not (key == "volumes" and isinstance(arg.value, Sequence)):
        draft.rename(args, arg, _CONTAINER[key])
        draft.say(CHANGED, arg.key.span, f"`{key}` is `{_CONTAINER[key]}`", now=_CONTAINER[key])
    elif key not in known:
        draft.comment_out(args, arg)
        help = (
            "write it as a map `volume: {/host: /inside}`"
            if key == "volumes"
            else "check whether the job needs it"
        )
        draft.say(DROPPED, draft.span(arg), f"the environment `{name}` has no argument `{key}`", help=help)


def _image(node: Mapping, args: Entry | None, draft: Draft) -> None:
    image = "ubuntu:latest"
    if args and isinstance(args.value, Mapping) and args.value.entries:
        draft.add_before(args.value, args.value.entries[0], [f"image: {image}"])
    elif args and isinstance(args.value, Scalar):
        draft.replace(args.value.start, args.value.end, f"{{image: {image}}}")
    else:
        draft.add_before(node, node.entries[0], [f"args: {{image: {image}}}"])
    draft.say(
        ATTENTION,
        node.entries[0].key.span,
        "the image `ubuntu-latest` that was the default is not one of any registry",
        now=f"image: {image}",
        help="name the image that the job needs",
    )
