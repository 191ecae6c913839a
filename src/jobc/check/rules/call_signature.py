"""## What it does

Reports a call that does not fit the function: too few or too many arguments, a keyword that it does
not have, an argument of a type that it cannot take, constant arguments with which it always fails, such as a text for
`fromJson` that is no JSON. Filters and methods are checked alike.

## Why is this bad?

The call fails when it is reached, which may be hours into a run.

## Example

```yaml
- echo: "${{ replace(params.name, '-') }}"
```

Use instead:

```yaml
- echo: "${{ replace(params.name, '-', '_') }}"
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC104", "call-signature", ERROR, "a call that does not fit the function's signature")
