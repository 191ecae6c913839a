"""## What it does

Reports a context that exists, but not where it is used: `matrix` in a job's condition, `stages` in
`runs-on`, `secrets` in a strategy. The message says why it is not there.

## Why is this bad?

Every part of a job is evaluated at a moment of its own. A condition, for example, is decided once,
before the matrix is expanded, so there is no `matrix` yet that it could read.

## Example

```yaml
jobs:
  build:
    condition: matrix.os == 'linux'
    strategy: {matrix: {os: [linux, macos]}}
    stages: [{bash: make}]
```

Use instead a condition of the stage, which is decided in each combination:

```yaml
jobs:
  build:
    strategy: {matrix: {os: [linux, macos]}}
    stages:
      - condition: matrix.os == 'linux'
        bash: make
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC103", "context-unavailable", ERROR, "a context where it does not exist")
