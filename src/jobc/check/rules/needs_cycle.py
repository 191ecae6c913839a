"""## What it does

Reports jobs that need each other in a circle: every elementary cycle once, with each `needs` on the way. Where
a tangle holds more cycles than one can read, the shortest are shown and the rest is counted.

## Why is this bad?

Each job of the cycle waits for the next, so none can ever begin.

## Example

```yaml
jobs:
  extract:
    needs: load
    stages: [{bash: ./extract}]
  load:
    needs: extract
    stages: [{bash: ./load}]
```

Use instead one direction:

```yaml
jobs:
  extract:
    stages: [{bash: ./extract}]
  load:
    needs: extract
    stages: [{bash: ./load}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR, Diagnostic, Label
from jobc.sema.graph import LIMIT
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.syntax.ast import Job, Need

RULE = Rule("JC202", "needs-cycle", ERROR, "jobs that need each other in a circle")

SHOWN = 20
NAMED = 12


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for i, cycle in enumerate(workflow.cycles[:SHOWN]):
            more = _more(workflow) if i == SHOWN - 1 else ""
            yield _finding(cycle, more)


def _more(workflow: WorkflowModel) -> str:
    rest = len(workflow.cycles) - SHOWN
    if rest <= 0:
        return ""
    return f"; {rest}{' or more' if len(workflow.cycles) >= LIMIT else ''} further cycles are not shown"


def _finding(cycle: list[tuple[Job, Need]], more: str) -> Diagnostic:
    first, need = cycle[0]
    if len(cycle) == 1:
        return Diagnostic(
            RULE.name,
            f"job `{first.id}` needs itself{more}",
            need.span,
            help="take it out of its own `needs`",
        )
    names = [job.id for job, _ in cycle]
    if len(names) > NAMED:
        names[NAMED - 2 : -1] = ["…"]
    way = " → ".join(f"`{name}`" if name != "…" else name for name in [*names, first.id])
    return Diagnostic(
        RULE.name,
        f"these jobs need each other in a circle: {way}{more}",
        need.span,
        label=f"`{first.id}` needs `{need.id}`",
        help="take one of these needs away, so that one of the jobs can begin",
        related=tuple(Label(n.span, f"`{job.id}` needs `{n.id}`") for job, n in cycle[1:NAMED]),
    )
