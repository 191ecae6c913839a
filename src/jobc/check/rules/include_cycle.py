"""## What it does

Reports `include`, `uses` and `extends` that lead in a circle, with every step of it: a file that includes itself through
others, a job that extends, or takes its stages from, a job that does the same with it. Two files may use each other's jobs
as long as no job comes back to itself.

## Why is this bad?

What the job consists of has no end.

## Example

```yaml
jobs:
  base:
    extends: release
  release:
    extends: base
    stages: [{bash: ./release}]
```

Use instead:

```yaml
jobs:
  base:
    timeout: 10m
  release:
    extends: base
    stages: [{bash: ./release}]
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC213", "include-cycle", ERROR, "reuse that leads back to itself")
