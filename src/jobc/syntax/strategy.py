"""`strategy`, `retry` and `concurrency`: how often, and beside what, a job or a stage runs (LANGUAGE §2–3)."""

from __future__ import annotations

from jobc.source.nodes import Mapping, Node, Scalar, Sequence
from jobc.syntax.ast import (
    Concurrency,
    Const,
    Item,
    ListValue,
    MapValue,
    Retry,
    Strategy,
    TemplateValue,
    Value,
)
from jobc.syntax.fields import fields, node_of, require
from jobc.syntax.keys import BACKOFFS, CONCURRENCY, RETRY, STRATEGY
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.values import (
    boolean,
    duration,
    integer,
    map_value,
    mapping,
    one_of,
    plain,
    template,
    text,
    value,
)

_COMBINATIONS = ("include", "exclude")


def strategy(r: Reporter, node: Node) -> Strategy | None:
    if not isinstance(node, Mapping):
        r.wrong(node.span, f"`strategy` is {kind_of(node)}, not a mapping", "write `{matrix: {key: [a, b]}}`")
        return None
    found = fields(r, node, STRATEGY)
    made = Strategy(node.span)
    if (given := node_of(found, "matrix")) is not None:
        made.matrix = _matrix(r, given)
    if (given := node_of(found, "include")) is not None:
        made.include = _combinations(r, given, "`include`")
    if (given := node_of(found, "exclude")) is not None:
        made.exclude = _combinations(r, given, "`exclude`")
    if (given := node_of(found, "max-parallel")) is not None:
        made.max_parallel = integer(r, given, "`max-parallel`", 1)
    if (given := node_of(found, "fail-fast")) is not None:
        made.fail_fast = boolean(r, given, "`fail-fast`")
    return made


def whole(r: Reporter, node: Scalar) -> TemplateValue | None:
    """A scalar that is one expression and nothing else."""
    made = template(r, node)
    return made if made is not None and made.whole else None


def _matrix(r: Reporter, node: Node) -> MapValue | TemplateValue | None:
    if isinstance(node, Scalar) and (dynamic := whole(r, node)):
        return dynamic
    found = mapping(r, node, "`matrix`", "key: [a, b]")
    if found is None:
        return None
    axes: list[Item] = []
    for entry in found.entries:
        name, given = entry.key.text, entry.value
        if (
            name in _COMBINATIONS
            and isinstance(given, Sequence)
            and any(isinstance(i, Mapping) for i in given.items)
        ):
            r.wrong(
                entry.key.span,
                f"`{name}` stands inside `matrix`",
                f"move `{name}` beside `matrix`, one level up",
            )
        elif isinstance(given, Sequence):
            axes.append(Item(name, entry.key.span, value(r, given)))
        elif isinstance(given, Scalar) and (dynamic := whole(r, given)):
            axes.append(Item(name, entry.key.span, dynamic))
        else:
            r.wrong(
                given.span,
                f"`{name}` in `matrix` is {kind_of(given)}, not a list",
                "write its values as a list, `[a, b]`, or one expression that gives a list",
            )
    return MapValue(axes, found)


def _combinations(r: Reporter, node: Node, what: str) -> ListValue | TemplateValue | None:
    if isinstance(node, Scalar) and (dynamic := whole(r, node)):
        return dynamic
    if not isinstance(node, Sequence):
        r.wrong(
            node.span,
            f"{what} is {kind_of(node)}, not a list",
            "write a list of combinations, `- {key: value}`",
        )
        return None
    made: list[Value] = []
    for item in node.items:
        if isinstance(item, Mapping):
            made.append(map_value(r, item))
        elif isinstance(item, Scalar) and (dynamic := whole(r, item)):
            made.append(dynamic)
        else:
            r.wrong(
                item.span, f"an entry of {what} is {kind_of(item)}, not a mapping", "write `{key: value}`"
            )
    return ListValue(made, node)


def retry(r: Reporter, node: Node) -> Retry | None:
    """`retry: 5`, `true`, `false` (no further attempts, whatever `defaults` say), an expression, or a mapping."""
    made = Retry(node.span)
    if isinstance(node, Scalar):
        if node.value is True:
            return made
        made.attempts = Const(0, node) if node.value is False else integer(r, node, "`retry`", 0)
        return None if made.attempts is None else made
    if not isinstance(node, Mapping):
        r.wrong(
            node.span,
            f"`retry` is {kind_of(node)}",
            "write how many further attempts, or `{attempts: 3, delay: 5s}`",
        )
        return None
    found = fields(r, node, RETRY)
    if (given := node_of(found, "attempts")) is not None:
        made.attempts = integer(r, given, "`attempts`", 0)
    if (given := node_of(found, "delay")) is not None:
        made.delay = duration(r, given, "`delay`")
    if (given := node_of(found, "backoff")) is not None:
        made.backoff = one_of(r, given, "`backoff`", BACKOFFS)
    if (given := node_of(found, "max-delay")) is not None:
        made.max_delay = duration(r, given, "`max-delay`")
    if (given := node_of(found, "jitter")) is not None:
        switch = isinstance(given, Scalar) and isinstance(given.value, bool)
        made.jitter = boolean(r, given, "`jitter`") if switch else duration(r, given, "`jitter`")
    if (given := node_of(found, "on")) is not None:
        made.on = _retry_on(r, given)
    if (given := node_of(found, "preemptions")) is not None:
        made.preemptions = integer(r, given, "`preemptions`", 0)
        if found.keys() == {"preemptions"} and isinstance(given, Scalar):
            made.attempts = Const(0, given)
    return made


def stage_retry(r: Reporter, node: Node) -> Retry | None:
    """As a job's, but an environment takes away whole attempts at a job, never a stage."""
    made = retry(r, node)
    if made is not None and made.preemptions is not None:
        r.wrong(
            made.preemptions.span,
            "`preemptions` stands in the `retry` of a stage",
            "move it into the `retry` of the job: an environment takes away a whole job",
        )
        made.preemptions = None
    return made


def _retry_on(r: Reporter, node: Node) -> list[str | int]:
    made: list[str | int] = []
    wanted = "an exception's name, such as `TimeoutError`, or an exit code"
    for item in node.items if isinstance(node, Sequence) else [] if is_null(node) else [node]:
        if isinstance(item, Scalar) and isinstance(item.value, int) and not isinstance(item.value, bool):
            if 0 < item.value < 256:
                made.append(item.value)
            else:
                r.wrong(
                    item.span,
                    f"no attempt fails with exit code {item.value}",
                    "exit codes of a failure are 1 to 255",
                )
            continue
        name = plain(r, item, "`on`", wanted)
        if name is None:
            continue
        if all(part.isidentifier() for part in name.split(".")):
            made.append(name)
        else:
            r.wrong(item.span, f"`{name}` names no exception", f"write {wanted}")
    return made


def concurrency(r: Reporter, node: Node) -> Concurrency | None:
    """A group's name, or a mapping."""
    if not isinstance(node, Mapping):
        if not isinstance(node, Scalar) or is_null(node):
            r.wrong(
                node.span,
                f"`concurrency` is {kind_of(node)}, not a group",
                "write the group's name, or `{group: …}`",
            )
            return None
        group = text(r, node, "`concurrency`")
        return None if group is None else Concurrency(node.span, group)
    found = fields(r, node, CONCURRENCY)
    require(r, found, CONCURRENCY, node.span, "`concurrency`")
    group = text(r, given, "`group`") if (given := node_of(found, "group")) is not None else None
    limit = integer(r, given, "`limit`", 1) if (given := node_of(found, "limit")) is not None else None
    given = node_of(found, "cancel-in-progress")
    cancel = boolean(r, given, "`cancel-in-progress`") if given is not None else None
    if group is None:
        return None
    made = Concurrency(node.span, group)
    made.limit = limit
    made.cancel_in_progress = cancel
    return made
