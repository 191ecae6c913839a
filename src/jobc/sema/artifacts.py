"""Which jobs publish what a job starts with.

A name in `artifacts.in` is looked up among the jobs that the job waits for, directly or through others: a job's id
means all that it publishes; else an artifact's name means that artifact of every one that publishes it; else
`job/name` means one artifact of one job.
"""

from __future__ import annotations

from jobc.sema.model import WorkflowModel
from jobc.syntax.ast import Job


def ancestors(job: Job, workflow: WorkflowModel) -> dict[str, Job]:
    """The jobs that a job waits for, directly or through others, by id in file order."""
    seen: set[str] = set()
    todo = [job]
    while todo:
        for need in todo.pop().needs:
            found = workflow.jobs.get(need.id)
            if found is not None and found.id not in seen:
                seen.add(found.id)
                todo.append(found)
    return {id: each for id, each in workflow.jobs.items() if id in seen and each is not job}


def published(job: Job) -> list[str]:
    """The names of the artifacts that a job publishes."""
    return [] if job.artifacts is None else [one.name for one in job.artifacts.out]


def named(source: str, jobs: dict[str, Job]) -> tuple[list[Job], str | None]:
    """(those of `jobs` that publish what `source` names, the artifact's name or None for all of theirs)."""
    job = jobs.get(source)
    if job is not None and published(job):
        return [job], None
    found = [each for each in jobs.values() if source in published(each)]
    if found:
        return found, source
    id, _, name = source.rpartition("/")
    job = jobs.get(id)
    if job is not None and name in published(job):
        return [job], name
    return [], source


def publishers(source: str, job: Job, workflow: WorkflowModel) -> tuple[list[Job], str | None]:
    """(the jobs before `job` that publish what `source` names, the artifact's name or None for all of theirs)."""
    return named(source, ancestors(job, workflow))
