"""The job: an ordered list of stages with its needs, rule, condition, matrix and environment (LANGUAGE §2)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, field_validator

from jobc.model.base import Flag, Model, Whole
from jobc.model.files import Artifacts, Cache
from jobc.model.result import Result, Status
from jobc.model.runs_on import OnLocal, RunsOnModel, runs_on
from jobc.model.stages import Duration, Retry, Stages, stage_list
from jobc.model.strategy import Rule, Strategy


class Concurrency(Model):
    """Jobs of one `group` do not run at once, or at most `limit` of them."""

    group: str
    cancel_in_progress: Flag | str | None = None
    limit: Whole | str | None = None


class Job(Model):
    """A job. See `execute`, `check_needs`, `is_skipped`."""

    spellings: ClassVar[dict[str, str]] = {"if": "condition"}

    id: str | None = None
    desc: str | None = None
    runs_on: RunsOnModel = Field(default_factory=OnLocal)
    condition: str | Flag | None = None
    needs: list[str] = Field(default_factory=list)
    trigger_rule: Rule = Rule.ALL_SUCCESS
    strategy: Strategy = Field(default_factory=Strategy)
    stages: Stages = Field(default_factory=list)
    outputs: dict[str, Any] | None = None
    cache: Flag | Cache | None = None
    artifacts: Artifacts | None = None
    env: dict[str, Any] = Field(default_factory=dict)
    timeout: Duration | None = None
    retry: Whole | Flag | Retry | None = None
    continue_on_error: Flag | str | None = None
    concurrency: str | Concurrency | None = None
    resources: dict[str, Any] = Field(default_factory=dict)
    extras: dict[str, Any] = Field(default_factory=dict)
    #: `path#job`: be that job, with `with_` as its parameters.
    uses: str | None = None
    #: `job` or `path#job`: inherit the keys that are not given here.
    extends: str | dict[str, Any] | None = None
    with_: dict[str, Any] = Field(default_factory=dict)

    @field_validator("runs_on", mode="before")
    @classmethod
    def _runs_on(cls, value: Any) -> Any:
        return runs_on(value)

    @field_validator("needs", mode="before")
    @classmethod
    def _needs(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("stages", mode="before")
    @classmethod
    def _stages(cls, value: Any) -> Any:
        return stage_list(value)

    def to_mapping(self) -> dict[str, Any]:
        """The job as YAML has it, without its id (that is its key there)."""
        out = super().to_mapping()
        out.pop("id", None)
        if "runs_on" in self.model_fields_set:
            out["runs-on"] = self.runs_on.to_mapping()
        if self.uses is None and self.extends is None:
            out.setdefault("stages", [])
        return out

    def check_needs(self, jobs: Mapping[str, Result | Mapping[str, Any]]) -> Status:
        """SUCCESS, SKIP or WAIT: whether the job may run, given its needs' results (LANGUAGE §2).

        `jobs` maps job ids to `Result`s, or to mappings with `status`. A need that is absent or WAIT gives WAIT.
        """
        from jobc.ir.status import check_needs

        return Status(
            check_needs(self.trigger_rule.value, self.needs, {id: _status(r) for id, r in jobs.items()})[0]
        )

    def is_skipped(self, params: Mapping[str, Any] | None = None) -> bool:
        """Whether the job's condition is false for these parameters.

        Raises `jobc.errors.JobcError` where the condition has errors or does not give a boolean.
        """
        from jobc.model.execution import condition_holds

        return not condition_holds(self, params or {})

    def execute(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        parent_run_id: str | None = None,
        event: threading.Event | None = None,
    ) -> Result:
        """Run the job to its end and return its result; a job that merely fails raises nothing.

        `params` are the parameters themselves (`{"params": {…}}` is taken too). `event.set()`, from any thread,
        cancels gracefully. Needs are not looked at here: see `check_needs`. Raises `jobc.errors.CompileError`
        where the job has errors that `jobc lint` would report, with the findings.
        """
        from jobc.model.execution import execute_job

        return execute_job(self, params or {}, run_id=run_id, parent_run_id=parent_run_id, event=event)

    async def aexecute(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        parent_run_id: str | None = None,
        event: threading.Event | None = None,
    ) -> Result:
        """`execute` for a running event loop; cancelling the task cancels the job."""
        from jobc.model.execution import off_loop

        return await off_loop(self.execute, params, run_id=run_id, parent_run_id=parent_run_id, event=event)


def _status(result: Result | Mapping[str, Any]) -> str:
    status = result.status if isinstance(result, Result) else result["status"]
    if isinstance(status, Status):
        return status.value
    return Status(str(status).lower()).value
