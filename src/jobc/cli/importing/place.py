"""Where an expression stands: what its names stand for, and where to put a stop if it cannot be carried over."""

from __future__ import annotations

from jobc.cli.importing.draft import Draft
from jobc.cli.importing.outline import JobOutline, StageOutline, WorkflowOutline
from jobc.syntax.expr import Expr

#: An expression, and the declared type of its value where it is known.
Named = tuple[Expr, "str | None"]


class Place:
    """`names` are those that the stages around define (`branch`, `case`), each with what it stands for here.

    `stops` collects, for the stage (or the job, before its first stage) being translated, what must be done before it
    can run: each becomes the message of a `raise` stage in front of it.
    """

    __slots__ = ("draft", "job", "loop", "names", "stage", "stops", "workflow")

    def __init__(
        self,
        draft: Draft,
        workflow: WorkflowOutline,
        job: JobOutline | None = None,
        stage: StageOutline | None = None,
        names: dict[str, Named] | None = None,
        loop: str = "",
    ) -> None:
        self.draft = draft
        self.workflow = workflow
        self.job = job
        self.stage = stage
        self.names = names or {}
        self.loop = loop
        self.stops: list[str] = []

    def inside(
        self,
        stage: StageOutline | None,
        names: dict[str, Named] | None = None,
        loop: str | None = None,
    ) -> Place:
        """The place of a stage inside of this one."""
        return Place(
            self.draft,
            self.workflow,
            self.job,
            stage,
            {**self.names, **(names or {})},
            self.loop if loop is None else loop,
        )
