"""Which form a YAML document has (LANGUAGE §1), told by what stands at its top.

Entries of the top mapping speak for a form:

- a value that is a mapping with `type: Workflow`: named workflows;
- a key of a workflow: a workflow. (A job may be called `env` or `jobs`: a mapping with a list of `stages` is a job,
  whatever its key.)
- a value that is a mapping with a key of jobs: a jobs file.

Where both of the latter speak, the author most likely forgot `jobs:` or its indentation: that is reported once, and
the jobs are built as if they stood below it. Where nothing speaks, a value that has nearly a key of jobs makes a jobs
file, and a key that is nearly one of a workflow a workflow: what is misspelt is reported there.
"""

from __future__ import annotations

from jobc.diagnostics.diagnostic import Label
from jobc.source.nodes import Entry, Mapping, Node, Sequence
from jobc.syntax.ast import Document, Workflow
from jobc.syntax.jobs import jobs
from jobc.syntax.keys import JOB, WORKFLOW
from jobc.syntax.reporter import Reporter, kind_of
from jobc.syntax.spelling import nearest
from jobc.syntax.workflows import is_holder, is_workflow_type, workflow

#: Keys of a job that a workflow, or a mapping of jobs, does not have.
_MARKS = frozenset(
    spelling
    for key in JOB.keys
    if key.name
    in (
        "stages",
        "runs-on",
        "condition",
        "needs",
        "trigger-rule",
        "strategy",
        "uses",
        "extends",
        "resources",
        "extras",
    )
    for spelling in key.spellings
)


def read(r: Reporter, node: Node, document: Document) -> None:
    """Add the workflows of one YAML document."""
    if not isinstance(node, Mapping):
        r.wrong(
            node.span,
            f"the document is {kind_of(node)}, not a mapping",
            "begin with `jobs:` and the jobs below it, or with the jobs themselves",
        )
        return
    entries = [entry for entry in node.entries if not is_holder(entry)]
    named = [entry for entry in entries if _is_named(entry.value)]
    if named:
        _read_named(r, entries, named, document)
        return
    known = [e for e in entries if e.key.text in WORKFLOW.spellings and not is_job(e)]
    found = [e for e in entries if is_job(e)]
    if not known and not found:
        found = [entry for entry in entries if _is_nearly_job(entry)]
        if not found and not any(nearest(entry.key.text, WORKFLOW.spellings) for entry in entries):
            r.missing(
                entries[0].key.span if entries else node.span,
                "the document has no jobs",
                "add `jobs:`, with each job below its id",
            )
            return
    if found and not known:
        document.workflows.append(_jobs_file(r, node, entries))
        return
    if found:
        where = "below `jobs:`" if any(e.key.text == "jobs" for e in known) else "below a new key `jobs:`"
        r.wrong(
            found[0].key.span,
            f"`{found[0].key.text}` is a job, but stands among the keys of a workflow",
            f"indent {'it' if len(found) == 1 else f'the {len(found)} jobs'} {where}",
            related=(Label(known[0].key.span, "a key of a workflow"),),
        )
    document.workflows.append(workflow(r, node, "workflow", found))


def is_job(entry: Entry) -> bool:
    """Whether an entry at the top is a job for sure; under a key of workflows only a list of `stages` makes it one."""
    node = entry.value
    if not isinstance(node, Mapping):
        return False
    if entry.key.text in WORKFLOW.spellings:
        return isinstance(node.get("stages"), Sequence)
    return any(inner.key.text in _MARKS for inner in node.entries)


def _is_named(node: Node) -> bool:
    return isinstance(node, Mapping) and any(
        entry.key.text == "type" and is_workflow_type(entry.value) for entry in node.entries
    )


def _is_nearly_job(entry: Entry) -> bool:
    return isinstance(entry.value, Mapping) and any(
        nearest(inner.key.text, JOB.spellings) for inner in entry.value.entries
    )


def _jobs_file(r: Reporter, node: Mapping, entries: list[Entry]) -> Workflow:
    made = Workflow("jobs", node.span, node)
    made.jobs = jobs(r, entries)
    return made


def _read_named(r: Reporter, entries: list[Entry], named: list[Entry], document: Document) -> None:
    for entry in entries:
        given = entry.value
        if entry not in named:
            r.wrong(
                entry.key.span,
                f"`{entry.key.text}` stands beside named workflows, but is none",
                "give it `type: Workflow`, or move it into one of them",
                related=(Label(named[0].key.span, "a named workflow"),),
            )
            continue
        assert isinstance(given, Mapping)
        strays = [
            e
            for e in given.entries
            if is_job(e)
            and (e.key.text not in WORKFLOW.spellings or e.key.text == "jobs")
            and not is_holder(e)
        ]
        if strays:
            r.wrong(
                strays[0].key.span,
                f"`{strays[0].key.text}` is a job, but stands among the keys of a workflow",
                "indent it below `jobs:`",
            )
        made = workflow(r, given, "named", strays)
        made.name, made.name_span = entry.key.text, entry.key.span
        document.workflows.append(made)
