"""## What it does

Reports a value of the wrong kind (a text for a list, a list for a text), a word that is none of those a key can have,
a number out of range, a duration, a cron expression or a regular expression that is none, a default that its parameter's
type does not take, an expression where a plain name is needed, and a stage that claims to be of two kinds.

Where text is wanted, any single value is text as it is written: `echo: 5` and `env: {DEBUG: true}` are right.

## Why is this bad?

The file has no meaning there; guessing one would give a job that does something else than its author reads.

## Example

```yaml
build:
  trigger-rule: all_succes
  timeout: 5 minutes
  stages: [{bash: make}]
```

Use instead:

```yaml
build:
  trigger-rule: all_success
  timeout: 5m
  stages: [{bash: make}]
```

## Fix safety

Where one word alone is near to what stands there, the fix writes it. It is safe: the file had no meaning before.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC005", "wrong-type", ERROR, "a value that its key cannot have", fixable="safe")
