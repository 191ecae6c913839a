"""## What it does

Reports an entry of `artifacts.in` that no earlier job publishes: a misspelt name, an artifact of a job that this one does
not wait for, or a job that publishes nothing. As a warning it also reports a path of `cache.inputs` that another job
writes while nothing makes this one wait for it.

## Why is this bad?

The job fails before its first stage, as there is nothing to place. An input that another job may just be writing is read
as it happens to be, and what is kept in the cache for it may be wrong.

## Example

```yaml
jobs:
  build:
    artifacts: {out: {wheels: [dist/*.whl]}}
    stages: [{bash: make}]
  test:
    needs: build
    artifacts: {in: {wheel: vendor}}
    stages: [{bash: make test}]
```

Use instead:

```yaml
jobs:
  build:
    artifacts: {out: {wheels: [dist/*.whl]}}
    stages: [{bash: make}]
  test:
    needs: build
    artifacts: {in: {wheels: vendor}}
    stages: [{bash: make test}]
```

## Fix safety

The fix writes the nearest name, or adds the job that publishes the artifact to `needs`. It is safe where the file could
not run before and only one name is meant; a further need under a trigger rule other than `all_success` is marked unsafe.
None is offered for an input: whether the job should wait is for its author to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.check.written_paths import is_local, read, written
from jobc.diagnostics.diagnostic import ERROR, WARNING, Diagnostic, Edit, Fix, Label
from jobc.sema.artifacts import ancestors, named, published
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.needs import add_need, reaches, yaml_word
from jobc.syntax.ast import Job
from jobc.syntax.file_nodes import Placed
from jobc.syntax.spelling import near

RULE = Rule("JC605", "missing-producer", ERROR, "an input that no earlier job writes", fixable="safe")

_PAIRS = 200_000


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow in model.all_workflows:
        if workflow.cycles:
            continue
        for job in workflow.jobs.values():
            if any(need.id not in workflow.jobs for need in job.needs):
                continue
            if job.artifacts is not None and job.artifacts.given:
                before = ancestors(job, workflow)
                for placed in job.artifacts.given:
                    if not named(placed.source, before)[0]:
                        yield _unpublished(placed, job, before, workflow)
        yield from _inputs(workflow)


def _unpublished(placed: Placed, job: Job, before: dict[str, Job], workflow: WorkflowModel) -> Diagnostic:
    source = placed.source
    elsewhere = {id: each for id, each in workflow.jobs.items() if each is not job}
    found = named(source, elsewhere)[0]
    related: tuple[Label, ...] = ()
    fix = None
    if found:
        other = found[0]
        message = (
            f"job `{job.id}` starts with `{source}`, but does not wait for `{other.id}`, which publishes it"
        )
        related = (Label(other.id_span, f"`{other.id}` publishes it"),)
        if reaches(other, job, workflow):
            remedy = f"`{other.id}` runs after `{job.id}`: publish it in a job before both"
        else:
            remedy = f"add `{other.id}` to the `needs` of `{job.id}`"
            fix = add_need(other.id, job)
    elif source in elsewhere:
        message = f"job `{job.id}` starts with what `{source}` publishes, but `{source}` publishes nothing"
        remedy = f"add `artifacts: {{out: …}}` to `{source}`"
        related = (Label(elsewhere[source].id_span, f"`{source}` is defined here"),)
    else:
        message = f"job `{job.id}` starts with `{source}`, but no job publishes it"
        remedy, fix = _meant(placed, before, elsewhere)
    return Diagnostic(
        RULE.name,
        message,
        placed.source_span,
        help=remedy,
        related=related,
        fix=fix,
        severity=ERROR if placed.if_missing == "error" else WARNING,
    )


def _meant(placed: Placed, before: dict[str, Job], elsewhere: dict[str, Job]) -> tuple[str, Fix | None]:
    """What to write instead of a name that nobody has."""
    names = _names(before)
    close = near(placed.source, names)
    if len(close) == 1:
        edit = Edit(placed.source_span, yaml_word(close[0]))
        safe = placed.if_missing == "error"
        return f"did you mean `{close[0]}`?", Fix(f"write `{close[0]}`", [edit], safe=safe)
    if close:
        return "did you mean " + " or ".join(f"`{name}`" for name in close) + "?", None
    far = near(placed.source, _names(elsewhere))
    if far:
        return f"did you mean `{far[0]}`? the job that publishes it must be among the needs", None
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:6])
        return f"what it waits for publishes {shown}" + (", …" if len(names) > 6 else ""), None
    return (
        "nothing that it waits for publishes anything: add `artifacts: {out: …}` to a job that it needs",
        None,
    )


def _names(jobs: dict[str, Job]) -> list[str]:
    """Every name that means artifacts of these jobs."""
    found: dict[str, None] = {}
    for id, job in jobs.items():
        names = published(job)
        if names:
            found[id] = None
            found.update(dict.fromkeys(names))
    return list(found)


def _inputs(workflow: WorkflowModel) -> Iterator[Diagnostic]:
    """Inputs that another job writes, neither before nor after the job that reads them."""
    readers = [(job, paths) for job in workflow.jobs.values() if (paths := read(job))]
    if not readers:
        return
    writers = [(job, paths) for job in workflow.jobs.values() if (paths := written(job))]
    compared = 0
    for job, inputs in readers:
        for other, outputs in writers:
            compared += len(inputs) * len(outputs)
            if other is job or compared > _PAIRS:
                continue
            met = next(((i, o) for i in inputs for o in outputs if i.path == o.path and i.meets(o)), None)
            if met is None or not (is_local(job, workflow) and is_local(other, workflow)):
                continue
            if reaches(job, other, workflow) or reaches(other, job, workflow):
                continue
            yield Diagnostic(
                RULE.name,
                f"job `{job.id}` reads `{met[0].shown}`, which `{other.id}` writes, but does not wait for it",
                met[0].value.span,
                help=f"add `{other.id}` to the `needs` of `{job.id}`",
                related=(Label(met[1].value.span, f"written by `{other.id}`"),),
                severity=WARNING,
            )
