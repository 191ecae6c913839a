"""## What it does

Reports credentials that stand in the file: keys and tokens of known shapes (AWS, GitHub, GitLab, Slack, Stripe, Google,
npm, PyPI, JSON web tokens, private keys), passwords in URLs, and constants where an environment takes a credential or in a
variable named `…PASSWORD`, `…SECRET`, `…TOKEN` or `…API_KEY`. What is plainly an example (`your-token`, `changeme`) is not reported, nor is a
value of such a variable that does not look random.

## Why is this bad?

Whoever can read the repository, any copy of it, or its history has the credential.

## Example

```yaml
jobs:
  sync:
    env:
      DATABASE: postgres://etl:Zk3-vT9qLm2x@db.example.com/orders
    stages: [{bash: ./sync}]
```

Use instead:

```yaml
secrets: [DATABASE_URL]
jobs:
  sync:
    env:
      DATABASE: ${{ secrets.DATABASE_URL }}
    stages: [{bash: ./sync}]
```
"""

import math
import re
from collections.abc import Iterator
from functools import cache

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.environments import runs_on, secret_args
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.source.file import SourceFile, Span
from jobc.syntax.ast import Const, Item

RULE = Rule("JC503", "hardcoded-credential", WARNING, "a key, token or password in the file")

_REMEDY = "revoke it, name a secret under `secrets:`, and write `${{ secrets.NAME }}` here"

#: (what it is, how it begins in lower case, its shape). The beginnings are looked for first: most files have none.
_SHAPES = (
    ("an AWS access key", "akia", r"\bAKIA[0-9A-Z]{16}\b"),
    ("a temporary AWS access key", "asia", r"\bASIA[0-9A-Z]{16}\b"),
    ("a GitHub token", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"),
    ("a GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{60,255}\b"),
    ("a GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", "xox", r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    (
        "a Slack webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}",
    ),
    ("a Stripe key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{20,}\b"),
    ("a Google API key", "aiza", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", "pypi-age", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("an Azure account key", "accountkey=", r"(?<=AccountKey=)[A-Za-z0-9+/]{86}=="),
    ("a JSON web token", "eyj", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", "private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ("a password in a URL", "://", r"(?<=://)[^\s/:@'\"{}$<>]*:[^\s/:@'\"{}$<>]{3,}(?=@[\w.-]+)"),
)
_EXAMPLE = re.compile(
    r"(?i)example|your|changeme|change-me|placeholder|dummy|sample|test|fake|todo|secret$|password$|^pass$"
    r"|^token$|x{4,}|\*{3,}|^<|…|\.\.\.|^(.)\1+$|1234"
)
_CREDENTIAL_NAME = re.compile(
    r"(?i)(?:^|[_-])(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)$"
)


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for file in model.files:
        yield from _shapes(file)
    for workflow in model.all_workflows:
        named: list[Item] = list(workflow.workflow.env)
        for job in workflow.jobs.values():
            named += job.env
            for stage in stages(job):
                named += stage.env
            found = runs_on(job, workflow)
            if found is not None:
                secret = secret_args(found.type)
                for item in found.args:
                    if item.key in secret and item.key != "credentials_path" and _is_constant(item):
                        yield _finding(item.value.span, f"the credential `{item.key.replace('_', '-')}`")
        for item in named:
            if _CREDENTIAL_NAME.search(item.key) and _is_constant(item) and _is_random(_text(item)):
                yield _finding(item.value.span, f"what looks like the credential `{item.key}`", "medium")


def _finding(span: Span, what: str, confidence: str = "high") -> Diagnostic:
    return Diagnostic(RULE.name, f"{what} stands in the file", span, help=_REMEDY, confidence=confidence)


def _shapes(file: SourceFile) -> Iterator[Diagnostic]:
    folded = file.text.lower()
    for what, begin, shape in _SHAPES:
        if begin not in folded:
            continue
        for match in _compiled(shape).finditer(file.text):
            password = match[0].rsplit(":", 1)[-1] if begin == "://" else match[0]
            if not _EXAMPLE.search(password):
                yield _finding(file.span(match.start(), match.end()), what)


@cache
def _compiled(shape: str) -> re.Pattern[str]:
    return re.compile(shape)


def _text(item: Item) -> str:
    return item.value.node.text if isinstance(item.value, Const) else ""


def _is_constant(item: Item) -> bool:
    """Whether a value is given, and not plainly an example."""
    text = _text(item)
    # A word of letters alone (`storagekey`) stands for a key in an example.
    return len(text) >= 8 and any(map(str.isdigit, text)) and _EXAMPLE.search(text) is None


def _is_random(text: str) -> bool:
    """Long, of one word, of letters and digits, and without the repetitions of a language."""
    if len(text) < 12 or not re.fullmatch(r"[A-Za-z0-9+/=_.~!@#%^&*-]+", text):
        return False
    if not (re.search(r"[0-9]", text) and re.search(r"[A-Za-z]", text)):
        return False
    counts = [text.count(char) for char in set(text)]
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    return entropy >= 3.3
