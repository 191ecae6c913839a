"""Python that cannot be parsed, or that names what is not there.

## What it does

Parses the code of every Python stage, with each expression standing for a value, and reports what Python
itself would say, at the place in the jobs file: an error. What [pyflakes](https://pypi.org/project/pyflakes/) finds
is reported too: names that nothing defines, formats that do not fit their values, comparisons with `is` (warnings),
imports and variables that nobody uses (information). It knows the names that a script finds: `params`, `matrix`,
`needs`, `stages`, `env`, `item`, `context`, `result`, `logger`, and the stage's `vars`.

## Why is this bad?

Without the check the mistake shows when the stage runs, after everything before it has run.

## Example

```yaml
jobs:
  load:
    stages:
      - run: |
          for part in range(3)
              print(part)
```

Use instead:

```yaml
jobs:
  load:
    stages:
      - run: |
          for part in range(3):
              print(part)
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import PyStage

RULE = Rule("JC402", "python-script", ERROR, "Python code that cannot be parsed, or names what is not there")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    from jobc.sema.scripts import script_stages

    workflows = model.all_workflows
    if any(isinstance(s, PyStage) for w in workflows for job in w.jobs.values() for s in script_stages(job)):
        from jobc.check.python_findings import findings

        yield from findings(model)
