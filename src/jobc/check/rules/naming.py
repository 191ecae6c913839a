"""## What it does

Reports ids of jobs and stages, and names of parameters, that an expression cannot read after a dot, such as `load data`, and ids of
jobs that differ only in case, or in `_` and `-`.

## Why is this bad?

`needs.load data.result` is no expression, so every reader must write `needs['load data'].result`. Ids that look alike are
taken for each other.

## Example

```yaml
jobs:
  load data:
    stages: [{bash: ./load}]
  load-orders:
    stages: [{bash: ./orders}]
  load_orders:
    stages: [{bash: ./orders --again}]
```

Use instead:

```yaml
jobs:
  load-data:
    stages: [{bash: ./load}]
  load-orders:
    stages: [{bash: ./orders}]
  reload-orders:
    stages: [{bash: ./orders --again}]
```
"""

import re
from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Label
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.source.file import Span
from jobc.syntax.ast import Job

RULE = Rule("JC702", "naming", INFO, "an id that is hard to read or easy to mistake")

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.workflows:
        alike: dict[str, Job] = {}
        for job in workflow.jobs.values():
            yield from _word(job.id, job.id_span, "job", "needs")
            first = alike.setdefault(job.id.lower().replace("_", "-"), job)
            if first is not job:
                yield Diagnostic(
                    RULE.name,
                    f"the ids `{first.id}` and `{job.id}` are easily mistaken for each other",
                    job.id_span,
                    help="give one of the jobs an id that says what is different about it",
                    related=(Label(first.id_span, "the other job"),),
                )
            for stage in stages(job):
                if stage.id is not None and stage.id_span is not None:
                    yield from _word(stage.id, stage.id_span, "stage", "stages")
        for param in workflow.workflow.params or ():
            yield from _word(param.name, param.name_span, "parameter", "params")


def _word(name: str, span: Span, noun: str, context: str) -> Iterator[Diagnostic]:
    if _WORD.fullmatch(name) is None:
        better = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "name"
        if better[0].isdigit():
            better = f"{noun}-{better}"
        yield Diagnostic(
            RULE.name,
            f"`{name}` cannot be read after a dot, only as `{context}['{name}']`",
            span,
            help=f"name the {noun} by letters, digits, `-` and `_`, such as `{better}`",
        )
