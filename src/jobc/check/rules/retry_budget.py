"""## What it does

Says where the attempts of a stage, or of a job, may take longer than the time limit around them: attempts x time limit and
the delays between them exceed it.

## Why is this bad?

It is worth knowing that the last attempts may never begin.

## Example

```yaml
jobs:
  load:
    timeout: 10m
    stages:
      - bash: ./load
        timeout: 4m
        retry: {attempts: 3, delay: 30s}
```

Use instead:

```yaml
jobs:
  load:
    timeout: 20m
    stages:
      - bash: ./load
        timeout: 4m
        retry: {attempts: 3, delay: 30s}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.constants import duration, number
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.syntax.ast import Retry, Value

RULE = Rule("JC606", "retry-budget", INFO, "attempts that may not fit into the time limit around them")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            for stage in stages(job):
                yield from _judge(stage.retry, stage.timeout, job.timeout, "stage", "job")
            yield from _judge(job.retry, job.timeout, workflow.workflow.timeout, "job", "workflow")


def _judge(
    retry: Retry | None, each: Value | None, around: Value | None, inner: str, outer: str
) -> Iterator[Diagnostic]:
    limit = duration(around)
    if retry is None or around is None or limit is None:
        return
    worst = worst_case(retry, duration(each) or 0.0)
    if worst is not None and worst > limit:
        attempts = int(number(retry.attempts) or 0) + 1
        yield Diagnostic(
            RULE.name,
            f"the {attempts} attempts of this {inner} may take {shown(worst)}, but the {outer} ends after {shown(limit)}",
            retry.span,
            help=f"give the {outer} more time, or the {inner} fewer attempts or a shorter time limit",
            related=(Label(around.span, f"the time limit of the {outer}"),),
        )


def worst_case(retry: Retry, each: float) -> float | None:
    """The seconds of all attempts and the delays between them; None where they are not known."""
    further = number(retry.attempts)
    delay = duration(retry.delay)
    if further is None or (delay is None and retry.delay is not None):
        return None
    delay, most = delay or 0.0, duration(retry.max_delay)
    total = each * (int(further) + 1)
    for attempt in range(min(int(further), 1000)):
        wait = delay
        if retry.backoff == "linear":
            wait = delay * (attempt + 1)
        elif retry.backoff == "exponential":
            wait = delay * 2 ** min(attempt, 40)
        total += wait if most is None else min(wait, most)
    return total


def shown(seconds: float) -> str:
    """`5400` is `1h30m`."""
    parts = []
    rest = round(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    if rest or not parts:
        parts.append(f"{rest}s" if seconds >= 1 else f"{seconds:g}s")
    return "".join(parts)
