"""## What it does

Reports a declared output of a job that no job and no workflow output reads, although other jobs need the job. The
outputs of a job that nothing needs are the results of the run, and are not meant.

## Why is this bad?

It is worth knowing: either it can go, or something that should use it does not.

## Example

```yaml
jobs:
  build:
    outputs:
      version: ${{ stages.pack.outputs.version }}
      digest: ${{ stages.pack.outputs.digest }}
    stages: [{id: pack, bash: ./pack}]
  publish:
    needs: build
    stages: [{bash: "./publish ${{ needs.build.outputs.version }}"}]
```

Use instead:

```yaml
jobs:
  build:
    outputs:
      version: ${{ stages.pack.outputs.version }}
    stages: [{id: pack, bash: ./pack}]
  publish:
    needs: build
    stages: [{bash: "./publish ${{ needs.build.outputs.version }}"}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.sema.reads import is_partial

RULE = Rule("JC210", "unread-output", INFO, "an output that nothing reads")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if is_partial(model):
        return
    for workflow in model.all_workflows:
        file = workflow.workflow.span.file
        read: dict[str, set[str]] = {}
        for id, name in workflow.reads.outputs:
            read.setdefault(id, set()).add(name)
        needed = {need.id for job in workflow.jobs.values() for need in job.needs}
        for job in workflow.jobs.values():
            names = {item.key for item in job.outputs or ()}
            # Where another name is read by mistake, one of these is meant.
            if job.id not in needed or not read.get(job.id, set()) <= names:
                continue
            for item in job.outputs or ():
                # What another file brought in may be read by others that use it.
                if item.key_span.file is file and not workflow.reads.reads_output(job.id, item.key):
                    yield Diagnostic(
                        RULE.name,
                        f"nothing reads the output `{item.key}` of job `{job.id}`",
                        item.key_span,
                        help=f"remove it, or read it as `needs.{job.id}.outputs.{item.key}`",
                    )
