"""A declared output that no stage writes.

## What it does

Reports an entry of a job's `outputs` that reads an output of a stage which that stage cannot write. What a stage
writes is read from its Python (names bound at the top level, `result.outputs`) or from its shell script (what goes to
`$JOBC_OUTPUT`); where that cannot be told, as with a script that calls other programs, nothing is reported.

## Why is this bad?

The output is always null, and the jobs that read it go on with nothing.

## Example

```yaml
jobs:
  build:
    outputs: {version: "${{ stages.pack.outputs.version }}"}
    stages:
      - id: pack
        bash: echo "verison=$(git describe)" >> "$JOBC_OUTPUT"
```

Use instead:

```yaml
jobs:
  build:
    outputs: {version: "${{ stages.pack.outputs.version }}"}
    stages:
      - id: pack
        bash: echo "version=$(git describe)" >> "$JOBC_OUTPUT"
```

## Fix safety

The fix reads the output with the nearest name, which may not be the one that was meant, so it is unsafe.
"""

from __future__ import annotations

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC404", "unwritten-output", ERROR, "a declared output that no stage writes", fixable="unsafe")
