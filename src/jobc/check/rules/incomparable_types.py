"""## What it does

Reports a comparison that can have only one outcome because of the types of its sides: `==` between
values that are never equal (a number and a text; a parameter of a fixed set of values and a value outside of
it; a status and a misspelt status), and `<` on values that have no order. It also reports operators on what they are not for, such as a sum of a
text and a number, and a division by what is always zero, which fails whenever it is evaluated.

## Why is this bad?

`==` converts nothing: `'3' == 3` is false. A condition with such a comparison never (or always) holds, and
the job it guards silently never runs.

## Example

```yaml
condition: needs.build.result == 'failure'
```

Use instead one of the statuses `'success'`, `'failed'`, `'skip'`, `'cancel'`:

```yaml
condition: needs.build.result == 'failed'
```

## Fix safety

The fix writes the nearest value of the other side's type: a word of the fixed set that is spelt alike, the number as
the text that stands there. It is unsafe, for it changes what the condition says.
"""

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC105", "incomparable-types", ERROR, "a comparison that can never hold", fixable="unsafe")
