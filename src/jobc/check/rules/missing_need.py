"""## What it does

Reports a read of `needs.<job>` where the job exists but is none of the reading job's `needs`.

## Why is this bad?

A job sees only what it needs: the value is always null, and nothing makes the other job run first.

## Example

```yaml
jobs:
  count:
    outputs: {rows: "${{ stages.count.outputs.rows }}"}
    stages: [{id: count, bash: ./count}]
  report:
    stages: [{echo: "${{ needs.count.outputs.rows }} rows"}]
```

Use instead:

```yaml
  report:
    needs: count
    stages: [{echo: "${{ needs.count.outputs.rows }} rows"}]
```

## Fix safety

The fix adds the job to `needs`. With the rule `all_success` it is safe: the file could not be compiled before,
and the job now waits for what it reads. With another `trigger-rule` one more need changes when the rule
holds, so the fix is unsafe. None is offered where the new need would close a cycle.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC208", "missing-need", ERROR, "`needs.x` is read but `x` is not needed", fixable="safe")
