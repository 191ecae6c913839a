"""## What it does

Says where a job meets a limit of its environment, and what jobc does about it: a name that is too long or differs from
another only in case, a matrix that is submitted in several pieces, a time limit that the environment does not take, more
needs than it takes dependencies. What would be refused is a warning: variables of `env` that are too long for one submission
or for a program to start with, or whose names the environment keeps for itself. What counts is the `env` of the workflow and
of the job, which every submission carries; the rest of a program goes to storage, so scripts and stages are as long as they
like. An expression in a value counts as nothing.

## Why is this bad?

It is worth knowing: what stands in the environment's own console is then not what stands in the file. A submission that is
too long fails when the job is due, hours into a run.

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

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from jobc.check.placed import in_each
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, WARNING, Diagnostic, Label
from jobc.sema.constants import Grid, duration, number
from jobc.sema.environments import limits, runs_on
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.syntax.ast import Const, Item, Job, MapValue, RunsOn, TemplateValue

RULE = Rule("JC602", "environment-limit", INFO, "a limit of the environment, and what jobc does about it")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        folded: dict[tuple[str, str], Job] = {}
        for job in workflow.jobs.values():
            find = partial(_limits, job, workflow, folded)
            yield from find(None) if runs_on(job, workflow) is None else in_each(job, workflow, find)


def _limits(
    job: Job, workflow: WorkflowModel, folded: dict[tuple[str, str], Job], place: RunsOn | None
) -> Iterator[Diagnostic]:
    environment = "local" if place is None else place.type
    most = limits(environment)
    yield from _name(job, environment, most, folded)
    yield from _pieces(job, environment, most)
    yield from _time(job, environment, most, workflow)
    yield from _dependencies(job, environment, most)
    yield from _variables(job, environment, most, workflow)


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
    elif _on_fargate(job) and seconds > most.get("timeout_max_fargate", seconds):
        days = most["timeout_max_fargate"] // 86400
        yield Diagnostic(
            RULE.name,
            f"Fargate, which alone has a part of a processor, may end a job after {days} days",
            value.span,
            help=f"write {days}d or less, or a whole number of processors for other machines",
        )


def _on_fargate(job: Job) -> bool:
    """Whether a job asks for a part of a processor, which of AWS Batch only Fargate has."""
    resources = job.resources
    processors = number(resources.get("cpu")) if isinstance(resources, MapValue) else None
    return processors is not None and processors != int(processors)


def _dependencies(job: Job, environment: str, most: dict[str, Any]) -> Iterator[Diagnostic]:
    longest = most.get("dependencies")
    count = len({need.id for need in job.needs})
    if longest is not None and count > longest:
        yield Diagnostic(
            RULE.name,
            f"`{environment}` takes {longest} dependencies, and job `{job.id}` has {count} needs",
            job.keys.get("needs", job.id_span),
            help="jobc waits for them itself and submits the job without dependencies",
        )


def _variables(
    job: Job, environment: str, most: dict[str, Any], workflow: WorkflowModel
) -> Iterator[Diagnostic]:
    """The variables that go with every submission."""
    items = {item.key: item for item in (*workflow.workflow.env, *job.env)}
    for item in items.values():
        yield from _variable(item, environment, most)
    payload = most.get("payload")
    if payload is None or not items:
        return
    size = COMMAND + sum(_entry(item) for item in items.values())
    if size > payload:
        largest = max(items.values(), key=_entry)
        yield Diagnostic(
            RULE.name,
            f"the variables of job `{job.id}` take {size:,} characters or more, and `{environment}` takes"
            f" {payload:,} {most['payload_of']}",
            largest.key_span,
            help=f"write `{largest.key}` into the `env` of the stages that read it, which goes to storage, or into a file",
            severity=WARNING,
        )


def _variable(item: Item, environment: str, most: dict[str, Any]) -> Iterator[Diagnostic]:
    kept = most.get("reserved")
    if kept is not None and item.key.upper().startswith(kept):
        yield Diagnostic(
            RULE.name,
            f"`{environment}` keeps variables that begin with `{kept}` for itself",
            item.key_span,
            help="give the variable another name",
            severity=WARNING,
        )
    longest = most.get("variable")
    size = len(f"{item.key}={_known(item)}".encode("utf-8", "surrogatepass")) + 1
    if longest is not None and size > longest:
        yield Diagnostic(
            RULE.name,
            f"no program starts with a variable of {size:,} bytes: Linux takes {longest:,}",
            item.key_span,
            help=f"write the value into a file, and let `{item.key}` name the file",
            severity=WARNING,
        )


#: Characters that the command of a submission takes, its quotes and brackets counted: run, job, shard, and where the program is.
COMMAND = 512


def _entry(item: Item) -> int:
    """The characters of a variable in a submission: JSON, with its name and its value."""
    return (
        len(json.dumps({"name": item.key, "value": _known(item)}, ensure_ascii=False, separators=(",", ":")))
        + 1
    )


def _known(item: Item) -> str:
    """What is known of a value before anything runs."""
    value = item.value
    if isinstance(value, Const):
        return value.node.text
    if isinstance(value, TemplateValue):
        return "".join(part for part in value.parts if isinstance(part, str))
    return ""
