"""## What it does

Reports `resources` that the environment does not offer: an amount that is none, a fraction of a processor beside memory that AWS
Fargate has no size for, more than the Google machine type holds, an accelerator on a machine type without any, a
fraction of a processor for Slurm.

## Why is this bad?

The environment refuses the job when it is submitted, or it waits for a machine for ever.

## Example

```yaml
jobs:
  train:
    runs-on: {type: aws-batch, job-queue-arn: "arn:aws:batch:eu-west-1:1:job-queue/q", s3-bucket: b}
    resources: {cpu: 0.25, memory: 8G}
    stages: [{bash: ./train}]
```

Use instead:

```yaml
jobs:
  train:
    runs-on: {type: aws-batch, job-queue-arn: "arn:aws:batch:eu-west-1:1:job-queue/q", s3-bucket: b}
    resources: {cpu: 1, memory: 8G}
    stages: [{bash: ./train}]
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from jobc.check.placed import in_each
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.constants import number, text
from jobc.sema.environments import facts, limits
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import MapValue, RunsOn, Value

RULE = Rule("JC601", "resource-combination", WARNING, "resources that the environment does not offer")

_MIB = 2**20
_UNITS = {"": 1, "k": 2**10, "m": _MIB, "g": 2**30, "t": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            resources = job.resources
            if resources is None and workflow.workflow.defaults is not None:
                resources = workflow.workflow.defaults.resources
            if resources is not None:
                yield from _amounts(resources)
                yield from in_each(job, workflow, partial(_fits, resources))


def bytes_of(value: Value | None) -> float | None:
    """The bytes of a constant amount such as `512M`; None where it is not known or no amount."""
    word = text(value)
    match = None if word is None else _AMOUNT.fullmatch(word.strip())
    return None if match is None else float(match[1]) * _UNITS[match[2].lower()]


def _amounts(resources: MapValue) -> Iterator[Diagnostic]:
    for item in resources.entries:
        word = text(item.value)
        if word is None or item.key == "gpu":
            continue
        size = item.key in ("memory", "disk")
        wrong = bytes_of(item.value) is None if size else number(item.value) is None
        if wrong or word.strip().startswith("-"):
            yield Diagnostic(
                RULE.name,
                f"`{item.key}` is `{word}`, which is no amount",
                item.value.span,
                help="write a number and a unit, such as `512M` or `4G`" if size else "write a number",
            )


def _fits(resources: MapValue, place: RunsOn) -> Iterator[Diagnostic]:
    cpu, memory = resources.get("cpu"), resources.get("memory")
    processors, amount = number(cpu), bytes_of(memory)
    if place.type == "aws-batch" and processors is not None and processors != int(processors):
        yield from _fargate(resources, processors, amount)
    elif (
        place.type == "slurm" and cpu is not None and processors is not None and processors != int(processors)
    ):
        yield Diagnostic(
            RULE.name,
            f"Slurm gives whole processors, not {processors:g}",
            cpu.span,
            help=f"write {int(processors) + 1}",
        )
    elif place.type == "cloud-batch":
        machine = next((item.value for item in place.args if item.key == "machine_type"), None)
        yield from _machine(resources, machine)
    elif place.type == "docker" and memory is not None and amount is not None:
        least = limits("docker")["memory_min"]
        if 0 < amount < least:
            yield Diagnostic(
                RULE.name,
                f"Docker gives a container at least {least // _MIB} MiB of memory",
                memory.span,
                help="write a unit, such as `512M`, where bytes were not meant",
            )


def _fargate(resources: MapValue, processors: float, amount: float | None) -> Iterator[Diagnostic]:
    cpu, memory, gpu = resources.get("cpu"), resources.get("memory"), resources.get("gpu")
    assert cpu is not None
    table: dict[str, Any] = facts("aws-batch")["fargate"]
    row = table.get(f"{processors:g}")
    if row is None:
        sizes = ", ".join(table)
        yield Diagnostic(
            RULE.name,
            f"{processors:g} processors is no size of Fargate, and other machines of AWS Batch give whole ones",
            cpu.span,
            help=f"write one of {sizes}",
        )
        return
    if gpu is not None and number(gpu):
        yield Diagnostic(
            RULE.name,
            f"{processors:g} processors is a size of Fargate, which has no accelerators",
            gpu.span,
            help="write a whole number of processors for machines with accelerators",
            related=(Label(cpu.span, "a part of a processor is Fargate's alone"),),
        )
    sizes_of = row if isinstance(row, list) else list(range(row["from"], row["to"] + 1, row["step"]))
    if memory is not None and amount is not None and amount / _MIB not in sizes_of:
        nearest = min(sizes_of, key=lambda size: abs(size - amount / _MIB))
        yield Diagnostic(
            RULE.name,
            f"Fargate has no size of {processors:g} processors with {amount / _MIB:g} MiB of memory",
            memory.span,
            help=f"write {nearest}M; with {processors:g} processors there is {_spread(sizes_of)}",
            related=(Label(cpu.span, f"{processors:g} processors"),),
        )


def _spread(sizes: list[int]) -> str:
    if len(sizes) <= 4:
        return ", ".join(f"{size}M" for size in sizes)
    return f"{sizes[0]}M to {sizes[-1]}M in steps of {sizes[1] - sizes[0]}M"


def _machine(resources: MapValue, machine: Value | None) -> Iterator[Diagnostic]:
    name = text(machine)
    match = re.fullmatch(r"([a-z]\d[a-z]?)-(standard|highmem|highcpu)-(\d+)", name or "")
    if match is None or machine is None:
        return
    family = facts("cloud-batch")["machines"].get(match[1])
    if family is None:
        return
    cores = int(match[3])
    if cores not in family["sizes"] or match[2] not in family or name in family.get("missing", ()):
        sizes = ", ".join(map(str, family["sizes"]))
        yield Diagnostic(
            RULE.name,
            f"there is no machine type `{name}`",
            machine.span,
            help=f"`{match[1]}` has {sizes} processors",
        )
        return
    gigabytes = family.get("memory", {}).get(name, family[match[2]] * cores)
    related = (Label(machine.span, f"{cores} processors, {gigabytes:g} GB"),)
    cpu, memory, gpu = resources.get("cpu"), resources.get("memory"), resources.get("gpu")
    processors, amount = number(cpu), bytes_of(memory)
    if cpu is not None and processors is not None and processors > cores:
        yield Diagnostic(
            RULE.name,
            f"`{name}` has {cores} processors, not {processors:g}",
            cpu.span,
            help="choose a larger machine type, or ask for less",
            related=related,
        )
    if memory is not None and amount is not None and amount > gigabytes * 2**30:
        yield Diagnostic(
            RULE.name,
            f"`{name}` has {gigabytes:g} GB of memory",
            memory.span,
            help="choose a larger machine type, or ask for less",
            related=related,
        )
    if gpu is not None and number(gpu) and not family["gpu"]:
        yield Diagnostic(
            RULE.name,
            f"machines of `{match[1]}` take no accelerators",
            gpu.span,
            help="choose a machine type of `n1`, `a2` or `g2`",
            related=related,
        )
