"""An expression that is right for most combinations of a matrix, and wrong for one.

## What it does

Looks at every expression that reads `matrix` once for each combination, where the matrix is constant, and reports
what is wrong in some of them: a property of what is no map there, an operator on the wrong kind of value, a missing
key. The combination is named. What a condition excludes in a combination is not looked at there.

## Why is this bad?

That combination fails when it runs, while all others succeed.

## Example

```yaml
jobs:
  test:
    strategy:
      matrix:
        version: [3.11, 3.12, latest]
    stages:
      - condition: matrix.version >= 3.12
        echo: new
```

Use instead:

```yaml
jobs:
  test:
    strategy:
      matrix:
        version: [3.11, 3.12, latest]
    stages:
      - condition: matrix.version == 'latest' || matrix.version >= 3.12
        echo: new
```
"""

from __future__ import annotations

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule(
    "JC306", "combination-type", ERROR, "an expression that is wrong in one combination of its matrix"
)
