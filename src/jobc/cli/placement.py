"""`--runs-on`: one environment for all jobs, refused before anything runs where a job does not name what that environment needs.

A job with a condition may never run; that it lacks something is said when it does.
"""

from __future__ import annotations

from jobc.engine.placing import place
from jobc.errors import UsageError
from jobc.ir.environments import canonical
from jobc.ir.program import Job, Program
from jobc.syntax.keys import ENVIRONMENT_ARGS


def place_all(program: Program, type: str, *, job: str | None) -> None:
    """Have every job run there; `job` is the one that is run with its needs, None for all. Raises UsageError."""
    place(program, type)
    table = ENVIRONMENT_ARGS.get(canonical(type))
    needed = [key.name for key in table.keys if key.required] if table is not None else []
    for index, workflow in enumerate(program.workflows):
        if index == program.entry and job is not None:
            continue
        for each in workflow.jobs:
            given = {name for name, _ in each.runs_on.args}
            missing = [name for name in needed if name.replace("-", "_") not in given]
            if missing and each.condition is None:
                raise _lacking(program, each, canonical(type), missing)


def _lacking(program: Program, job: Job, type: str, missing: list[str]) -> UsageError:
    path, line = program.place(job.span)
    shown = ", ".join(f"{name}: …" for name in missing)
    return UsageError(
        f"{path}:{line}: job `{job.id}` cannot run on `{type}`: it names no {' and no '.join(f'`{name}`' for name in missing)}",
        help=f'add to the job `runs-on: {{type: "${{{{ params.where }}}}", {shown}}}`, with `local` as the default; nothing was started',
    )
