"""The workflow: jobs by id, parameters, and what they share (LANGUAGE §1)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from jobc.model.base import Flag, Model, Number, Whole
from jobc.model.job import Concurrency, Job
from jobc.model.result import Result
from jobc.model.stages import Duration

ParamType = Literal[
    "str",
    "int",
    "float",
    "decimal",
    "bool",
    "date",
    "datetime",
    "list",
    "array",
    "map",
    "choice",
    "secret",
    "any",
]


class Param(Model):
    """The declaration of a parameter."""

    type: ParamType = "any"
    default: Any = None
    required: Flag | None = None
    enum: list[Any] | None = None
    min: Number | None = None
    max: Number | None = None
    pattern: str | None = None
    desc: str | None = None

    def to_mapping(self) -> dict[str, Any]:
        out = super().to_mapping()
        if "default" in self.model_fields_set:
            out.setdefault("default", None)
        return out


class Workflow(Model):
    """A workflow of jobs. A job that has an `id` goes by it, whatever its key."""

    name: str | None = None
    desc: str | None = None
    params: dict[str, ParamType | Param | None] | None = None
    secrets: list[str] = Field(default_factory=list)
    env: dict[str, Any] = Field(default_factory=dict)
    defaults: dict[str, Any] = Field(default_factory=dict)
    on: Any = None
    concurrency: str | Concurrency | None = None
    max_parallel: Whole | str | None = None
    timeout: Duration | None = None
    outputs: dict[str, Any] = Field(default_factory=dict)
    include: str | list[Any] | None = None
    jobs: dict[str, Job] = Field(default_factory=dict)

    #: Other workflows of the file that this one was read from, for its `trigger` stages.
    _siblings: list[Workflow] = PrivateAttr(default_factory=list)
    #: Where its paths begin, and its stages run: the folder of its file; None for the working folder.
    _folder: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _ids(self) -> Self:
        jobs: dict[str, Job] = {}
        for key, job in self.jobs.items():
            own = job if job.id is not None else job.model_copy(update={"id": key})
            assert own.id is not None
            if own.id in jobs:
                raise ValueError(f"two jobs are called {own.id!r}, one of them at jobs.{key}")
            jobs[own.id] = own
        self.__dict__["jobs"] = jobs
        return self

    @classmethod
    def from_yaml(cls, source: str | PathLike[str], name: str | None = None) -> Workflow:
        """The workflow of a jobs file: a path, or YAML text (a string with a line end is text).

        `name` chooses one of several. Raises `jobc.errors.CompileError` where the file has errors.
        """
        from jobc.model.reading import read_workflow

        return read_workflow(source, name)

    def to_yaml(self) -> str:
        """The workflow as a jobs file, in canonical form. Raises ValueError where live objects are in it."""
        from jobc.model.writing import write_workflow

        return write_workflow(self)

    def write(self, path: str | PathLike[str]) -> None:
        """Write `to_yaml()` to a file."""
        Path(path).write_text(self.to_yaml(), encoding="utf-8")

    def execute(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        parent_run_id: str | None = None,
        event: threading.Event | None = None,
    ) -> Result:
        """Run the workflow to its end. As `Job.execute`, with `context["jobs"]`: results by job id."""
        from jobc.model.execution import execute_workflow

        return execute_workflow(self, params or {}, run_id=run_id, parent_run_id=parent_run_id, event=event)

    async def aexecute(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        parent_run_id: str | None = None,
        event: threading.Event | None = None,
    ) -> Result:
        """`execute` for a running event loop; cancelling the task cancels the run."""
        from jobc.model.execution import off_loop

        return await off_loop(self.execute, params, run_id=run_id, parent_run_id=parent_run_id, event=event)
