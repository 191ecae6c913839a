"""## What it does

Reports a read of `needs.<job>.outputs.<name>` or `stages.<id>.outputs.<name>` of an output that cannot be there: the job
declares its `outputs` and this is none of them, or no stage of it writes the name. What a stage writes is read from
its Python and its shell script; where that cannot be told, nothing is reported. The nearest name is proposed.

## Why is this bad?

The value is always null.

## Example

```yaml
jobs:
  build:
    outputs: {version: "${{ stages.pack.outputs.version }}"}
    stages: [{id: pack, bash: make pack}]
  publish:
    needs: build
    stages: [{echo: "${{ needs.build.outputs.verison }}"}]
```

Use instead:

```yaml
    stages: [{echo: "${{ needs.build.outputs.version }}"}]
```

## Fix safety

The fix writes the nearest name, which may not be the one that was meant, so it is unsafe.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC111", "unknown-output", ERROR, "an output that the job does not have", fixable="unsafe")
