"""Which contexts exist at which position of a jobs file (LANGUAGE §4), as data.

A job is decided, planned and run in that order, and what a position can see follows from the moment at
which it is evaluated: workflow keys before any job runs, a job's condition once its needs have ended,
its strategy after that, and from then on everything once for each combination. `PHASES` are these
moments with the reason why each absent context is absent; `POSITIONS` are the places in a file.
"""

from __future__ import annotations

CONTEXTS = (
    "params",
    "matrix",
    "strategy",
    "needs",
    "stages",
    "job",
    "run",
    "env",
    "secrets",
    "item",
    "vars",
)
#: Functions that judge what has run so far.
STATUS_FUNCTIONS = ("always", "success", "failure", "cancelled")

_ITEM = "it exists only inside a `foreach` or `until` stage"
_VARS = "it exists only in the script of a python stage that has `vars`"
_STAGES = "no stage of the job has run yet when this is decided; an earlier job's outputs are read as `needs.<job>.outputs`"
_SHOWN = "secrets are given only to what runs, through `env`, and this is written into the record of the run"
_WHOLE = "it belongs to one job, and this is decided for the whole workflow"
_ONCE = (
    "the condition is decided once, before the matrix is expanded;"
    " a stage's condition is decided in each combination"
)
_DECIDED = "nothing has run yet that it could judge"

#: moment -> context or function -> why it is not there then. Positions choose from what a moment leaves.
PHASES: dict[str, dict[str, str]] = {
    "schedule": {
        **dict.fromkeys(CONTEXTS, "schedules are read before there is a run"),
        **dict.fromkeys(STATUS_FUNCTIONS, _DECIDED),
    },
    "workflow": {
        "matrix": _WHOLE,
        "strategy": _WHOLE,
        "stages": _WHOLE,
        "job": _WHOLE,
        "needs": "no job has run yet when this is decided",
        "secrets": _SHOWN,
        "item": _ITEM,
        "vars": _VARS,
        **dict.fromkeys(STATUS_FUNCTIONS, _DECIDED),
    },
    "outputs": {
        "matrix": _WHOLE,
        "strategy": _WHOLE,
        "stages": "stages belong to one job; a job hands values on through its `outputs`, read as `needs.<job>.outputs`",
        "job": _WHOLE,
        "secrets": _SHOWN,
        "item": _ITEM,
        "vars": _VARS,
    },
    "decision": {
        "matrix": _ONCE,
        "strategy": _ONCE,
        "stages": _STAGES,
        "secrets": _SHOWN,
        "item": _ITEM,
        "vars": _VARS,
    },
    "plan": {
        "matrix": "this is decided once for the job, not for each combination of its matrix",
        "strategy": "this is decided once for the job, not for each combination of its matrix",
        "stages": _STAGES,
        "secrets": _SHOWN,
        "item": _ITEM,
        "vars": _VARS,
    },
    "strategy": {
        "matrix": "the matrix is what is being made here",
        "strategy": "the strategy is what is being made here",
        "stages": "no stage of the job has run yet; a dynamic matrix reads an earlier job's outputs through `needs`",
        "secrets": "matrix values name combinations in logs and records, so they cannot be secret",
        "item": _ITEM,
        "vars": _VARS,
    },
    "start": {
        "secrets": _SHOWN,
        "stages": _STAGES,
        "item": _ITEM,
        "vars": _VARS,
    },
    "stages": {"item": _ITEM, "vars": _VARS, "secrets": _SHOWN},
}


class Position:
    """`place` names the position in messages; `contexts` are those that exist there (`item`, `vars` and `matrix`
    only where the stage or job around it has them); `absent` says why the others do not."""

    __slots__ = ("absent", "contexts", "name", "place")

    def __init__(self, name: str, place: str, phase: str, contexts: str) -> None:
        self.name = name
        self.place = place
        words = contexts.split()
        self.contexts = tuple(name for name in CONTEXTS if name in words)
        self.absent = {name: why for name, why in PHASES[phase].items() if name not in self.contexts}


_STAGE = "params matrix strategy needs stages job run env item"
_COMBINATION = "params matrix strategy needs job run env"

#: name -> (place in words, moment, contexts)
_TABLE: dict[str, tuple[str, str, str]] = {
    "workflow.on": ("`on` of a workflow", "schedule", ""),
    "workflow.env": ("`env` of a workflow", "workflow", "params run env secrets"),
    "workflow.concurrency": ("`concurrency` of a workflow", "workflow", "params run env"),
    "workflow.limits": ("`timeout` or `max-parallel` of a workflow", "workflow", "params run env"),
    "workflow.outputs": ("`outputs` of a workflow", "outputs", "params needs run env"),
    "job.condition": ("the condition of a job", "decision", "params needs job run env"),
    "job.continue-on-error": ("`continue-on-error` of a job", "plan", "params needs job run env"),
    "job.concurrency": ("`concurrency` of a job", "plan", "params needs job run env"),
    "job.strategy": ("a strategy", "strategy", "params needs job run env"),
    "job.runs-on": ("`runs-on`", "start", _COMBINATION + " secrets"),
    "job.resources": ("`resources` of a job", "start", _COMBINATION),
    "job.env": ("`env` of a job", "start", _COMBINATION + " secrets"),
    "job.limits": ("`timeout` or `retry` of a job", "start", _COMBINATION),
    "job.cache": ("`cache` of a job", "start", _COMBINATION),
    "job.artifacts": ("`artifacts` of a job", "start", _COMBINATION),
    "job.extras": ("`extras` of a job", "start", _COMBINATION),
    "job.outputs": ("`outputs` of a job", "stages", "params matrix strategy needs stages job run env"),
    "stage.condition": ("the condition of a stage", "stages", _STAGE),
    "stage.control": ("this part of a stage", "stages", _STAGE),
    "stage.name": ("the name of a stage", "stages", _STAGE),
    "stage.value": ("a stage", "stages", _STAGE + " secrets"),
    "stage.script": ("a script", "stages", _STAGE + " secrets vars"),
}

POSITIONS: dict[str, Position] = {name: Position(name, *row) for name, row in _TABLE.items()}
