"""## What it does

Reports a matrix with more than 10,000 combinations, and one with more than its environment can take at all, with the number.

## Why is this bad?

Each key multiplies the number, and a list too many is easily a hundred times the work.

## Example

```yaml
strategy:
  matrix:
    day: ${{ range(365) }}
    hour: ${{ range(24) }}
    region: [eu, us]
```

Use instead:

```yaml
strategy:
  matrix:
    day: ${{ range(365) }}
    region: [eu, us]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.environments import limits, of_job
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import MapValue

RULE = Rule("JC305", "matrix-explosion", WARNING, "a matrix with very many combinations")

LIMIT = 10_000


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            strategy = job.strategy
            if strategy is None or strategy.matrix is None:
                continue
            grid = workflow.grids.of(strategy)
            total = grid.count()
            if total is None and grid.known:
                total = grid.size()
            environment = of_job(job, workflow)
            most = limits(environment).get("tasks")
            if total is None or total <= (LIMIT if most is None else min(most, LIMIT)):
                continue
            sizes = {key: len(values or ()) for key, values in (grid.keys or {}).items()}
            product = " x ".join(f"{size} {key}" for key, size in sizes.items())
            beyond = f", more than the {most:,} that `{environment}` takes" if most and total > most else ""
            place = strategy.matrix.node if isinstance(strategy.matrix, MapValue) else strategy.matrix
            yield Diagnostic(
                RULE.name,
                f"job `{job.id}` has {total:,} combinations ({product}){beyond}",
                place.span,
                help="take a key or values out, or loop over them inside a stage with `foreach`",
            )
