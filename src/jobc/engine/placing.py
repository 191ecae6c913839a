"""One environment for all jobs, whatever they say (`--runs-on`).

A job's own arguments go along: an environment takes those that it knows, so a file written for one runs in another, and what
the other needs and the file does not say is what that environment asks for.
"""

from __future__ import annotations

from jobc.backends.registry import is_known, known
from jobc.errors import UsageError
from jobc.interpreter.nearest import nearest
from jobc.ir.environments import canonical
from jobc.ir.program import Program


def place(program: Program, type: str) -> None:
    """Have every job of a program, those of triggered workflows too, run there. Raises UsageError where there is no such environment."""
    if not is_known(type):
        close = nearest(type, known())
        raise UsageError(
            f"there is no environment `{type}` here",
            help=f"did you mean `{close}`?" if close else "there are: " + ", ".join(known()),
        )
    for workflow in program.workflows:
        for job in workflow.jobs:
            job.runs_on.type = canonical(type)
            job.runs_on.choice = None
