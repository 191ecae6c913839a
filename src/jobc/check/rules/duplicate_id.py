"""## What it does

Reports an id that two things share: two stages of a job, two jobs of a workflow (one of them perhaps
included from another file), two workflows of a file. The arms of a `case` stage may use the same ids, for only
one of them runs.

## Why is this bad?

`stages.<id>` and `needs.<id>` must mean one thing. With two of one id, readers and tools disagree on which.

## Example

```yaml
stages:
  - {id: load, bash: ./load a}
  - {id: load, bash: ./load b}
```

Use instead:

```yaml
stages:
  - {id: load-a, bash: ./load a}
  - {id: load-b, bash: ./load b}
```
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC007", "duplicate-id", ERROR, "an id that two jobs, stages or workflows share")
