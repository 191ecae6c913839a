"""What ShellCheck finds in a shell script.

## What it does

Runs [ShellCheck](https://www.shellcheck.net/wiki/) on all shell scripts of a run, in one process, and shows its errors
and warnings at their places in the jobs file. It sees the scripts as they run: expressions are variables, and a
command that fails ends the script. Style and information are left out, but for variables that are not quoted
(`SC2086`, `SC2295`), which are told as information; so are the warnings that only make sense for a script of its own
(`SC2154`, unassigned variables, is JC403's).

It needs the extra `shell` (`pip install 'jobc[shell]'`), or a `shellcheck` on the PATH; without one the rule is
silent, and `--select JC401` says so and exits 2. `# shellcheck disable=SC2046` in the script works as it does anywhere.

## Why is this bad?

Each of these is a known way for a script to do something else than it says: words that split, failures that vanish,
tests that are always true.

## Example

```yaml
jobs:
  clean:
    stages:
      - bash: |
          files=$(ls *.tmp)
          [ $files == "" ] || rm $(cat list)
```

Use instead:

```yaml
jobs:
  clean:
    stages:
      - bash: |
          rm -f ./*.tmp
```

## Fix safety

Where ShellCheck has a fix it can be applied with `--fix --unsafe`. It is unsafe: another script is another program, and a
variable that is meant to be several words is one word once it is quoted. There is none where it would change an
expression, several lines, or what the YAML around the script means.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, WARNING, Diagnostic
from jobc.sema.model import SemanticModel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.check.shellcheck import Comment
    from jobc.sema.scripts import ScriptPlacement

RULE = Rule("JC401", "shell-script", WARNING, "what ShellCheck finds in a shell script", fixable="unsafe")

#: That a script cannot be read is said once; these come after what says why.
_FOLLOWING = (1047, 1061, 1062, 1065, 1070, 1072, 1073, 1085, 1089)


def available() -> bool:
    from jobc.programs import shellcheck

    return shellcheck() is not None


def check_with_programs(model: SemanticModel) -> Iterator[Diagnostic]:
    from jobc.check.shellcheck import answers, placed
    from jobc.check.shellcheck_fixes import fix

    scripts = placed(model)
    if not scripts:
        return
    known = answers(script for script, _, _ in scripts)
    for script, placement, _ in scripts:
        comments = known[script]
        unread = [comment for comment in comments if comment.code < 2000]
        unread.sort(key=lambda comment: (comment.code in _FOLLOWING, comment.code == 1073))
        sources = any(word in placement.text for word in ("source ", ". ", "eval "))
        for comment in comments:
            if comment.code < 2000 and comment is not unread[0]:
                continue
            # What a sourced script reads is not unused.
            if comment.code == 2034 and sources:
                continue
            # What was put in place of an expression is not the author's.
            if placement.is_lifted(comment.start, comment.end):
                continue
            # Expressions are meant to get their values before a here-document is sent.
            if comment.code == 2087 and _has_expression(placement, comment):
                continue
            message = " ".join(comment.message.split()).rstrip(".")
            yield Diagnostic(
                RULE.name,
                f"{message[:1].lower()}{message[1:]}" if message[1:2].islower() else message,
                placement.span(comment.start, comment.end),
                help=f"SC{comment.code}: shellcheck.net/wiki/SC{comment.code} says what to write instead",
                fix=fix(comment, placement),
                severity=None if comment.level in ("error", "warning") else INFO,
            )


def _has_expression(placement: ScriptPlacement, comment: Comment) -> bool:
    """Whether an expression stands in the here-document whose mark a comment is about."""
    mark = placement.text[comment.start : comment.end]
    body = placement.text[comment.end :].split(f"\n{mark}", 1)[0]
    return any(each.name in body for each in placement.placements)
