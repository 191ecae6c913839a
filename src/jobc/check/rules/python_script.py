"""Python that cannot be parsed.

## What it does

Parses the code of every Python stage, with each expression standing for a value, and reports what Python
itself would say, at the place in the jobs file.

## Why is this bad?

Without the check the mistake shows when the stage runs, after everything before it has run.

## Example

```yaml
jobs:
  load:
    stages:
      - run: |
          for part in range(3)
              print(part)
```

Use instead:

```yaml
jobs:
  load:
    stages:
      - run: |
          for part in range(3):
              print(part)
```
"""

from __future__ import annotations

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC402", "python-script", ERROR, "Python code that cannot be parsed")
