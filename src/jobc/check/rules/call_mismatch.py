"""## What it does

Reports `include`, `uses`, `extends` and `trigger` against the file or workflow that they name: a file that cannot be read, a job that is not
there, a parameter that the file does not declare, one that it requires and is not given, and a value that the
declaration does not allow. It also reports Python code that reads `params.x` by itself where the reuse binds `x`: code
sees the parameters of the run, so it must take the value as `${{ params.x }}` or through `vars`.

## Why is this bad?

What is reused was written for certain parameters. Without them it cannot run, or runs with the wrong ones.

## Example

```yaml
# lib/build.yml declares `params: {target: str, jobs: int}`
jobs:
  build:
    uses: lib/build.yml#build
    with: {taget: all, jobs: many}
```

Use instead:

```yaml
jobs:
  build:
    uses: lib/build.yml#build
    with: {target: all, jobs: 4}
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC212", "call-mismatch", ERROR, "reuse that does not fit what it reuses")
