"""## What it does

Reports two jobs that can wait for each other's concurrency group: each holds a group while a `trigger` stage of it starts a
workflow that waits, itself or in a job, for the group that the other one holds. A group whose `limit` is above 1 has room
for both.

## Why is this bad?

Where both have begun, neither can go on, and the run hangs until it is cancelled or its time is over.

## Example

```yaml
name: main
jobs:
  load:
    concurrency: database
    stages: [{trigger: notify}]
  send:
    concurrency: mail
    stages: [{trigger: archive}]
---
name: notify
jobs:
  mail: {concurrency: mail, stages: [{bash: ./mail}]}
---
name: archive
jobs:
  store: {concurrency: database, stages: [{bash: ./store}]}
```

Use instead an order, so that both are never held in different ones:

```yaml
name: main
jobs:
  load:
    concurrency: database
    stages: [{trigger: notify}]
  send:
    needs: load
    concurrency: mail
    stages: [{trigger: archive}]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema import constants
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.needs import reaches
from jobc.sema.walk import stages
from jobc.syntax.ast import Concurrency, Job, TriggerStage

RULE = Rule("JC214", "concurrency-deadlock", WARNING, "jobs that wait for each other's concurrency group")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        holders = [
            (job, group, wanted)
            for job in workflow.jobs.values()
            if (group := _exclusive(job.concurrency)) is not None
            and (wanted := _wanted(job, workflow, group))
        ]
        for i, (first, held, wants) in enumerate(holders):
            for second, other, wanted in holders[i + 1 :]:
                if held == other or other not in wants or held not in wanted:
                    continue
                if reaches(first, second, workflow) or reaches(second, first, workflow):
                    continue
                assert first.concurrency is not None
                assert second.concurrency is not None
                yield Diagnostic(
                    RULE.name,
                    f"`{first.id}` holds the group `{held}` and may wait for `{other}`, `{second.id}` the other way round",
                    first.concurrency.group.span,
                    help="let one of the jobs need the other, or take a group away",
                    label=f"held by `{first.id}`",
                    related=(
                        Label(wants[other].group.span, f"`{first.id}` waits for `{other}` here"),
                        Label(second.concurrency.group.span, f"held by `{second.id}`"),
                        Label(wanted[held].group.span, f"`{second.id}` waits for `{held}` here"),
                    ),
                )


def _exclusive(concurrency: Concurrency | None) -> str | None:
    """The name of a group that one job at a time holds, where it is known; one that displaces others never waits."""
    if concurrency is None or concurrency.cancel_in_progress is not None:
        return None
    if concurrency.limit is not None and constants.number(concurrency.limit) != 1:
        return None
    return constants.text(concurrency.group)


def _wanted(job: Job, workflow: WorkflowModel, held: str) -> dict[str, Concurrency]:
    """The groups that the workflows triggered by a job wait for, apart from the one that it holds itself."""
    found: dict[str, Concurrency] = {}
    seen: set[int] = set()
    todo = [(job, workflow)]
    while todo:
        current, model = todo.pop()
        for stage in stages(current):
            target = model.triggers.get(id(stage)) if isinstance(stage, TriggerStage) else None
            if target is None or id(target) in seen:
                continue
            seen.add(id(target))
            todo.extend((inner, target) for inner in target.jobs.values())
            for wanted in (target.workflow.concurrency, *(each.concurrency for each in target.jobs.values())):
                group = _exclusive(wanted)
                if group is not None and group != held and wanted is not None:
                    found.setdefault(group, wanted)
    return found
