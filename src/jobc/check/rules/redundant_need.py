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
from jobc.sema.closure import Closure
from jobc.sema.model import SemanticModel
from jobc.sema.reads import is_partial

RULE = Rule("JC203", "redundant-need", INFO, "a need that another need implies")

_RULE = "all_success"


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if is_partial(model):
        return
    for workflow in model.all_workflows:
        if workflow.cycles:
            continue
        joins = [job for job in workflow.order if len(job.needs) > 1 and job.trigger_rule == _RULE]
        if not joins:
            continue
        # The jobs that surely succeeded where a job did.
        before = Closure(workflow.order, lambda job: job.trigger_rule == _RULE)
        for job in joins:
            by_id = {need.id: need for need in job.needs}
            own = 0
            for id in by_id:
                own |= before.bit(id)
            implied: dict[str, str] = {}
            for need in job.needs:
                if before.meets(need.id, own):
                    for id in before.among(need.id, by_id):
                        implied.setdefault(id, need.id)
            for id, by in implied.items():
                if not workflow.reads.reads_need(job.id, id):
                    yield Diagnostic(
                        RULE.name,
                        f"job `{job.id}` needs `{by}`, which succeeds only after `{id}` did",
                        by_id[id].span,
                        help=f"remove `{id}` from the `needs` of `{job.id}`: it changes nothing",
                        related=(Label(by_id[by].span, f"this need waits for `{id}` already"),),
                    )
