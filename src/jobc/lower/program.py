"""The semantic model of a file to a program: the last phase of the compiler.

The entry is lowered first, then each workflow that a trigger stage names, in the order met; a workflow
that several stages trigger is lowered once. Nothing that depends on where the file lies, on the
machine or on the time goes into a program, so equal files give equal bytes.
"""

from __future__ import annotations

from jobc.collector import Paused
from jobc.errors import CompileError, UsageError
from jobc.ir import program as ir
from jobc.lower.jobs import lower_concurrency, lower_job
from jobc.lower.stages import Lowering
from jobc.lower.tables import Tables, constant_text
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.syntax.ast import ParamDecl


def lower(model: SemanticModel, entry: str | None = None) -> ir.Program:
    """The program whose entry is the workflow named `entry`.

    Without a name it is the file's only workflow, or the only one that no other triggers. Raises
    CompileError where the file has errors, UsageError where the entry cannot be told.
    """
    if model.diagnostics:
        noun = "an error" if len(model.diagnostics) == 1 else f"{len(model.diagnostics)} errors"
        raise CompileError(f"{model.document.file.path} has {noun}", model.diagnostics)
    first = choose_entry(model, entry)
    program = ir.Program()
    tables = Tables(program, model.document.file)
    reached: dict[int, int] = {id(first): 0}
    queue = [first]

    def index(triggered: WorkflowModel) -> int:
        if id(triggered) not in reached:
            reached[id(triggered)] = len(queue)
            queue.append(triggered)
        return reached[id(triggered)]

    with Paused():
        for workflow in queue:
            program.workflows.append(_workflow(workflow, Lowering(workflow, tables, index)))
    return program


def choose_entry(model: SemanticModel, entry: str | None) -> WorkflowModel:
    """The workflow to run: by name, else the only one, else the only one that no other triggers."""
    workflows = model.workflows
    names = ", ".join(workflow.name for workflow in workflows)
    if not workflows:
        raise UsageError(
            f"{model.document.file.path} holds no workflow", help="add `jobs:` with at least one job"
        )
    if entry is not None:
        for workflow in workflows:
            if workflow.name == entry:
                return workflow
        raise UsageError(
            f"there is no workflow `{entry}` in {model.document.file.path}", help=f"it has: {names}"
        )
    if len(workflows) == 1:
        return workflows[0]
    triggered = {
        id(target)
        for workflow in workflows
        for target in workflow.triggers.values()
        if target is not workflow
    }
    roots = [workflow for workflow in workflows if id(workflow) not in triggered]
    if len(roots) == 1:
        return roots[0]
    raise UsageError(
        f"{model.document.file.path} holds several workflows: {names}",
        help=f"name one after the path, as in {model.document.file.path}#{roots[0].name if roots else workflows[0].name}",
    )


def _workflow(model: WorkflowModel, low: Lowering) -> ir.Workflow:
    workflow, tables = model.workflow, low.tables
    made = ir.Workflow(model.name, tables.span(workflow.span))
    made.desc = constant_text(workflow.desc)
    made.params = None if workflow.params is None else [_param(param) for param in workflow.params]
    made.secrets = [secret.name for secret in workflow.secrets]
    made.env = tables.named(workflow.env)
    made.on = tables.optional(workflow.on)
    made.concurrency = lower_concurrency(workflow.concurrency, tables)
    made.max_parallel = tables.optional(workflow.max_parallel)
    made.timeout = tables.duration(workflow.timeout)
    if model.cycles:
        job, need = model.cycles[0][0]
        raise CompileError(f"job {job.id} needs {need.id}, which needs {job.id} in turn")
    position: dict[str, int] = {}
    for job in model.order:
        made.jobs.append(lower_job(job, position, low))
        position[job.id] = len(position)
    made.outputs = tables.named(workflow.outputs)
    return made


def _param(declared: ParamDecl) -> ir.Param:
    made = ir.Param(declared.name, declared.type)
    made.default = declared.default
    made.has_default = declared.has_default
    made.required = declared.required
    made.enum = declared.enum
    made.min = declared.min
    made.max = declared.max
    made.pattern = declared.pattern
    made.desc = declared.desc
    return made
