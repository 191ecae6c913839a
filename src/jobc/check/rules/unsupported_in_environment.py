"""## What it does

Reports stages that cannot run where their job runs: Python code in an image without Python, a bash script in one without
bash, inline Python and container stages on another machine's batch service.

## Why is this bad?

The stage fails as soon as it is reached.

## Example

```yaml
jobs:
  report:
    runs-on: {type: docker, image: "alpine:3.20"}
    stages:
      - run: print("done")
```

Use instead:

```yaml
jobs:
  report:
    runs-on: {type: docker, image: "python:3.13-alpine"}
    stages:
      - run: print("done")
```
"""

from collections.abc import Iterator
from functools import partial

from jobc.check.placed import in_each
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.constants import text
from jobc.sema.environments import facts
from jobc.sema.environments.places import may_be_guarded
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.source.file import Span
from jobc.syntax.ast import BashStage, CallStage, DockerStage, Job, MapValue, PyStage, RunsOn, Stage

RULE = Rule(
    "JC603", "unsupported-in-environment", WARNING, "a stage that cannot run in the environment of its job"
)

_SERVICES = ("az-batch", "aws-batch", "cloud-batch")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        for job in workflow.jobs.values():
            if not may_be_guarded(job, workflow):
                yield from in_each(job, workflow, partial(_stages, job))


def _stages(job: Job, place: RunsOn) -> Iterator[Diagnostic]:
    if place.type == "local":
        return
    image = next((item for item in place.args if item.key == "image"), None)
    name = None if image is None else text(image.value)
    without_python = _is_one_of(name, "no_python")
    without_bash = _is_one_of(name, "no_bash")
    for stage in stages(job):
        if isinstance(stage, PyStage | CallStage) and without_python and image is not None:
            yield _finding(
                stage,
                f"the image `{name}` has no Python, which this stage needs",
                "use an image with Python, such as `python:3.13-slim`",
                Label(image.value.span, "the image"),
            )
        elif isinstance(stage, BashStage) and stage.shell is None and without_bash and image is not None:
            yield _finding(
                stage,
                f"the image `{name}` has no bash, which this stage needs",
                "write `shell: sh`, or use an image with bash",
                Label(image.value.span, "the image"),
            )
        elif isinstance(stage, DockerStage) and place.type == "docker" and not _has_daemon(place):
            yield _finding(
                stage,
                "a job in a container has no Docker daemon to run another one with",
                "run the job on `local`, or make this a bash or Python stage of its image",
                Label(place.type_span, "where the job runs"),
            )
        elif place.type in _SERVICES:
            yield from _service(stage, place)


def _has_daemon(place: RunsOn) -> bool:
    """Whether a job in a container may reach a daemon: its socket is mounted, or what is mounted is not known."""
    for item in place.args:
        if item.key == "volume":
            entries = item.value.entries if isinstance(item.value, MapValue) else None
            return entries is None or any("docker.sock" in entry.key for entry in entries)
    return False


def _service(stage: Stage, place: RunsOn) -> Iterator[Diagnostic]:
    where = Label(place.type_span, "where the job runs")
    if isinstance(stage, PyStage) and stage.isolation == "inline":
        yield _finding(
            stage,
            f"inline code runs in the engine's own process, which `{place.type}` does not have",
            "remove `isolation: inline`, or run the job on `local`",
            where,
            stage.keys.get("isolation"),
        )
    elif isinstance(stage, DockerStage):
        yield _finding(
            stage,
            f"a task of `{place.type}` has no Docker daemon to run a container with",
            "give the job the image: `runs-on: {…, image: …}`, and make this a bash or Python stage",
            where,
        )


def _finding(stage: Stage, message: str, remedy: str, where: Label, span: Span | None = None) -> Diagnostic:
    return Diagnostic(RULE.name, message, span or stage.key_span, help=remedy, related=(where,))


def _is_one_of(image: str | None, table: str) -> bool:
    """Whether an image is one of the base images of a table, in any version that says nothing else (`debian:12`, not `x/debian`)."""
    if image is None:
        return False
    name = image.removeprefix("docker.io/").removeprefix("library/").partition("@")[0]
    known = facts("docker")[table]
    return name in known or name.partition(":")[0] in known
