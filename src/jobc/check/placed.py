"""What a rule finds of a job in each environment that it may run in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.environments.places import places
from jobc.sema.model import WorkflowModel
from jobc.syntax.ast import Job, RunsOn


def in_each(
    job: Job, workflow: WorkflowModel, find: Callable[[RunsOn], Iterator[Diagnostic]]
) -> Iterator[Diagnostic]:
    """The findings of all environments, each once; where an expression chooses one, the finding says which."""
    told: set[tuple[int, str]] = set()
    for place in places(job, workflow):
        for found in find(place.runs_on):
            key = (found.span.start, found.message)
            if key in told:
                continue
            told.add(key)
            if place.where:
                found.message += f", where {place.where}"
            yield found
