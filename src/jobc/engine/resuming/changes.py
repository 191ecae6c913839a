"""What is different between the program that a run began with and the one that it is to go on with.

A job is `changed` where it means something else (`ir.meaning`), where it is new, or where it reads a parameter that has
another value now; every job that needs such a job, over however many others, is `downstream` of it. All
others keep what they have done.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from jobc.ir import meaning
from jobc.ir.program import Program, Workflow

UNCHANGED = "unchanged"
CHANGED = "changed"
DOWNSTREAM = "downstream"


class JobChange:
    """`why` names what differs, or the jobs that a downstream job comes after."""

    __slots__ = ("id", "kind", "why")

    def __init__(self, id: str, kind: str, why: str = "") -> None:
        self.id = id
        self.kind = kind
        self.why = why


class Changes:
    """`jobs` in the order of the new program; `removed` the ids of jobs that it does not have any more."""

    __slots__ = ("jobs", "removed")

    def __init__(self, jobs: list[JobChange], removed: list[str]) -> None:
        self.jobs = jobs
        self.removed = removed

    @property
    def found(self) -> bool:
        return bool(self.removed) or any(job.kind != UNCHANGED for job in self.jobs)

    @property
    def invalid(self) -> set[str]:
        """The jobs that run again."""
        return {job.id for job in self.jobs if job.kind != UNCHANGED}


def compare(
    old: tuple[Program, Workflow],
    new: tuple[Program, Workflow],
    params: Collection[str],
    selected: Collection[str],
) -> Changes:
    """`params` names the parameters with other values; jobs outside `selected` (ids) are left out."""
    before = {job.id: meaning.of_job(*old, job) for job in old[1].jobs if job.id in selected}
    everything = _of_all(old, new, params)
    jobs: list[JobChange] = []
    kinds: dict[str, str] = {}
    for job in new[1].jobs:
        if job.id not in selected:
            continue
        needs = [new[1].jobs[need].id for need in job.needs]
        why = everything or _difference(before.get(job.id), meaning.of_job(*new, job))
        if not why:
            read = meaning.params_read(*new, job)
            changed = sorted(params if read is None else read & set(params))
            why = "parameter " + ", ".join(f"`{name}`" for name in changed) if changed else ""
        invalid = [need for need in needs if kinds.get(need, UNCHANGED) != UNCHANGED]
        if why:
            change = JobChange(job.id, CHANGED, why)
        elif invalid:
            change = JobChange(job.id, DOWNSTREAM, "after " + ", ".join(f"`{need}`" for need in invalid))
        else:
            change = JobChange(job.id, UNCHANGED)
        kinds[job.id] = change.kind
        jobs.append(change)
    return Changes(jobs, [id for id in before if id not in kinds])


def _of_all(old: tuple[Program, Workflow], new: tuple[Program, Workflow], params: Collection[str]) -> str:
    """Why every job is another one."""
    if meaning.of_env(*old) != meaning.of_env(*new):
        return "the workflow's `env`"
    read = meaning.params_read(*new, None)
    if params and (read is None or read & set(params)):
        return "the workflow's `env`, by a parameter"
    return ""


def _difference(before: Any, after: dict[str, Any]) -> str:
    if before is None:
        return "new"
    keys = dict.fromkeys([*before, *after])
    names = [
        f"`{key.replace('_', '-')}`" for key in keys if key != "id" and before.get(key) != after.get(key)
    ]
    return ", ".join(names)
