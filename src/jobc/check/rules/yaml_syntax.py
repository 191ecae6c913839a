"""## What it does

Reports what keeps a file from being YAML: a bracket or a quote that is never closed, a tab in the indentation, a line
that is indented like none before it, a value that YAML reads as something else. All such places of a file are
reported, not only the first, and what surrounds them is still checked.

## Why is this bad?

Nobody can tell what the file means; another reader of YAML may guess otherwise.

## Example

```yaml
jobs:
  build:
    stages: [{bash: make}
```

Use instead:

```yaml
jobs:
  build:
    stages: [{bash: make}]
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC001", "yaml-syntax", ERROR, "text that is not YAML")
