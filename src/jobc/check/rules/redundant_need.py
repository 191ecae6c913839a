"""## What it does

Reports a need that another need implies: the job needs `build` and `test`, and `test` needs `build` itself. It is reported
only where nothing can tell the difference: the job, and every job on the way, runs under `all_success`, and the job
reads nothing of `needs.build`.

## Why is this bad?

It says nothing new, and hides in the graph what the job really waits for.

## Example

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: build
    stages: [{bash: make test}]
  publish:
    needs: [build, test]
    stages: [{bash: make publish}]
```

Use instead:

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: build
    stages: [{bash: make test}]
  publish:
    needs: test
    stages: [{bash: make publish}]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.reads import is_partial
from jobc.syntax.ast import Job

RULE = Rule("JC203", "redundant-need", INFO, "a need that another need implies")

_RULE = "all_success"
#: So many steps are taken along needs; a tangle that takes more is left alone.
_WORK = 200_000


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if is_partial(model):
        return
    for workflow in model.all_workflows:
        if workflow.cycles:
            continue
        work = 0
        for job in workflow.order:
            if len(job.needs) < 2 or job.trigger_rule != _RULE:
                continue
            by_id = {need.id: need for need in job.needs}
            implied: dict[str, str] = {}
            for need in job.needs:
                found = _ancestors(workflow.jobs.get(need.id), workflow)
                work += len(found)
                for id in found & by_id.keys():
                    implied.setdefault(id, need.id)
            if work > _WORK:
                break
            for id, by in implied.items():
                if not workflow.reads.reads_need(job.id, id):
                    yield Diagnostic(
                        RULE.name,
                        f"job `{job.id}` needs `{by}`, which succeeds only after `{id}` did",
                        by_id[id].span,
                        help=f"remove `{id}` from the `needs` of `{job.id}`: it changes nothing",
                        related=(Label(by_id[by].span, f"this need waits for `{id}` already"),),
                    )


def _ancestors(job: Job | None, workflow: WorkflowModel) -> set[str]:
    """The jobs that surely succeeded where this one did."""
    found: set[str] = set()
    todo = [job]
    while todo:
        current = todo.pop()
        if current is None or current.trigger_rule != _RULE:
            continue
        for need in current.needs:
            if need.id not in found:
                found.add(need.id)
                todo.append(workflow.jobs.get(need.id))
    return found
