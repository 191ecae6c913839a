"""## What it does

Reports a `# jobc: allow[…]` comment, or one of the rules in it, that silences nothing.

## Why is this bad?

What it excused is mended or gone, and it would hide the next mistake of that kind at this place.

## Example

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: build  # jobc: allow[unknown-need]
    stages: [{bash: make test}]
```

Use instead:

```yaml
jobs:
  build:
    stages: [{bash: make}]
  test:
    needs: build
    stages: [{bash: make test}]
```

## Fix safety

The fix removes the rule from the comment, or the comment where nothing is left. It is safe: a comment means nothing to a run.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING

RULE = Rule("JC704", "stale-suppression", WARNING, "an `allow` comment that silences nothing", fixable="safe")
