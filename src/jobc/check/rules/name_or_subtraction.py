"""## What it does

Reports a name with a hyphen that does not exist, where the part before the hyphen does, and what follows is a number or a
known name too.

## Why is this bad?

Names may hold hyphens, so `params.total-1` is the parameter `total-1`, not a subtraction. There is none such, and the value
would be null.

## Example

```yaml
params: {total: int}
jobs:
  count:
    stages:
      - echo: ${{ params.total-1 }} to go
```

Use instead:

```yaml
params: {total: int}
jobs:
  count:
    stages:
      - echo: ${{ params.total - 1 }} to go
```

## Fix safety

The fix writes the subtraction. It is unsafe, as another name may have been meant.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule(
    "JC112", "name-or-subtraction", ERROR, "a hyphenated name where a subtraction is meant", fixable="unsafe"
)
