"""A bundle runs jobs on this machine; those that the program sends elsewhere only where that is allowed."""

from __future__ import annotations

from jobc.ir.program import Program, RunsOn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


def elsewhere(program: Program, selected: Collection[int] | None) -> str | None:
    """Which job is for another environment, in words, of the entry's `selected` jobs (None: all) and all that can be
    triggered; None where every job is for this machine.
    """
    for index, workflow in enumerate(program.workflows):
        for position, job in enumerate(workflow.jobs):
            if index == program.entry and selected is not None and position not in selected:
                continue
            if job.runs_on.type != "local":
                path, line = program.place(job.span)
                where = f"`{job.runs_on.type}`" if job.runs_on.choice is None else "what an expression gives"
                return f"{path}:{line}: job `{job.id}` runs on {where}"
    return None


def bring_here(program: Program) -> None:
    """Let every job run on this machine."""
    for workflow in program.workflows:
        for job in workflow.jobs:
            job.runs_on = RunsOn("local", [])
