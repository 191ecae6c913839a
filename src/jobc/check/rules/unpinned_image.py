"""## What it does

Reports a container image without a tag or digest, or with the tag `latest`.

## Why is this bad?

It is worth knowing that the same file runs another image tomorrow.

## Example

```yaml
jobs:
  test:
    runs-on: {type: docker, image: python}
    stages: [{bash: make test}]
```

Use instead:

```yaml
jobs:
  test:
    runs-on: {type: docker, image: "python:3.13-slim"}
    stages: [{bash: make test}]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic
from jobc.sema.constants import text
from jobc.sema.environments import runs_on
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.syntax.ast import DockerStage, Value

RULE = Rule("JC504", "unpinned-image", INFO, "an image without a tag or digest, or tagged `latest`")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            found = runs_on(job, workflow)
            if found is not None:
                args = {item.key: item.value for item in found.args}
                yield from _image(args.get("image"), args.get("tag"))
            for stage in stages(job):
                if isinstance(stage, DockerStage):
                    yield from _image(stage.image, None)


def _image(image: Value | None, tag: Value | None) -> Iterator[Diagnostic]:
    name = text(image)
    if not name or image is None or "@" in name or name == "scratch":
        return
    last = name.rsplit("/", 1)[-1]
    if tag is not None:
        given = text(tag)
        if given is None:
            return
    else:
        given = last.partition(":")[2]
    if given in ("", "latest"):
        said = f"`{name}` has no tag" if not given else f"`{name}` is tagged `latest`"
        yield Diagnostic(
            RULE.name,
            f"{said}, so which image runs changes with time",
            (image if tag is None else tag).span,
            help=f"name a version, or the digest: `{name.removesuffix(':latest')}@sha256:…`",
        )
