"""## What it does

Reports a declared parameter that no expression and no Python code reads. Code that may read any parameter (one that
passes `params` on, or computes names) keeps the rule silent.

## Why is this bad?

Whoever starts a run gives it, and it does nothing. Often the place that should read it reads something else.

## Example

```yaml
params: {region: str, zone: str}
jobs:
  deploy:
    stages: [{bash: "./deploy ${{ params.region }}"}]
```

Use instead:

```yaml
params: {region: str}
jobs:
  deploy:
    stages: [{bash: "./deploy ${{ params.region }}"}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.sema.reads import is_partial, is_written

RULE = Rule("JC211", "unused-param", INFO, "a parameter that nothing reads")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if is_partial(model):
        return
    for workflow in model.workflows:
        if not workflow.jobs or workflow.reads.mistaken("params", workflow.workflow.params):
            continue
        for param in workflow.workflow.params or ():
            if not workflow.reads.has("params", param.name) and not is_written("params", param.name, model):
                yield Diagnostic(
                    RULE.name,
                    f"nothing reads the parameter `{param.name}`",
                    param.name_span,
                    help=f"remove it, or read it as `params.{param.name}`",
                )
