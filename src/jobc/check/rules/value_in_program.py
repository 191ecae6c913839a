r"""A value that may be any text becomes part of a program for sed, jq, make or a database.

## What it does

Quoting for the shell keeps a value from being shell code, not from being code of the program that the shell
calls. This rule reports values that stand inside a script of `sed`, a filter of `jq` or `yq`, a variable of
`make`, or a statement for `psql`, `mysql`, `sqlite3` and other clients of databases. Numbers, dates, booleans
values of a known set of plain words, and parameters whose `pattern` keeps out what means something there (a quote, a
backslash, the slash of `s/…/…/`; outside of quotes in SQL the dash of a comment, too) cannot do harm and are not reported.

## Why is this bad?

`s/@NAME@/${{ … }}/` breaks where the value has a slash, and GNU sed runs commands that a value brings along
(`/e`). A quote in a value ends the text of an SQL statement, and the rest is SQL; `psql` and `mysql` run
`\!` as a command of the shell. `make` expands `$(shell …)` in its variables.

## Example

```yaml
params: {name: {type: str, required: true}}
jobs:
  load:
    stages:
      - bash: |
          sed "s/@NAME@/${{ params.name }}/" page.tmpl > page.html
          jq '.name == "${{ params.name }}"' people.json
          psql -c "delete from people where name = '${{ params.name }}'"
```

Use instead:

```yaml
params: {name: {type: str, required: true}}
jobs:
  load:
    stages:
      - bash: |
          page=$(cat page.tmpl); printf '%s\n' "${page//@NAME@/"${{ params.name }}"}" > page.html
          jq --arg name ${{ params.name }} '.name == $name' people.json
          psql -v name=${{ params.name }} <<'SQL'
          delete from people where name = :'name';
          SQL
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.sema.scripts import script_stages

RULE = Rule("JC406", "value-in-program", WARNING, "a value inside a program for sed, jq, make or a database")

_HELP = {
    "sed": 'substitute in the shell, `${text//@NAME@/"$value"}`, or give sed `--sandbox`, where nothing it reads can run',
    "jq": "pass it as data: `jq --arg name ${{ … }} '… $name …'`; in yq, `strenv(NAME)` reads a variable of `env`",
    "make": 'put it into `env` under a name of its own, and let the recipe read it as `"$$NAME"`',
    "SQL": "pass it as data: psql -v name=${{ … }} with :'name' in a quoted here-document, or bind it in a `run` stage",
}
_WORDS = {
    "sed": "a script of sed",
    "jq": "a filter of jq",
    "make": "a variable that make expands",
    "SQL": "an SQL statement",
}


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            for stage in script_stages(job):
                script = workflow.scripts.get(id(stage))
                for placement in script.placements if script is not None else ():
                    if placement.reader is not None:
                        yield Diagnostic(
                            RULE.name,
                            f"a value that may be any text becomes part of {_WORDS[placement.reader]}",
                            placement.hole.span,
                            help=_HELP[placement.reader],
                        )
