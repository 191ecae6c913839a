"""## What it does

Reports a name that nothing defines: a context, a function, a filter or a method that does not exist, and a
property that a context cannot have because the file says which it has (a parameter that is not declared,
a key that no combination of the matrix holds, a stage that did not run before). The nearest name that
does exist is proposed. Where anything may be there (an undeclared parameter of a file without
`params`, the environment) nothing is reported.

## Why is this bad?

A name that is not there reads as null, and what is built from it is silently wrong; a function that
is not there fails the job.

## Example

```yaml
params:
  region: {type: str, default: eu-west}
jobs:
  deploy:
    stages:
      - echo: "to ${{ params.regoin }}"
```

Use instead:

```yaml
      - echo: "to ${{ params.region }}"
```

## Fix safety

The fix writes the nearest name, which may not be the one that was meant, so it is unsafe.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule(
    "JC102",
    "undefined-name",
    ERROR,
    "a context, property or function that nothing defines",
    fixable="unsafe",
)
