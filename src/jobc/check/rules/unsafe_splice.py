"""A value in a script at a place where no value can be passed safely.

## What it does

Values never become code: the compiler takes each expression out of a script and passes its value in a
variable (shell) or as an object (Python). This rule reports the places where that is impossible, because
the text there is parsed as code (again), or names a command or a variable. It also reports `raw` on what is
not constant.

A value that cannot be code there is not reported: a number, a date, a boolean, one of an `enum` of plain words, and, in
what a shell runs, a parameter of `type: str` whose `pattern` lets in plain characters only (letters, digits and
`_ @ % + : , . / -`). A pattern matches the value as a whole, so `[a-z0-9.-]+` needs no `^` and no `$`. It may let in a `-` in
front, as arguments of any command may begin with one. It may not name the whole command: that takes an `enum`, or constant
text in front (`./deploy-${{ params.release }}`).

## Why is this bad?

A value such as `'; rm -rf . #` would run. The file is not compiled.

## Example

```yaml
params: {name: str}
jobs:
  greet:
    stages:
      - bash: |
          eval "echo ${{ params.name }}"
          bash -c 'echo ${{ params.name }}'
          cat <<'END'
          Hello ${{ params.name }}
          END
```

Use instead:

Pass the value as an argument, or take the quotes off the here-document's delimiter:

```yaml
params: {name: str}
jobs:
  greet:
    stages:
      - bash: |
          echo ${{ params.name }}
          bash -c 'echo "$1"' _ ${{ params.name }}
          cat <<END
          Hello ${{ params.name }}
          END
```

A value that chooses a command becomes a choice that the script makes:

```yaml
      - bash: |
          case ${{ params.tool }} in
            pip) pip install . ;;
            uv) uv pip install . ;;
          esac
```

Or say what the value can be:

```yaml
params:
  release: {type: str, required: true, pattern: "[a-z0-9.-]+"}
jobs:
  deploy:
    stages:
      - bash: ssh web.example.com deploy ${{ params.release }}
```
"""

from __future__ import annotations

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR

RULE = Rule("JC405", "unsafe-splice", ERROR, "a value at a place in a script where it would be code")
