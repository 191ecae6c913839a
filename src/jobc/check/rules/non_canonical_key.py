"""## What it does

Reports keys that are not in their canonical spelling: `runs_on` for `runs-on`, `if` for `condition`.

## Why is this bad?

It is worth knowing: both mean the same, and one spelling is easier to search for. `jobc` accepts either.

## Example

```yaml
jobs:
  build:
    runs_on: local
    if: params.build == true
    stages: [{bash: make}]
```

Use instead:

```yaml
jobs:
  build:
    runs-on: local
    condition: params.build == true
    stages: [{bash: make}]
```

## Fix safety

The fix writes the canonical spelling. It is safe: the file means the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Edit, Fix
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.source.nodes import Entry, Mapping, Node
from jobc.syntax.keys import CONCURRENCY, DEFAULTS, JOB, KINDS, RETRY, STRATEGY, WORKFLOW, Table

RULE = Rule(
    "JC705", "non-canonical-key", INFO, "a key in another spelling than the canonical one", fixable="safe"
)

_INNER = {
    "strategy": STRATEGY,
    "retry": RETRY,
    "concurrency": CONCURRENCY,
    "defaults": DEFAULTS,
}


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.workflows:
        if workflow.workflow.form != "jobs":
            yield from _keys(workflow.workflow.node, WORKFLOW)
        for job in workflow.jobs.values():
            yield from _keys(job.node, JOB)
            for stage in stages(job):
                yield from _keys(stage.node, KINDS[stage.kind].table)


def _keys(node: Node | None, table: Table) -> Iterator[Diagnostic]:
    if not isinstance(node, Mapping):
        return
    present = {entry.key.text for entry in node.entries}
    for entry in node.entries:
        key = table.spellings.get(entry.key.text)
        if key is None:
            continue
        if entry.key.text != key.name and entry.key.text != "_" and key.name not in present:
            yield _finding(entry, key.name)
        inner = _INNER.get(key.name)
        if inner is not None:
            yield from _keys(entry.value, inner)


def _finding(entry: Entry, name: str) -> Diagnostic:
    key = entry.key
    fix = None
    if key.span.text == key.text:
        fix = Fix(f"write `{name}`", [Edit(key.span, name)], safe=True)
    return Diagnostic(
        RULE.name,
        f"`{key.text}` is another spelling of `{name}`",
        key.span,
        help=f"write `{name}`",
        fix=fix,
    )
