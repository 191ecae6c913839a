"""Whether a workflow decides anything: only then there is something to prove about which jobs and stages run."""

from __future__ import annotations

from jobc.sema.model import WorkflowModel
from jobc.syntax.ast import CaseStage, ForEachStage, Job, RaiseStage, Stage, child_stages


def is_conditional(workflow: WorkflowModel) -> bool:
    """Whether a job or a stage has a condition, a rule of its own, or another reason not to run. Found out once."""
    if workflow.conditional is None:
        workflow.conditional = any(_job(job) for job in workflow.jobs.values())
    return workflow.conditional


def _job(job: Job) -> bool:
    return (
        job.condition is not None
        or job.trigger_rule != "all_success"
        or job.strategy is not None
        or any(decides(stage) for stage in job.stages)
    )


def decides(stage: Stage) -> bool:
    """Whether a stage, or one inside it, may not run."""
    if stage.condition is not None or isinstance(stage, RaiseStage | CaseStage | ForEachStage):
        return True
    return any(decides(inner) for body in child_stages(stage) for inner in body)
