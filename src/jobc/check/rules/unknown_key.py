"""## What it does

Reports a key that jobc does not know in this place, with the nearest key that it does know. At the top of a file,
keys that begin with `x-` are free: they hold anchors for the rest of the file.

## Why is this bad?

A misspelt key would be passed over: the job would run without its `needs`, its `timeout`, its `condition`.

## Example

```yaml
test:
  need: build
  stages: [{bash: make test}]
```

Use instead:

```yaml
test:
  needs: build
  stages: [{bash: make test}]
```

## Fix safety

The fix writes the nearest key, and is offered where one key alone is that near and the mapping has it not yet. It is
safe: the file had no meaning before.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC003", "unknown-key", ERROR, "a key that means nothing where it stands", fixable="safe")
