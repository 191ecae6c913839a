"""What each environment can take: limits as data files (`<type>.json` here), each with the document it was read in.

A file holds `source` (the documents that the numbers stand in: title, address, when it was read, what it says; an entry
without an address is jobc's own advice, one that was not `read` is not confirmed there), `limits` by name, and tables of its own. The names in use:

    tasks           combinations of one job at most
    array           of these so many are one submission; more are cut into several
    parallel        combinations that run at once
    name            characters of a job's name; `name_case` is `lower` or `ignored` where case does not count
    timeout_min, timeout_max    seconds
    timeout_max_fargate    seconds, for jobs whose resources only Fargate has
    dependencies    jobs that one job can be told to wait for
    payload         characters of one submission's own part, which is its command and its variables; `payload_of` is their name
    variable        bytes of one variable of the environment, name and end included
    reserved        how names of variables must not begin
    secret_args     arguments of `runs-on` that are credentials
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

from jobc.ir.environments import canonical
from jobc.sema.model import WorkflowModel
from jobc.syntax.ast import Job, RunsOn
from jobc.syntax.environments import is_installed
from jobc.syntax.keys import ENVIRONMENTS


def runs_on(job: Job, workflow: WorkflowModel) -> RunsOn | None:
    """Where a job runs: what it says itself, or the defaults of its workflow; None is this machine."""
    if job.runs_on is not None:
        return job.runs_on
    defaults = workflow.workflow.defaults
    return None if defaults is None else defaults.runs_on


def of_job(job: Job, workflow: WorkflowModel) -> str:
    """The canonical type of a job's environment; "" where each combination has its own."""
    found = runs_on(job, workflow)
    return "local" if found is None else found.type


@cache
def facts(environment: str) -> dict[str, Any]:
    """The data file of an environment; empty where there is none."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{environment}.json")
    try:
        with open(path, encoding="utf-8") as stream:
            found: dict[str, Any] = json.load(stream)
    except FileNotFoundError:
        return {}
    return found


def secret_args(environment: str) -> set[str]:
    """The arguments that are credentials; of any environment where it is not known (`""`)."""
    names = [environment] if environment else ENVIRONMENTS
    return {argument for name in names for argument in facts(name).get("secret_args", ())}


def known_environment(type: str) -> str | None:
    """The canonical name of an environment, jobc's own or installed; None where it is none."""
    name = canonical(type)
    return name if name in ENVIRONMENTS or is_installed(name) else None


def limits(environment: str) -> dict[str, Any]:
    """The limits of an environment by name."""
    found: dict[str, Any] = facts(environment).get("limits", {})
    return found
