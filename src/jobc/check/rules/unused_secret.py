"""## What it does

Reports a name in `secrets` that no expression reads.

## Why is this bad?

The run asks for a secret that it does not use: one more place that must hold it, and can lose it.

## Example

```yaml
secrets: [DEPLOY_TOKEN, OLD_TOKEN]
jobs:
  deploy:
    env: {TOKEN: "${{ secrets.DEPLOY_TOKEN }}"}
    stages: [{bash: ./deploy}]
```

Use instead:

```yaml
secrets: [DEPLOY_TOKEN]
jobs:
  deploy:
    env: {TOKEN: "${{ secrets.DEPLOY_TOKEN }}"}
    stages: [{bash: ./deploy}]
```
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.sema.reads import is_partial, is_written

RULE = Rule("JC211", "unused-secret", WARNING, "a secret that nothing reads")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    if is_partial(model):
        return
    for workflow in model.workflows:
        if not workflow.jobs or workflow.reads.mistaken("secrets", workflow.workflow.secrets):
            continue
        for secret in workflow.workflow.secrets:
            if not workflow.reads.has("secrets", secret.name) and not is_written(
                "secrets", secret.name, model
            ):
                yield Diagnostic(
                    RULE.name,
                    f"nothing reads the secret `{secret.name}`",
                    secret.span,
                    help=f"remove it, or read it as `secrets.{secret.name}`",
                )
