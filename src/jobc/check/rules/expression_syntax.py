"""## What it does

Reports an expression that does not parse, at the very column where reading stopped, with what could
have stood there. An expression that is opened and never closed is reported too.

## Why is this bad?

A file with such an expression has no meaning: nothing of it can be compiled or run.

## Example

```yaml
condition: "${{ params.dry == }}"
```

Use instead:

```yaml
condition: "${{ params.dry == true }}"
```

To write the characters `${{` themselves, double the sign: `$${{`.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC101", "expression-syntax", ERROR, "an expression that does not parse")
