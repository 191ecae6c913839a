"""A file to its semantic model: parsed, its includes resolved, its needs ordered, its expressions typed.

    parse → includes → names and order → triggers → expressions → scripts

Everything is found out once and kept in the model; what is wrong on the way is a diagnostic of the model.
Workflows that `trigger` stages name in other files are analysed too (`SemanticModel.reached`), each once,
however often and however circularly they are named.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from jobc.collector import Paused
from jobc.diagnostics.diagnostic import Diagnostic, Label
from jobc.sema import includes
from jobc.sema.expressions import ExpressionAnalysis
from jobc.sema.graph import elementary_cycles, topological
from jobc.sema.loading import Load, Loader
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.remembered import make_room
from jobc.sema.scripts import analyze_scripts
from jobc.sema.triggers import Triggers
from jobc.source.file import SourceFile
from jobc.syntax.ast import Document, Workflow
from jobc.syntax.build import parse

Report = Callable[[Diagnostic], None]


def analyze(file: SourceFile, load: Load | None = None) -> SemanticModel:
    """The model of a file, with every finding of source, syntax and sema.

    `load` gives the files that it includes or triggers, by their paths relative to its folder, and raises
    UsageError where there is none; without it they are read from there. Raises nothing for what a file may hold.
    """
    with Paused():
        return _analyze(file, load)


def _analyze(file: SourceFile, load: Load | None) -> SemanticModel:
    make_room()
    document = parse(file)
    loader = Loader(document, load)
    model = SemanticModel(document)
    report = model.diagnostics.append
    triggers = Triggers(loader, report)
    todo = [(document, model.workflows)]
    known: dict[int, list[WorkflowModel]] = {}
    everything: list[WorkflowModel] = []
    while todo:
        current, target = todo.pop(0)
        if id(current) in known:
            continue
        model.diagnostics.extend(current.diagnostics)
        known[id(current)] = made = [
            _workflow(workflow, current, loader, report) for workflow in current.workflows
        ]
        target.extend(made)
        everything.extend(made)
        for found in made:
            todo.extend((named, model.reached) for named in triggers.documents(found))
    for workflow in everything:
        triggers.connect(workflow, known)
    for workflow in _started_first(everything):
        ExpressionAnalysis(workflow, report).run()
        analyze_scripts(workflow, report)
    model.files = list(loader.files)
    # It holds the loader: a circle that would keep the trees until a garbage collector comes by.
    loader.resolver = None
    return model


def _started_first(workflows: list[WorkflowModel]) -> list[WorkflowModel]:
    """Workflows in their order, but those that others start before these, so that their outputs have types."""
    if not any(workflow.triggers for workflow in workflows):
        return workflows
    ordered: dict[int, WorkflowModel] = {}
    met: set[int] = set()
    todo = list(reversed(workflows))
    while todo:
        workflow = todo[-1]
        first = [t for t in workflow.triggers.values() if id(t) not in met]
        if id(workflow) not in met and first:
            met.add(id(workflow))
            todo.extend(first)
            continue
        met.add(id(workflow))
        ordered.setdefault(id(todo.pop()), workflow)
    return list(ordered.values())


def _workflow(workflow: Workflow, document: Document, loader: Loader, report: Report) -> WorkflowModel:
    """Jobs by id and in order, once includes are resolved."""
    resolved = includes.resolve(workflow, document, loader, report)
    model = WorkflowModel(resolved, resolved.name or stem(document.file.path))
    for job in resolved.jobs:
        first = model.jobs.setdefault(job.id, job)
        if first is not job:
            report(
                Diagnostic(
                    "duplicate-id",
                    f"two jobs of this workflow have the id `{job.id}`",
                    job.id_span,
                    help="give one of them another id, or include only one of them",
                    related=(Label(first.id_span, f"the first job `{job.id}`"),),
                )
            )
    model.order = topological(model.jobs)
    if len(model.order) < len(model.jobs):
        model.cycles = elementary_cycles(model.jobs)
    return model


def stem(path: str) -> str:
    """The name of a workflow whose file gives it none: `jobs/etl.job.yml` is `etl`."""
    name = os.path.basename(path.replace("\\", "/"))
    for ending in (".yml", ".yaml"):
        if name.endswith(ending):
            name = name[: -len(ending)]
            break
    for ending in (".job", ".jobs"):
        if name.endswith(ending) and name != ending:
            name = name[: -len(ending)]
            break
    return name or "workflow"
