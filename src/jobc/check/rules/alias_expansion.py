"""## What it does

Reports an alias that stands inside its own anchor, and aliases of aliases that together stand for more than a million
nodes, or nest deeper than any file that a person writes.

## Why is this bad?

A few lines can stand for more than a machine can hold, and a value inside itself has no end. Both serve to break what
reads the file.

## Example

```yaml
jobs:
  build: &build
    env: *build
    stages: [{bash: make}]
```

Use instead:

```yaml
x-env: &env {CC: clang}
jobs:
  build:
    env: *env
    stages: [{bash: make}]
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC006", "alias-expansion", ERROR, "aliases that never end, or grow beyond measure")
