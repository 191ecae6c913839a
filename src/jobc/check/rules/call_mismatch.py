"""## What it does

Reports `include`, `uses`, `extends` and `trigger` against the file or workflow that they name: a file that cannot be read, a job that is not
there, a parameter that the file does not declare, one that it requires and is not given, a value that the
declaration does not allow, and a read of an output that a triggered workflow does not have. It also reports Python code that reads `params.x` by itself where the reuse binds `x`: code
sees the parameters of the run, so it must take the value as `${{ params.x }}` or through `vars`.

## Why is this bad?

What is reused was written for certain parameters. Without them it cannot run, or runs with the wrong ones.

## Example

```yaml
# lib/build.yml declares `params: {target: str, jobs: int}`
jobs:
  build:
    uses: lib/build.yml#build
    with: {taget: all, jobs: many}
```

Use instead:

```yaml
jobs:
  build:
    uses: lib/build.yml#build
    with: {target: all, jobs: 4}
```

## Fix safety

Where a triggered workflow has an output of a like name, the fix writes that name. It is unsafe, as another may be meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import ERROR, Diagnostic, Edit, Fix, Label
from jobc.sema.contexts import params_type, value_type
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.sema.types import ObjectType, assignable, show
from jobc.sema.walk import chains, stages
from jobc.syntax.ast import Const, Job, ParamDecl, Stage, TriggerStage, Value
from jobc.syntax.expr import Expr, Member
from jobc.syntax.params import WANTED, fit, outside
from jobc.syntax.spelling import nearest

RULE = Rule("JC212", "call-mismatch", ERROR, "reuse that does not fit what it reuses", fixable="unsafe")

#: Types that take nothing but their own values; the others read them from text too.
_STRICT = ("int", "float", "bool", "list", "map")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    """The values and outputs of `trigger` stages; what reuse itself gets wrong, its resolution reports."""
    for workflow in model.all_workflows:
        if not workflow.triggers:
            continue
        for job in workflow.jobs.values():
            for stage in stages(job):
                target = workflow.triggers.get(id(stage))
                if isinstance(stage, TriggerStage) and target is not None:
                    yield from _values(stage, target, workflow)
        yield from _outputs(workflow)


def _values(stage: TriggerStage, target: WorkflowModel, workflow: WorkflowModel) -> Iterator[Diagnostic]:
    declared = {param.name: param for param in target.workflow.params or ()}
    types = params_type(target.workflow.params)
    for item in stage.params:
        param = declared.get(item.key)
        if param is None:
            continue
        problem = _unfit(item.value, param, types, workflow)
        if problem is not None:
            yield Diagnostic(
                RULE.name,
                f"`{item.key}` of the workflow `{target.name}` cannot be {problem}",
                item.value.span,
                help=f"give {WANTED.get(param.type, 'a value')} that its declaration allows",
                related=(Label(param.name_span, "declared here"),),
            )


def _unfit(value: Value, param: ParamDecl, types: object, workflow: WorkflowModel) -> str | None:
    """What is given, where no value of it fits."""
    if isinstance(value, Const):
        if value.value is None and not param.required:
            return None
        fitting = fit(param.type, value.value, value.node.text)
        if fitting is None:
            return f"`{value.node.text}`: it is not {WANTED.get(param.type, 'a value')}"
        problem = outside(param, fitting[0])
        return f"`{value.node.text}`: it is {problem}" if problem else None
    wanted = types.props.get(param.name) if isinstance(types, ObjectType) else None
    given = value_type(value, workflow)
    if wanted is None or param.type not in _STRICT or assignable(given, wanted):
        return None
    return f"{show(given)}: it is declared as {show(wanted)}"


def _outputs(workflow: WorkflowModel) -> Iterator[Diagnostic]:
    """`stages.<trigger>.outputs.<name>` where the triggered workflow declares its outputs, and this is none of them."""
    started: dict[tuple[str, str], WorkflowModel] = {}
    for job in workflow.jobs.values():
        for stage in stages(job):
            if stage.id is not None and id(stage) in workflow.triggers:
                started[job.id, stage.id] = workflow.triggers[id(stage)]
    for site in workflow.sites:
        for hole in site.holes if site.job is not None else ():
            if hole.expr is not None and site.job is not None:
                yield from _reads(hole.expr, site.job, site.stage, started)


def _reads(
    expr: Expr, job: Job, stage: Stage | None, started: dict[tuple[str, str], WorkflowModel]
) -> Iterator[Diagnostic]:
    for chain in chains(expr):
        if chain.root != "stages" or len(chain.keys) < 3 or chain.keys[1] != "outputs":
            continue
        target = started.get((job.id, chain.keys[0]))
        if target is None or not target.workflow.outputs:
            continue
        names = {item.key: item for item in target.workflow.outputs}
        name = chain.keys[2]
        if name in names:
            continue
        near = nearest(name, names)
        node = chain.expr
        file = stage.span.file if stage is not None else job.span.file
        span = file.span(node.start, node.end)
        fix = None
        if near and isinstance(node, Member) and node.name == name and span.text.endswith(name):
            place = file.span(node.name_start, node.end)
            fix = Fix(f"write `{near}`", [Edit(place, near)], safe=False)
            span = place
        yield Diagnostic(
            RULE.name,
            f"the workflow `{target.name}` has no output `{name}`",
            span,
            help=f"did you mean `{near}`?"
            if near
            else "its outputs are " + ", ".join(f"`{n}`" for n in names),
            related=(Label(next(iter(names.values())).key_span, "its outputs"),),
            fix=fix,
        )
