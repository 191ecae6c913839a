"""## What it does

Reports a `max-parallel` above what the environment runs at once.

## Why is this bad?

What is above it waits all the same, on one machine in processes that only share its memory.

## Example

```yaml
jobs:
  resize:
    strategy:
      matrix: {picture: "${{ range(1000) }}"}
      max-parallel: 500
    stages: [{bash: "./resize ${{ matrix.picture }}"}]
```

Use instead:

```yaml
jobs:
  resize:
    strategy:
      matrix: {picture: "${{ range(1000) }}"}
      max-parallel: 16
    stages: [{bash: "./resize ${{ matrix.picture }}"}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.constants import number
from jobc.sema.environments import limits, of_job
from jobc.sema.model import SemanticModel

RULE = Rule("JC307", "parallelism-advice", INFO, "more at once than the environment runs")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            if job.strategy is None or job.strategy.max_parallel is None:
                continue
            wanted = number(job.strategy.max_parallel)
            environment = of_job(job, workflow)
            most = limits(environment).get("parallel")
            if wanted is not None and most is not None and wanted > most:
                yield Diagnostic(
                    RULE.name,
                    f"`max-parallel` is {wanted:,.0f}, but `{environment}` runs at most about {most:,} at once",
                    job.strategy.max_parallel.span,
                    help=f"write {most:,} or less".replace(",", ""),
                )
