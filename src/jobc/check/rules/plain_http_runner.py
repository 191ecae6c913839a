"""## What it does

Reports a self-hosted runner that is reached over plain HTTP on another machine, and a Docker daemon over plain TCP.

## Why is this bad?

The token, the scripts and what they return can be read and changed by everyone on the way.

## Example

```yaml
secrets: [RUNNER_TOKEN]
jobs:
  build:
    runs-on: {type: self-hosted, host: "http://runner.example.com", token: "${{ secrets.RUNNER_TOKEN }}"}
    stages: [{bash: make}]
```

Use instead:

```yaml
secrets: [RUNNER_TOKEN]
jobs:
  build:
    runs-on: {type: self-hosted, host: "https://runner.example.com", token: "${{ secrets.RUNNER_TOKEN }}"}
    stages: [{bash: make}]
```
"""

import re
from collections.abc import Iterator

from jobc.check.placed import in_each
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic
from jobc.sema.model import SemanticModel
from jobc.syntax.ast import Const, RunsOn, TemplateValue, Value

RULE = Rule("JC506", "plain-http-runner", WARNING, "a token over plain HTTP to another machine")

_LOOPBACK = re.compile(r"(?i)[a-z]+://(?:localhost|[\w.-]+\.localhost|127(?:\.\d+){3}|\[::1\])(?:[:/]|$)")
_WHERE = {("self-hosted", "host"): "http://", ("docker", "docker_host"): "tcp://"}


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            yield from in_each(job, workflow, _addresses)


def _addresses(place: RunsOn) -> Iterator[Diagnostic]:
    for item in place.args:
        scheme = _WHERE.get((place.type, item.key))
        address = _beginning(item.value)
        if scheme is None or not address.lower().startswith(scheme) or _LOOPBACK.match(address):
            continue
        what = "the token and the job travel" if scheme == "http://" else "the job travels"
        yield Diagnostic(
            RULE.name,
            f"{what} unencrypted to another machine",
            item.value.span,
            help="use `https://`" if scheme == "http://" else "use `ssh://`, or a daemon with TLS",
        )


def _beginning(value: Value) -> str:
    """The text that an address surely begins with."""
    if isinstance(value, Const):
        return str(value.value)
    first = value.parts[0] if isinstance(value, TemplateValue) and value.parts else ""
    return first if isinstance(first, str) else ""
