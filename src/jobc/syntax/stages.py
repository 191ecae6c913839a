"""Stages (LANGUAGE §3): which kind a mapping is, and what that kind holds.

The kind is told by its key. Where two kinds claim a stage, the first is built and both are named; where none does,
the stage is left out. A kind's own key with a wrong value still gives the stage, with a value that stands for
"unknown", so that its id and its other keys are there for later phases.
"""

from __future__ import annotations

from collections.abc import Callable

from jobc.diagnostics.diagnostic import Label
from jobc.source.nodes import Entry, Mapping, Node, Scalar, Sequence
from jobc.syntax.ast import (
    Arm,
    BashStage,
    Branch,
    CallStage,
    CaseStage,
    Const,
    DockerStage,
    EmptyStage,
    ForEachStage,
    Item,
    ParallelStage,
    PyStage,
    RaiseStage,
    Stage,
    StageBase,
    TriggerStage,
    UntilStage,
    UseStages,
    Value,
)
from jobc.syntax.environments import argument
from jobc.syntax.fields import fields, require, spans, unknown_key
from jobc.syntax.keys import (
    ANY_STAGE,
    ARM,
    CONTAINER_OPTIONS,
    FAMILIAR_KEYS,
    ISOLATIONS,
    KIND_OF_KEY,
    KINDS,
    Kind,
)
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.reuse import arguments, is_path, reuse
from jobc.syntax.spelling import near, nearest
from jobc.syntax.strategy import stage_retry, whole
from jobc.syntax.values import (
    boolean,
    condition,
    duration,
    expression,
    extras,
    integer,
    items,
    one_of,
    plain,
    script,
    text,
    texts,
    time_limit,
    unknown,
    value,
)
from jobc.syntax.words import UnclosedQuote, split

Found = dict[str, Entry]


def stages(r: Reporter, node: Node, what: str) -> list[Stage]:
    """A list of stages; those that are no stages are reported and left out."""
    if not isinstance(node, Sequence):
        if isinstance(node, Mapping):
            help = "put `- ` before each stage"
        else:
            help = "write the stages below it, each after `- `, or remove the key"
        r.wrong(node.span, f"{what} is {kind_of(node)}, not a list of stages", help)
        return []
    made: list[Stage] = []
    for item in node.items:
        stage = _stage(r, item)
        if stage is not None:
            made.append(stage)
    return made


def _stage(r: Reporter, node: Node) -> Stage | None:
    if not isinstance(node, Mapping):
        help = (
            "write `bash: …` for a command"
            if isinstance(node, Scalar)
            else "write `key: value` after the `- `"
        )
        r.wrong(node.span, f"a stage is {kind_of(node)}, not a mapping", help)
        return None
    told: dict[str, Entry] = {}
    for entry in node.entries:
        name = KIND_OF_KEY.get(entry.key.text)
        if name is not None and name not in told:
            told[name] = entry
    if not told:
        return _kindless(r, node)
    (name, key), *others = told.items()
    if name == "call" and isinstance(key.value, Scalar) and is_path(key.value.text):
        name = "use"
    kind = KINDS[name]
    for other, entry in others:
        r.wrong(
            entry.key.span,
            f"a stage is of one kind: `{key.key.text}` makes it {_a(kind.name)} stage, `{entry.key.text}` {_a(other)} stage",
            "make two stages of it, each after its own `- `",
            related=(Label(key.key.span, "this tells the kind"),),
        )
    found = _fields(r, node, kind, [KINDS[other] for other, _ in others])
    require(r, found, kind.table, key.key.span, kind.table.node)
    stage = _BUILDERS[name](r, node, key, found)
    if stage is not None:
        _common(r, stage, found)
    return stage


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _fields(r: Reporter, node: Mapping, kind: Kind, others: list[Kind]) -> Found:
    """The fields of the kind. Keys of another kind are named as such, unless that kind was reported already."""
    table = kind.table
    strange = [entry for entry in node.entries if entry.key.text not in table.spellings]
    if not strange:
        return fields(r, node, table)
    known = Mapping(node.file, node.start, node.flow, None, None)
    known.end = node.end
    known.entries = [entry for entry in node.entries if entry.key.text in table.spellings]
    found = fields(r, known, table)
    for entry in strange:
        if any(entry.key.text in other.table.spellings for other in others):
            continue
        owners = [k for k in KINDS.values() if k is not kind and entry.key.text in k.table.spellings]
        otherwise = ""
        if owners:
            listed = " and ".join(f"`{owner.keys[0]}`" for owner in owners if owner.name != "use")
            otherwise = f"it belongs to stages with {listed or '`uses`'}; here it means nothing"
        unknown_key(r, entry, table, found, otherwise)
    return found


def _kindless(r: Reporter, node: Mapping) -> Stage | None:
    """A stage whose kind no key tells: say which key is misspelt or missing. A misspelt one still gives its stage."""
    for entry in node.entries:
        if entry.key.text in ANY_STAGE.spellings:
            continue
        meant = near(entry.key.text, ANY_STAGE.spellings)
        if len(meant) == 1 and meant[0] in KIND_OF_KEY:
            return _stage(r, _respelt(r, node, entry, meant[0]))
    for entry in node.entries:
        name = entry.key.text
        owners = [k for k in KINDS.values() if name in k.table.spellings and k.name != "use"]
        if len(owners) == 1:
            r.missing(
                entry.key.span,
                f"`{name}` belongs to {_a(owners[0].name)} stage, but this stage has no `{owners[0].keys[0]}`",
                f"add `{owners[0].keys[0]}:`",
            )
            return None
    for entry in node.entries:
        familiar = FAMILIAR_KEYS.get(nearest(entry.key.text, FAMILIAR_KEYS) or "")
        if entry.key.text not in ANY_STAGE.spellings and familiar in KIND_OF_KEY:
            unknown_key(r, entry, ANY_STAGE, {})
            return None
    strange = [entry for entry in node.entries if entry.key.text not in ANY_STAGE.spellings]
    listed = ", ".join(f"`{key}`" for key in KIND_OF_KEY)
    at = strange[0].key.span if strange else node.entries[0].key.span if node.entries else node.span
    r.missing(at, "this stage does nothing: no key says of what kind it is", f"add one of {listed}")
    return None


def _respelt(r: Reporter, node: Mapping, wrong: Entry, meant: str) -> Mapping:
    unknown_key(r, wrong, ANY_STAGE, {})
    made = Mapping(node.file, node.start, node.flow, node.tag, node.anchor)
    made.end = node.end
    for entry in node.entries:
        key = entry.key
        if entry is wrong:
            key = Scalar(key.file, key.start, key.end, meant, meant, key.style)
        made.entries.append(Entry(key, entry.value, entry.merged))
    return made


def _common(r: Reporter, stage: StageBase, found: Found) -> None:
    stage.keys = spans(found)
    get = found.get
    if entry := get("id"):
        stage.id = plain(r, entry.value, "`id`", "the stage's id")
        stage.id_span = entry.value.span
    if entry := get("name"):
        stage.name = text(r, entry.value, "`name`")
    if entry := get("desc"):
        stage.desc = text(r, entry.value, "`desc`")
    if entry := get("condition"):
        stage.condition = condition(r, entry.value, f"`{entry.key.text}`")
    if entry := get("env"):
        stage.env = texts(r, entry.value, "`env`")
    if entry := get("timeout"):
        stage.timeout = time_limit(r, entry.value, "`timeout`")
    if entry := get("retry"):
        stage.retry = stage_retry(r, entry.value)
    if entry := get("continue-on-error"):
        stage.continue_on_error = boolean(r, entry.value, "`continue-on-error`")
    if entry := get("extras"):
        stage.extras = extras(r, entry.value)


def _empty(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    stage = EmptyStage(node.span, key.key.span, node)
    if entry := found.get("echo"):
        stage.echo = text(r, entry.value, "`echo`")
    if entry := found.get("sleep"):
        stage.sleep = duration(r, entry.value, "`sleep`")
    return stage


def _bash(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    stage = BashStage(node.span, key.key.span, node, script(r, key.value, "`bash`"))
    if entry := found.get("shell"):
        stage.shell = text(r, entry.value, "`shell`")
    return stage


def _python(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    stage = PyStage(node.span, key.key.span, node, script(r, key.value, "`run`"))
    if entry := found.get("vars"):
        stage.vars = items(r, entry.value, "`vars`")
    if entry := found.get("deps"):
        given = entry.value
        for each in given.items if isinstance(given, Sequence) else [] if is_null(given) else [given]:
            package = text(r, each, "a package in `deps`")
            if package is not None:
                stage.deps.append(package)
    if entry := found.get("isolation"):
        stage.isolation = one_of(r, entry.value, "`isolation`", ISOLATIONS) or stage.isolation
    return stage


def _call(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    function = text(r, key.value, "`uses`")
    if isinstance(function, Const) and not str(function.value).strip():
        r.wrong(
            key.value.span, "`uses` is empty", "write `module:function`, a registered name, or `path#job`"
        )
        function = None
    stage = CallStage(node.span, key.key.span, node, function or unknown(key.value))
    stage.with_ = arguments(r, found)
    return stage


def _use(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage | None:
    given = reuse(r, key.value, "`uses`", arguments(r, found))
    return None if given is None else UseStages(node.span, key.key.span, node, given)


def _trigger(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage | None:
    workflow = plain(r, key.value, "`trigger`", "a workflow's name, `path` or `path#name`")
    if workflow is None:
        return None
    stage = TriggerStage(node.span, key.key.span, node, workflow, key.value.span)
    if entry := found.get("params"):
        stage.params = items(r, entry.value, "`params`")
    return stage


def _parallel(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    stage = ParallelStage(node.span, key.key.span, node)
    given = key.value
    if not isinstance(given, Mapping) or not given.entries:
        got = "empty" if isinstance(given, Mapping) else kind_of(given)
        r.wrong(
            given.span,
            f"`parallel` is {got}, not a mapping of branches",
            "write `name: [stages]` for each branch",
        )
    else:
        for entry in given.entries:
            name = entry.key.text
            stage.branches.append(
                Branch(name, entry.key.span, stages(r, entry.value, f"the branch `{name}`"))
            )
    _max_parallel(r, stage, found)
    return stage


def _foreach(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    given = key.value
    if isinstance(given, Sequence):
        stage = ForEachStage(node.span, key.key.span, node, value(r, given))
    elif isinstance(given, Scalar) and (dynamic := whole(r, given)):
        stage = ForEachStage(node.span, key.key.span, node, dynamic)
    else:
        r.wrong(
            given.span,
            f"`foreach` is {kind_of(given)}, not a list",
            "write `[a, b]`, or one expression that gives a list",
        )
        stage = ForEachStage(node.span, key.key.span, node, unknown(given))
    if entry := found.get("stages"):
        stage.stages = stages(r, entry.value, "`stages`")
    _max_parallel(r, stage, found)
    return stage


def _max_parallel(r: Reporter, stage: ParallelStage | ForEachStage, found: Found) -> None:
    if entry := found.get("max-parallel"):
        stage.max_parallel = integer(r, entry.value, "`max-parallel`", 1)


def _until(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    stage = UntilStage(
        node.span, key.key.span, node, condition(r, key.value, "`until`") or unknown(key.value)
    )
    if entry := found.get("item"):
        stage.item = value(r, entry.value)
    if entry := found.get("max-loop"):
        stage.max_loop = integer(r, entry.value, "`max-loop`", 1)
    if entry := found.get("stages"):
        stage.stages = stages(r, entry.value, "`stages`")
    return stage


def _case(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    stage = CaseStage(node.span, key.key.span, node, expression(r, key.value, "`case`") or unknown(key.value))
    if entry := found.get("match"):
        if isinstance(entry.value, Sequence):
            for item in entry.value.items:
                arm = _arm(r, item)
                if arm is not None:
                    _add_arm(r, stage, arm)
        else:
            r.wrong(
                entry.value.span,
                f"`match` is {kind_of(entry.value)}, not a list",
                "write a list of `{case: value, stages: […]}`",
            )
    if entry := found.get("else"):
        _add_arm(r, stage, Arm(None, entry.key.span, stages(r, entry.value, f"`{entry.key.text}`")))
    if entry := found.get("skip-not-match"):
        stage.skip_not_match = boolean(r, entry.value, "`skip-not-match`")
    return stage


def _add_arm(r: Reporter, stage: CaseStage, arm: Arm) -> None:
    if arm.case is None:
        for other in stage.arms:
            if other.case is None:
                r.duplicate(
                    arm.case_span, "this `case` has a default already", "remove one of them", other.case_span
                )
                return
    stage.arms.append(arm)


def _arm(r: Reporter, node: Node) -> Arm | None:
    if not isinstance(node, Mapping):
        r.wrong(
            node.span,
            f"an entry of `match` is {kind_of(node)}, not a mapping",
            "write `{case: value, stages: […]}`",
        )
        return None
    found = fields(r, node, ARM)
    default, case, body = found.get("else"), found.get("case"), found.get("stages")
    if default and not case and (not body or is_null(default.value)):
        named = body or default
        return Arm(None, default.key.span, stages(r, named.value, f"`{named.key.text}`"))
    if default:
        r.wrong(
            default.key.span,
            f"a `match` entry has `{default.key.text}` beside `{'case' if case else 'stages'}`",
            "give the default an entry of its own, `- else: [stages]`",
        )
    first = node.entries[0].key.span if node.entries else node.span
    require(r, found, ARM, first, ARM.node)
    if case is None:
        return None
    given = case.value
    inside = stages(r, body.value, "`stages`") if body else []
    if not isinstance(given, Scalar):
        r.wrong(
            given.span,
            f"`case` is {kind_of(given)}, not one value",
            "write one value; make an entry for each",
        )
        return Arm(unknown(given), given.span, inside)
    if given.text in ("_", "else"):
        return Arm(None, given.span, inside)
    return Arm(value(r, given), given.span, inside)


def _raise(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    message = text(r, key.value, "`raise`")
    return RaiseStage(node.span, key.key.span, node, message or unknown(key.value))


def _docker(r: Reporter, node: Mapping, key: Entry, found: Found) -> Stage:
    image = text(r, key.value, "`image`")
    if isinstance(image, Const) and not str(image.value).strip():
        r.wrong(key.value.span, "`image` is empty", "write the image's name, such as `python:3.12-slim`")
        image = None
    stage = DockerStage(node.span, key.key.span, node, image or unknown(key.value))
    if entry := found.get("command"):
        if isinstance(entry.value, Mapping):
            r.wrong(entry.value.span, "`command` is a mapping", "write one text, or a list of words")
        else:
            stage.command = value(r, entry.value)
            _check_quotes(r, stage.command)
    if entry := found.get("volume"):
        stage.volume = texts(r, entry.value, "`volume`")
    for option in CONTAINER_OPTIONS:
        if option.name in found:
            entry = found[option.name]
            given = argument(r, option, entry.value)
            if given is not None:
                stage.options.append(Item(option.name.replace("-", "_"), entry.key.span, given))
    return stage


def _check_quotes(r: Reporter, command: Value) -> None:
    parts = [str(command.value)] if isinstance(command, Const) else getattr(command, "parts", [])
    try:
        split(parts)
    except UnclosedQuote:
        r.wrong(command.span, "`command` has a quote that does not end", "close it, or write a list of words")


_BUILDERS: dict[str, Callable[[Reporter, Mapping, Entry, Found], Stage | None]] = {
    "empty": _empty,
    "bash": _bash,
    "python": _python,
    "call": _call,
    "use": _use,
    "trigger": _trigger,
    "parallel": _parallel,
    "foreach": _foreach,
    "until": _until,
    "case": _case,
    "raise": _raise,
    "docker": _docker,
}
