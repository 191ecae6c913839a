"""## What it does

Reports a job on another machine that has no `timeout`, and whose workflow sets no default.

## Why is this bad?

It ends after an hour, which is too soon for some jobs and too late for a job that hangs on machines paid by the second.

## Example

```yaml
jobs:
  train:
    runs-on: {type: slurm, partition: gpu}
    stages: [{bash: ./train}]
```

Use instead:

```yaml
jobs:
  train:
    runs-on: {type: slurm, partition: gpu}
    timeout: 4h
    stages: [{bash: ./train}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.environments import runs_on
from jobc.sema.model import SemanticModel

RULE = Rule("JC701", "no-timeout", INFO, "a job on another machine without a time limit")

_NEAR = ("local", "docker")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        defaults = workflow.workflow.defaults
        if defaults is not None and defaults.timeout is not None:
            continue
        for job in workflow.jobs.values():
            place = runs_on(job, workflow)
            if place is None or not place.type or place.type in _NEAR or "timeout" in job.keys:
                continue
            yield Diagnostic(
                RULE.name,
                f"job `{job.id}` runs on `{place.type}` without a time limit of its own",
                place.type_span if job.runs_on is not None else job.id_span,
                help="add `timeout`, such as `timeout: 30m`; without it the limit is one hour",
            )
