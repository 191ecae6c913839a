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
from functools import partial
from itertools import islice

from jobc.check.placed import in_each
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import Job, RunsOn

RULE = Rule("JC701", "no-timeout", INFO, "a job on another machine without a time limit")

_NEAR = ("local", "docker")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        defaults = workflow.workflow.defaults
        if defaults is not None and defaults.timeout is not None:
            continue
        for job in workflow.jobs.values():
            if "timeout" not in job.keys:
                # One is enough, in however many environments.
                yield from islice(in_each(job, workflow, partial(_unlimited, job)), 1)


def _unlimited(job: Job, place: RunsOn) -> Iterator[Diagnostic]:
    if place.type not in _NEAR:
        yield Diagnostic(
            RULE.name,
            f"job `{job.id}` runs on `{place.type}` without a time limit of its own",
            place.type_span if job.runs_on is not None else job.id_span,
            help="add `timeout`, such as `timeout: 30m`; without it the limit is one hour",
        )
