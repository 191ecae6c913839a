"""## What it does

Reports a mapping that lacks a key without which it means nothing: a workflow without `jobs`, a stage without a key
that says of what kind it is, a `foreach` without `stages`, an environment without one of its required arguments.

## Why is this bad?

There is nothing to run, or no way to run it.

## Example

```yaml
stages:
  - name: Load the data
    env: {TABLE: orders}
```

Use instead:

```yaml
stages:
  - name: Load the data
    env: {TABLE: orders}
    bash: ./load "$TABLE"
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC004", "missing-key", ERROR, "a key that cannot be left out")
