"""A matrix key that only some combinations have, read without a default.

## What it does

Reports a read of `matrix.<key>` where `include` gives the key to some combinations only, and nothing says what holds
for the others: no `??`, no comparison, no condition on it. A shell word is left alone, for null is no word there.

## Why is this bad?

In the other combinations the value is null, which in text is nothing.

## Example

```yaml
jobs:
  test:
    strategy:
      matrix: {os: [linux, macos]}
      include: [{os: linux, label: main}]
    stages:
      - echo: "${{ matrix.os }} is ${{ matrix.label }}"
```

Use instead:

```yaml
jobs:
  test:
    strategy:
      matrix: {os: [linux, macos]}
      include: [{os: linux, label: main}]
    stages:
      - echo: "${{ matrix.os }} is ${{ matrix.label ?? 'extra' }}"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.model import SemanticModel, Site, WorkflowModel
from jobc.sema.types import NULL, members
from jobc.source.file import Span
from jobc.syntax.ast import Job
from jobc.syntax.expr import Binary, Call, Expr, Filter, Index, Literal, Member, Name

RULE = Rule(
    "JC308",
    "include-partial-key",
    INFO,
    "a matrix key that only some combinations have, read without a default",
)

_CALLS = frozenset(("default", "coalesce", "toJson", "toJSON", "json"))
_OPERATORS = frozenset(("??", "==", "!=", "in", "not-in"))


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        sites: dict[int, list[Site]] = {}
        for job in workflow.jobs.values():
            if job.strategy is None or job.strategy.include is None:
                continue
            from jobc.sema.combinations import combinations

            known = combinations(job, workflow) or []
            keys = {key for combination in known for key in combination}
            partial = {key: lacking for key in keys if (lacking := [c for c in known if key not in c])}
            if partial and not sites:
                for site in workflow.sites:
                    sites.setdefault(id(site.job), []).append(site)
            for site in sites.get(id(job), ()) if partial else ():
                yield from _reads(site, workflow, job, partial)


def _reads(
    site: Site, workflow: WorkflowModel, job: Job, partial: dict[str, list[dict[str, object]]]
) -> Iterator[Diagnostic]:
    placed = workflow.scripts.get(id(site.stage)) if site.position == "stage.script" else None
    words = {id(p.hole.expr) for p in placed.placements if p.use == "words"} if placed is not None else set()
    for hole in site.holes:
        if hole.expr is None:
            continue
        for part in _unguarded(hole.expr):
            key = _key(part)
            if key not in partial or id(part) in words or NULL not in members(workflow.type_of(part)):
                continue
            lacking = partial[key]
            shown = ", ".join(f"{name}={value}" for name, value in lacking[0].items())
            others = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            yield Diagnostic(
                RULE.name,
                f"`matrix.{key}` is null in the combination {shown}{others}",
                Span(hole.hole.span.file, part.start, part.end),
                help=f"say what holds there: `matrix.{key} ?? …`, or give every combination the key",
            )


def _key(expr: Expr) -> str:
    if isinstance(expr, Member) and isinstance(expr.object, Name) and expr.object.name == "matrix":
        return expr.name
    if isinstance(expr, Index) and isinstance(expr.object, Name) and expr.object.name == "matrix":
        return str(expr.index.value) if isinstance(expr.index, Literal) else ""
    return ""


def _unguarded(expr: Expr) -> Iterator[Expr]:
    """The parts of an expression that are not looked at for being null."""
    yield expr
    guarded: list[Expr] = []
    if isinstance(expr, Binary) and expr.op in _OPERATORS:
        guarded = [expr.left] if expr.op == "??" else [expr.left, expr.right]
    elif isinstance(expr, Call) and expr.function in _CALLS:
        guarded = list(expr.args)
    elif isinstance(expr, Filter) and expr.name in _CALLS:
        guarded = [expr.value]
    for child in expr.children():
        if not any(child is one for one in guarded) or not _key(child):
            yield from _unguarded(child)
