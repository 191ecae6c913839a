"""## What it does

Reports a key that stands twice in one mapping. Two spellings of one key are the same key: `runs-on` and `runs_on`,
`if` and `condition`. A key that a merge (`<<`) brings in is no duplicate: the one that is written out wins.

## Why is this bad?

Only one of the two values can count. Most readers of YAML take the last one and say nothing, so the other is lost
without a trace.

## Example

```yaml
deploy:
  if: params.env == 'prod'
  condition: params.dry == false
  stages: [{bash: ./deploy}]
```

Use instead:

```yaml
deploy:
  condition: params.env == 'prod' && params.dry == false
  stages: [{bash: ./deploy}]
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC002", "duplicate-key", ERROR, "a key that a mapping has twice")
