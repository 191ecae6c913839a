"""## What it does

Reports stages that never run though their job does: the condition is never true there (in no combination of the
matrix, for no value of a parameter), an earlier `raise` always ends the job, no value reaches the arm of a `case`, or
the list of a `foreach` is empty. What is switched off by hand is not reported: a condition that is plainly `false`, a
job that begins with a `raise`.

## Why is this bad?

The stage is dead code that looks alive. A `failure()` on the first stage is the common case: no stage of the job has run
that could have failed, and the results of other jobs are asked for as `needs.x.result`.

## Example

```yaml
jobs:
  test:
    strategy:
      matrix: {os: [linux, windows]}
    stages:
      - bash: make test
      - condition: matrix.os == 'linux' && matrix.os == 'windows'
        bash: make bench
```

Use instead:

```yaml
jobs:
  test:
    strategy:
      matrix: {os: [linux, windows]}
    stages:
      - bash: make test
      - condition: matrix.os == 'linux' || matrix.os == 'windows'
        bash: make bench
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobc.check.analyses import analyses, bounded
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import WARNING, Diagnostic, Label
from jobc.sema.conditional import decides
from jobc.sema.model import SemanticModel, WorkflowModel
from jobc.syntax.ast import CaseStage, Const, RaiseStage

if TYPE_CHECKING:
    from jobc.sema.reachability import JobReach, Reachability
    from jobc.sema.reachability_stages import StageReach

RULE = Rule("JC209", "dead-stage", WARNING, "a stage that never runs though its job does")


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    for workflow, reach in analyses(model):
        for job in reach.jobs.values():
            if job.runs != 1 and any(decides(stage) for stage in job.job.stages):
                yield from bounded(reach, _of(reach, job, workflow, model))


def _of(
    reach: Reachability, job: JobReach, workflow: WorkflowModel, model: SemanticModel
) -> Iterator[Diagnostic]:
    from jobc.sema.reachability_stages import dead_stages, stages_of

    told: set[int] = set()
    dead = dead_stages(reach, job)
    if dead and job.job.trigger_rule == "all_done":
        # A clean-up job may have stages for runs that are cancelled.
        from jobc.sema.reachability import reachable_when_cancelled

        other = reachable_when_cancelled(workflow)
        alive = {(id(s.stage), s.arm) for s in stages_of(other, other.jobs[job.job.id]) if s.runs != 1}
        dead = [stage for stage in dead if (id(stage.stage), stage.arm) not in alive]
    for stage in dead:
        if stage.why == "raise" and (stage.after is job.job.stages[0] or isinstance(stage.stage, RaiseStage)):
            continue  # a job that begins with it is switched off by hand; several in a row lose no work
        if id(stage.after) not in told:
            found = _finding(job, stage, model)
            if found is not None:
                yield found
            if stage.why == "raise":
                told.add(id(stage.after))


def _finding(job: JobReach, stage: StageReach, model: SemanticModel) -> Diagnostic | None:
    name = f"`{stage.stage.id}`" if stage.stage.id else "this stage"
    if stage.why == "raise":
        assert stage.after is not None
        return Diagnostic(
            RULE.name,
            f"{name} never runs: an earlier `raise` always ends the job",
            stage.stage.key_span,
            help="move it before the `raise`, or give the `raise` a condition",
            related=(Label(stage.after.key_span, "the job ends here"),),
        )
    if stage.why == "empty":
        return Diagnostic(
            RULE.name,
            "the stages of this `foreach` never run: its list is empty",
            stage.stage.key_span,
            help="give it a list with items, or take it away",
        )
    if stage.why == "arm":
        assert isinstance(stage.stage, CaseStage)
        arm = stage.stage.arms[stage.arm]
        # A default that nothing reaches is a safeguard.
        if arm.case is None or model.is_reported(arm.case.span):
            return None
        return Diagnostic(
            RULE.name,
            "this arm never runs: the value is never this one here, or an earlier arm takes it",
            arm.case_span,
            help="take the arm away, or correct its value",
        )
    value = stage.stage.condition
    if value is None or isinstance(value, Const) or model.is_reported(value.span):
        return None
    return _condition(job, stage, name)


def _condition(job: JobReach, stage: StageReach, name: str) -> Diagnostic | None:
    from jobc.sema.fold import NOT_CONSTANT, fold
    from jobc.sema.reachability import has_matrix, whole
    from jobc.syntax.printer import print_expr

    value = stage.stage.condition
    assert value is not None
    expr = whole(value)
    if expr is None or fold(expr) is not NOT_CONSTANT:
        return None
    text = print_expr(expr)
    where = " in any combination" if has_matrix(job.job) and "matrix" in text else ""
    help = "correct the condition, or take the stage away"
    if "failure()" in text:
        help = "in a stage `failure()` asks for earlier stages of the same job; for other jobs write `needs.x.result == 'failed'`"
    return Diagnostic(RULE.name, f"{name} never runs: `{text}` is never true{where}", value.span, help=help)
