"""Stages: their keys kind by kind, and the stages inside of them."""

from __future__ import annotations

from jobc.cli.importing.draft import entry_of, text_of
from jobc.cli.importing.guards import carry_over_condition, carry_over_until
from jobc.cli.importing.item import ATTENTION, CHANGED, DROPPED
from jobc.cli.importing.outline import StageOutline, kind_of
from jobc.cli.importing.place import Named, Place
from jobc.cli.importing.retries import carry_over_retry
from jobc.cli.importing.scalars import emit
from jobc.cli.importing.scripts import carry_over_bash, carry_over_python
from jobc.cli.importing.templates import has_holes, stop, translate_values
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.source.nodes import Entry, Mapping, Node, Scalar, Sequence
from jobc.syntax.expr import Literal

#: Keys that the original ignores here because it knows only their other spelling.
_IGNORED = {"max_workers": "max-workers", "max_loop": "max-loop", "skip_not_match": "skip-not-match"}
#: The keys of a kind that its own function carries over.
_OWN = {
    "empty": (),
    "bash": ("bash",),
    "python": ("run",),
    "virtual-python": ("run", "deps", "version"),
    "call": ("uses", "with", "args"),
    "trigger": ("trigger", "params"),
    "parallel": ("parallel", "max-workers"),
    "foreach": ("foreach", "stages", "concurrent", "use_index_as_key"),
    "until": ("until", "stages", "max-loop", "item"),
    "case": ("case", "match", "skip-not-match"),
    "docker": ("image", "tag", "volume", "auth"),
    "raise": ("raise",),
}
_A_STAGE = {kind: f"{'an' if kind == 'empty' else 'a'} `{kind}` stage" for kind in _OWN}
_RETRIED = ("bash", "python", "virtual-python", "call", "trigger", "docker")
_TRANSLATED = {
    "empty": ("echo", "sleep"),
    "bash": ("env",),
    "python": ("vars",),
    "virtual-python": ("vars",),
    "until": ("item",),
    "docker": ("env",),
    "raise": ("raise",),
}


def carry_over_stages(node: Node | None, place: Place) -> None:
    """Carry over a list of stages, with a `raise` stage before each that needs the user's hand first."""
    if not isinstance(node, Sequence) or not place.draft.first_visit(node):
        return
    for item in node.items:
        if not isinstance(item, Mapping) or not place.draft.first_visit(item):
            continue
        inner = place.inside(StageOutline(item))
        if place.job is not None and inner.stage is not None and inner.stage.id in place.job.stages:
            inner.stage = place.job.stages[inner.stage.id]
        _stage(item, inner)
        stop_before(node, item, inner)


def stop_before(stages: Sequence, item: Node, place: Place) -> None:
    """Put what must be done before a stage can run in front of it, as stages that fail and say it."""
    for message in place.stops:
        text = message.replace("${{", "$${{").replace("$<<", "$$<<")
        place.draft.add_item_before(stages, item, f"raise: {emit(text, 'single', flow=stages.flow)}")
    place.stops.clear()


def _stage(node: Mapping, place: Place) -> None:
    kind = kind_of(node)
    draft = place.draft
    for entry in [*node.entries]:
        name = entry.key.text
        if entry.merged:
            continue
        if name in ("if", "condition"):
            if name == "condition":
                draft.say(
                    ATTENTION,
                    entry.key.span,
                    "`condition` was ignored there, only `if` was read",
                    help=_IGNORED_HELP,
                )
            carry_over_condition(node, entry, place)
        elif name == "retry" and kind in _RETRIED:
            carry_over_retry(entry, draft)
        elif name == "id":
            _id(node, entry, place)
        elif name in ("name", "desc", *_TRANSLATED.get(kind, ())):
            translate_values(entry.value, place, flow=node.flow)
        elif name in _IGNORED:
            draft.comment_out(node, entry)
            draft.say(
                CHANGED,
                draft.span(entry),
                f"`{name}` was ignored there: the key that it read is `{_IGNORED[name]}`",
            )
        elif name not in _OWN[kind] and name != "extras":
            draft.comment_out(node, entry)
            draft.say(
                DROPPED,
                draft.span(entry),
                f"{_A_STAGE[kind]} has no key `{name}`",
                help="check what it was for",
            )
    _KIND[kind](node, place)


_IGNORED_HELP = "decide whether it is to count: it does now"


def _id(node: Mapping, entry: Entry, place: Place) -> None:
    if has_holes(entry.value):
        place.draft.comment_out(node, entry)
        place.draft.say(
            ATTENTION,
            place.draft.span(entry),
            "an id is a fixed name: each combination of the matrix has stages of its own",
            help="give the stage a fixed id if its outputs are read",
        )


def _empty(node: Mapping, place: Place) -> None:
    if not entry_of(node, "echo", "sleep") and node.entries:
        place.draft.add_before(node, node.entries[0], ["echo: ''"])
        place.draft.say(
            CHANGED, node.entries[0].key.span, "a stage that does nothing says so", was="", now="echo: ''"
        )


def _bash(node: Mapping, place: Place) -> None:
    entry = entry_of(node, "bash")
    assert entry is not None
    assert place.stage is not None
    carry_over_bash(entry, place.stage, place, flow=node.flow)
    env = entry_of(node, "env")
    if env:
        place.draft.say(
            CHANGED,
            env.key.span,
            "the variables are exported, so the programs that the script starts see them too",
        )


def _python(node: Mapping, place: Place) -> None:
    entry = entry_of(node, "run")
    assert entry is not None
    assert place.stage is not None
    carry_over_python(entry, place.stage, place, flow=node.flow)


def _virtual_python(node: Mapping, place: Place) -> None:
    _python(node, place)
    deps, version = entry_of(node, "deps"), entry_of(node, "version")
    if deps:
        translate_values(deps.value, place, flow=node.flow)
    if version:
        place.draft.comment_out(node, version)
        place.draft.say(
            DROPPED,
            place.draft.span(version),
            "the virtual environment is made with the Python that runs the job",
            help="run the job where that version is, in a container for example",
        )


def _call(node: Mapping, place: Place) -> None:
    uses, arguments = entry_of(node, "uses"), entry_of(node, "with", "args")
    assert uses is not None
    draft = place.draft
    written = text_of(uses.value) or ""
    path, slash, rest = written.partition("/")
    function, at, tag = rest.partition("@")
    name = function.replace("-", "_")
    if not slash or not at or has_holes(uses.value) or not name.isidentifier():
        error = Untranslatable("it names no function", "name it as `uses: module:function`")
        draft.replace(uses.value.start, uses.value.end, emit(written.replace("${{", "$${{"), "single"))
        stop(place, draft.span(uses), error)
    else:
        module = ".".join([*_registry(node, place), path])
        draft.replace(uses.value.start, uses.value.end, f"{module}:{name}")
        draft.say(
            ATTENTION,
            uses.value.span,
            f"functions are called by module and name, not by alias and tag, so `{written}` is guessed",
            now=f"{module}:{name}",
            help=f'name the module and the function that was registered with `@tag("{tag}", alias="{function}")`;'
            " `result` and `extras` are not passed to it",
        )
    if arguments:
        if arguments.key.text == "args":
            draft.rename(node, arguments, "with")
            draft.say(CHANGED, arguments.key.span, "arguments stand below `with`", now="with")
        translate_values(arguments.value, place, flow=node.flow)


def _registry(node: Mapping, place: Place) -> list[str]:
    """The package in which `extras` has functions looked up, where it names one."""
    for owner in (node, place.job.node if place.job else None, place.workflow.node):
        extras = owner.get("extras") if owner else None
        packages = extras.get("registry_caller") if isinstance(extras, Mapping) else None
        if isinstance(packages, Sequence) and packages.items and isinstance(packages.items[0], Scalar):
            return [packages.items[0].text]
    return []


def _trigger(node: Mapping, place: Place) -> None:
    trigger, params = entry_of(node, "trigger"), entry_of(node, "params")
    assert trigger is not None
    draft = place.draft
    name = text_of(trigger.value) or ""
    if name in place.workflow.siblings:
        if params:
            translate_values(params.value, place, flow=node.flow)
        return
    if has_holes(trigger.value):
        why = "which workflow runs is computed there, and fixed here"
        help = "choose with a `case` stage, and write `trigger: path/to/file.job.yml#name` in each of its entries"
    else:
        why = f"the workflow `{name}` is not in this file, and workflows of other files are named by path"
        help = f"import its file too, then write `trigger: path/to/file.job.yml#{name}`"
    message = f"the workflow `{name}` is to run here: {help}"
    draft.replace(
        trigger.key.start, draft.end(trigger), f"raise: {emit(message.replace('${{', '$${{'), 'single')}"
    )
    if params:
        draft.comment_out(node, params)
    retry = entry_of(node, "retry")
    if retry:
        draft.comment_out(node, retry)
    draft.say(
        ATTENTION,
        draft.span(trigger),
        why,
        now="raise: …",
        help=help + (", with the params of the comment" if params else ""),
    )


def _parallel(node: Mapping, place: Place) -> None:
    entry = entry_of(node, "parallel")
    assert entry is not None
    branches = entry.value
    _limit(node, entry, place, "max-workers", 2, unbounded="branches run all at once")
    for branch in branches.entries if isinstance(branches, Mapping) else []:
        names: dict[str, Named] = {"branch": (Literal(branch.key.text), "str")}
        carry_over_stages(branch.value, place.inside(place.stage, names))


def _foreach(node: Mapping, place: Place) -> None:
    entry = entry_of(node, "foreach")
    assert entry is not None
    draft = place.draft
    _limit(node, entry, place, "concurrent", 1)
    index = entry_of(node, "use_index_as_key")
    if index:
        draft.comment_out(node, index)
        draft.say(CHANGED, draft.span(index), "the outputs are a list, so equal items are no problem")
    if isinstance(entry.value, Scalar) and not has_holes(entry.value):
        _literal_list(entry.value, place)
    else:
        translate_values(entry.value, place, flow=node.flow)
    carry_over_stages(node.get("stages"), place.inside(place.stage, loop="foreach"))


def _literal_list(node: Scalar, place: Place) -> None:
    """A list that is written as a text."""
    if not (node.text.strip().startswith("[") and node.text.strip().endswith("]")):
        return
    import json

    try:
        text = json.dumps(json.loads(node.text), ensure_ascii=False)
    except ValueError:
        text = "${{ " + node.text.strip() + " }}"
        text = emit(text, "single")
    place.draft.replace(node.start, node.end, text)
    place.draft.say(CHANGED, node.span, "a list is a list, not the text of one", now=text)


def _until(node: Mapping, place: Place) -> None:
    entry = entry_of(node, "until")
    assert entry is not None
    carry_over_until(node, entry, place)
    item = node.get("item")
    if item is None:
        place.draft.add_before(node, entry, ["item: 0"])
        place.draft.say(
            CHANGED, entry.key.span, "the first item is 0 there by default", was="", now="item: 0"
        )
    if not _sets_item(node):
        place.draft.say(
            ATTENTION,
            entry.key.span,
            "no stage of the loop has an output `item`, which then was the number of the round",
            help="count it: add the stage `run: item = ${{ item }} + 1`",
        )
    inner = place.inside(place.stage, loop="until")
    carry_over_stages(node.get("stages"), inner)


def _sets_item(node: Mapping) -> bool:
    import re

    file = node.file
    return re.search(r"\bitem\b\s*[-+*/]?=", file.text[node.start : node.end]) is not None


def _case(node: Mapping, place: Place) -> None:
    entry, match = entry_of(node, "case"), entry_of(node, "match")
    assert entry is not None
    translate_values(entry.value, place, flow=node.flow)
    arms = match.value if match else None
    for arm in arms.items if isinstance(arms, Sequence) else []:
        if not isinstance(arm, Mapping):
            continue
        value, other = arm.get("case"), arm.get("else")
        translate_values(value, place, flow=arm.flow)
        names: dict[str, Named] = {}
        if isinstance(value, Scalar) and not has_holes(value):
            names["case"] = (Literal(value.value), "str" if isinstance(value.value, str) else "int")
        elif other is not None:
            names["case"] = (Literal("_"), "str")
        carry_over_stages(other if other is not None else arm.get("stages"), place.inside(place.stage, names))


def _docker(node: Mapping, place: Place) -> None:
    image, tag = entry_of(node, "image"), entry_of(node, "tag")
    assert image is not None
    draft = place.draft
    written, label = text_of(image.value) or "", text_of(tag.value) if tag else "latest"
    if has_holes(image.value) or (tag and has_holes(tag.value)):
        translate_values(image.value, place, flow=node.flow)
    elif tag or ":" not in written.rpartition("/")[2]:
        now = f"{written}:{label}"
        draft.replace(
            image.value.start,
            image.value.end,
            emit(now, image.value.style if isinstance(image.value, Scalar) else "single"),
        )
        draft.say(CHANGED, image.value.span, "an image is named with its tag", now=now)
    if tag:
        draft.comment_out(node, tag)
        if has_holes(image.value) or has_holes(tag.value):
            draft.say(ATTENTION, draft.span(tag), "a tag belongs to `image`", help="write `image: name:tag`")
    for entry in (entry_of(node, "volume"), entry_of(node, "auth")):
        if entry:
            translate_values(entry.value, place, flow=node.flow)


def _raise(node: Mapping, place: Place) -> None:
    """Its message is translated with the common keys."""


def _limit(
    node: Mapping, before: Entry, place: Place, key: str, default: int, *, unbounded: str = ""
) -> None:
    """How many run at once: `max-parallel`."""
    draft = place.draft
    entry = entry_of(node, key)
    if entry:
        draft.rename(node, entry, "max-parallel")
        draft.say(CHANGED, entry.key.span, f"`{key}` is `max-parallel`", now="max-parallel")
        translate_values(entry.value, place, flow=node.flow)
    elif unbounded:
        draft.add_before(node, before, [f"max-parallel: {default}"])
        note = f"there, {default} at once is the default; here {unbounded}"
        draft.say(CHANGED, before.key.span, note, was="", now=f"max-parallel: {default}")


_KIND = {
    "empty": _empty,
    "bash": _bash,
    "python": _python,
    "virtual-python": _virtual_python,
    "call": _call,
    "trigger": _trigger,
    "parallel": _parallel,
    "foreach": _foreach,
    "until": _until,
    "case": _case,
    "docker": _docker,
    "raise": _raise,
}
