"""## What it does

Says where a job meets a limit of its environment, and what jobc does about it: a name that is too long or differs from
another only in case, a matrix that is submitted in several pieces, a time limit that the environment does not take.

## Why is this bad?

It is worth knowing: what stands in the environment's own console is then not what stands in the file.

## Example

```yaml
jobs:
  quick:
    runs-on: {type: aws-batch, job-queue-arn: "arn:aws:batch:eu-west-1:1:job-queue/q", s3-bucket: b}
    timeout: 20s
    stages: [{bash: ./quick}]
```

Use instead:

```yaml
jobs:
  quick:
    runs-on: {type: aws-batch, job-queue-arn: "arn:aws:batch:eu-west-1:1:job-queue/q", s3-bucket: b}
    timeout: 1m
    stages: [{bash: ./quick}]
```
"""

from collections.abc import Iterator
from typing import Any

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.constants import Grid, duration
from jobc.sema.environments import limits, of_job
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.syntax.ast import Job

RULE = Rule("JC602", "environment-limit", INFO, "a limit of the environment, and what jobc does about it")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        folded: dict[tuple[str, str], Job] = {}
        for job in workflow.jobs.values():
            environment = of_job(job, workflow)
            most = limits(environment)
            yield from _name(job, environment, most, folded)
            yield from _pieces(job, environment, most)
            yield from _time(job, environment, most, workflow)


def _name(
    job: Job, environment: str, most: dict[str, Any], folded: dict[tuple[str, str], Job]
) -> Iterator[Diagnostic]:
    longest = most.get("name")
    if longest is None:
        return
    if len(job.id) > longest:
        yield Diagnostic(
            RULE.name,
            f"`{environment}` takes names of {longest} characters, and this has {len(job.id)}",
            job.id_span,
            help="the job is submitted under a shortened name with a digest; a shorter id is easier to find",
        )
    if "name_case" in most:
        first = folded.setdefault((environment, job.id.lower()), job)
        if first is not job:
            yield Diagnostic(
                RULE.name,
                f"`{job.id}` and `{first.id}` are one name for `{environment}`, where case does not count",
                job.id_span,
                help="the jobs are submitted under names with a digest; another id is easier to find",
                related=(Label(first.id_span, "the other job"),),
            )


def _pieces(job: Job, environment: str, most: dict[str, Any]) -> Iterator[Diagnostic]:
    array = most.get("array")
    if array is None or job.strategy is None or job.strategy.matrix is None:
        return
    total = Grid(job.strategy).count()
    if total is not None and total > array:
        pieces = -(-total // array)
        yield Diagnostic(
            RULE.name,
            f"`{environment}` takes arrays of {array:,} combinations, and job `{job.id}` has {total:,}",
            job.strategy.matrix.span,
            help=f"they are submitted in {pieces} pieces",
        )


def _time(job: Job, environment: str, most: dict[str, Any], workflow: WorkflowModel) -> Iterator[Diagnostic]:
    value = job.timeout
    if value is None:
        defaults = workflow.workflow.defaults
        value = None if defaults is None else defaults.timeout
    seconds = duration(value)
    if value is None or seconds is None:
        return
    least, longest = most.get("timeout_min"), most.get("timeout_max")
    if least is not None and seconds < least:
        yield Diagnostic(
            RULE.name,
            f"`{environment}` knows no time limit below {least} s",
            value.span,
            help=f"jobc ends the job itself after {seconds:g} s; `{environment}` would after {least} s",
        )
    elif longest is not None and seconds > longest:
        yield Diagnostic(
            RULE.name,
            f"`{environment}` ends every job after {longest // 86400} days, whatever its time limit",
            value.span,
            help=f"write {longest // 86400}d or less",
        )
