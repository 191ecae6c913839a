"""## What it does

Reports the output of a job that is read where that job may have been skipped or failed, with no value to fall back
to. What the reading job's rule and conditions rule out is taken into account, and so are a stage's condition, `?:`, `&&`
and `||` around the read. `??`, `default(…)`, `coalesce(…)` and comparisons take a null as it is.

## Why is this bad?

The output of a job that did not run is null: an empty word in a script, a failure in a condition.

## Example

```yaml
jobs:
  build:
    outputs: {version: "${{ stages.pack.outputs.version }}"}
    stages: [{id: pack, bash: make pack}]
  notify:
    needs: build
    trigger-rule: all_done
    stages: [{bash: "./notify ${{ needs.build.outputs.version }}"}]
```

Use instead:

```yaml
jobs:
  build:
    outputs: {version: "${{ stages.pack.outputs.version }}"}
    stages: [{id: pack, bash: make pack}]
  notify:
    needs: build
    trigger-rule: all_done
    stages: [{bash: "./notify ${{ needs.build.outputs.version ?? 'no version' }}"}]
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobc.check.analyses import analyses, bounded
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.model import SemanticModel, WorkflowModel

if TYPE_CHECKING:
    from jobc.sema.optional_reads import Read
    from jobc.sema.reachability import Reachability
    from jobc.sema.types import Type

RULE = Rule(
    "JC110", "optional-read", WARNING, "an output of a job that may not have succeeded, with no default"
)

#: A default of each kind of value; a text elsewhere.
_DEFAULTS = {"number": "0", "bool": "false", "list": "[]", "map": "{}"}


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow, reach in analyses(model):
        from jobc.sema.optional_reads import optional_reads

        yield from bounded(
            reach, (_finding(workflow, reach, read) for read in optional_reads(workflow, reach))
        )


def _finding(workflow: WorkflowModel, reach: Reachability, read: Read) -> Diagnostic:
    from jobc.ir.status import FAILED
    from jobc.sema.witness import ENDS, joined, when

    id, need = read.job.job.id, read.need
    ends = [ENDS[status] for status in read.ends]
    words = when(reach, read.guard)
    default = _DEFAULTS.get(_family(workflow.type_of(read.expr)), "'none'")
    own = joined([f"`{need.job.id}` {end}" for end in ends[:1]])
    because = f", as when {words}" if words and words != own else ""
    lost = "null" if FAILED not in read.ends else "missing"
    return Diagnostic(
        RULE.name,
        f"`{read.text}` may be {lost}: `{id}` also runs when `{need.job.id}` {' or '.join(ends)}{because}",
        read.span,
        help=f"give it a default, as in `{read.text} ?? {default}`, or read it only where `needs.{need.job.id}.result == 'success'`",
        related=(Label(need.job.id_span, f"`{need.job.id}` is defined here"),),
    )


def _family(type: Type) -> str:
    """The kind of values that a type has, null apart; empty where there are several."""
    from jobc.sema.types import NULL, family, members

    found = {family(member) for member in members(type) if member is not NULL}
    return found.pop() if len(found) == 1 else ""
