"""Workflows: their keys."""

from __future__ import annotations

from jobc.cli.importing.draft import Draft, entry_of
from jobc.cli.importing.item import CHANGED, DROPPED
from jobc.cli.importing.jobs import carry_over_job, declare
from jobc.cli.importing.outline import WorkflowOutline
from jobc.cli.importing.params import carry_over_params
from jobc.cli.importing.place import Place
from jobc.cli.importing.scalars import emit
from jobc.cli.importing.schedules import carry_over_on
from jobc.source.nodes import Mapping

_KEYS = ("name", "type", "desc", "params", "on", "jobs")


def carry_over_workflow(workflow: WorkflowOutline, draft: Draft, documents: dict[str, Mapping]) -> None:
    node = workflow.node
    for entry in [*node.entries]:
        name = entry.key.text
        if name == "params":
            carry_over_params(entry, draft)
        elif name == "on":
            carry_over_on(node, entry, draft, documents)
        elif name == "extras":
            draft.comment_out(node, entry)
            draft.say(
                DROPPED,
                draft.span(entry),
                "`extras` set options of the other tool",
                help="see `jobc.toml` for the settings of jobc",
            )
        elif name not in _KEYS:
            draft.comment_out(node, entry)
            draft.say(CHANGED, draft.span(entry), f"a workflow has no key `{name}`; it stays as a comment")
    for job in workflow.jobs.values():
        carry_over_job(job, Place(draft, workflow, job))


def finish_workflow(workflow: WorkflowOutline, draft: Draft) -> None:
    """Write what references found everywhere in the file ask this workflow and its jobs to declare."""
    for job in workflow.jobs.values():
        declare(job, draft)
    jobs = entry_of(workflow.node, "jobs")
    if workflow.outputs and jobs:
        made = {
            name: emit(f"${{{{ {text} }}}}", flow=workflow.node.flow)
            for name, text in workflow.outputs.items()
        }
        if workflow.node.flow:
            lines = ["outputs: {" + ", ".join(f"{name}: {text}" for name, text in made.items()) + "}"]
        else:
            lines = ["outputs:", *(f"  {name}: {text}" for name, text in made.items())]
        draft.add_before(workflow.node, jobs, lines)
        draft.say(
            CHANGED,
            jobs.key.span,
            f"workflow `{workflow.name}` declares what it hands back to the `trigger` stage that reads it",
            was="",
            now="outputs: " + ", ".join(workflow.outputs),
        )
