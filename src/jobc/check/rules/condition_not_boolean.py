"""## What it does

Reports a condition (`condition`, `if`, `until`) whose value is not true or false.

## Why is this bad?

Values are not converted: a text is not true because it is not empty, and `'false'` would not be false.
A run that reaches such a condition fails there.

## Example

```yaml
params:
  region: str
jobs:
  deploy:
    condition: params.region
    stages: [{bash: make deploy}]
```

Use instead a comparison:

```yaml
    condition: params.region != ''
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC106", "condition-not-boolean", ERROR, "a condition that is not true or false")
