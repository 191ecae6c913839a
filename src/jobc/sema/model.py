"""The semantic model: what the front end knows of a file once every name is resolved. The end of `analyze`, the
beginning of rules, lowering, graph views and editors.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.constants import Grids
from jobc.sema.scripts import ScriptPlacement
from jobc.sema.types import ANY, Type
from jobc.source.file import SourceFile, Span
from jobc.syntax.ast import Document, ExprHole, Job, Need, Stage, Value, Workflow
from jobc.syntax.expr import Expr

if TYPE_CHECKING:
    from jobc.sema.closure import Closure
    from jobc.sema.reachability import Reachability
    from jobc.sema.reads import Reads


class Site:
    """A value with expressions, where it stands: `position` names a row of `sema.positions`.

    `job` and `stage` are those around it (None outside); `holes` are all expressions in the value, in file order.
    """

    __slots__ = ("holes", "is_condition", "job", "position", "stage", "value")

    def __init__(
        self, position: str, value: Value, holes: list[ExprHole], job: Job | None, stage: Stage | None
    ) -> None:
        self.position = position
        self.value = value
        self.holes = holes
        self.job = job
        self.stage = stage
        self.is_condition = position.endswith(".condition")


class WorkflowModel:
    """A workflow after includes: `jobs` by id in file order, `order` topological (ties in file order).

    Where there are needs cycles, `cycles` lists every elementary one as its edges (job, need), and
    `order` holds the jobs that are on none and wait for none.
    """

    __slots__ = (
        "_closure",
        "_reads",
        "conditional",
        "cycles",
        "grids",
        "jobs",
        "name",
        "order",
        "reachability",
        "scripts",
        "sites",
        "triggers",
        "types",
        "workflow",
    )

    def __init__(self, workflow: Workflow, name: str) -> None:
        self.workflow = workflow
        self.name = name
        self.jobs: dict[str, Job] = {}
        self.order: list[Job] = []
        self.cycles: list[list[tuple[Job, Need]]] = []
        #: `trigger` stages: id(stage) -> the model of the workflow that it names.
        self.triggers: dict[int, WorkflowModel] = {}
        #: bash and python stages: id(stage) -> where their expressions stand (`sema.scripts`).
        self.scripts: dict[int, ScriptPlacement] = {}
        #: Every value with expressions, in the order of analysis.
        self.sites: list[Site] = []
        #: The inferred type of each expression, by id(expr).
        self.types: dict[int, Type] = {}
        #: What the matrices of the jobs are, as far as they are constant.
        self.grids = Grids()
        #: Once `sema.conditional` was asked.
        self.conditional: bool | None = None
        #: Once a rule has asked for them (`sema.reachability`): by name, None where there is no analysis.
        self.reachability: dict[str, Reachability | None] = {}
        self._reads: Reads | None = None
        self._closure: Closure | None = None

    @property
    def reads(self) -> Reads:
        """What the workflow reads of its parameters, secrets and jobs; found when first asked for."""
        if self._reads is None:
            from jobc.sema.reads import find

            self._reads = find(self)
        return self._reads

    @property
    def closure(self) -> Closure:
        """What each job that is on no cycle waits for; found when first asked for."""
        if self._closure is None:
            from jobc.sema.closure import Closure

            self._closure = Closure(self.order)
        return self._closure

    def type_of(self, expr: Expr) -> Type:
        """The inferred type of an expression of this workflow (`any` where nothing is known)."""
        return self.types.get(id(expr), ANY)


class SemanticModel:
    """One analysed file. `workflows` are the file's own; `reached` adds those that triggers name in other files.

    `files[0]` is the file itself, then every included or triggered file in the order met.
    `diagnostics` are the findings of source, syntax and sema; rules add theirs (`check.runner`).
    """

    __slots__ = ("_places", "diagnostics", "document", "files", "reached", "workflows")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.files: list[SourceFile] = [document.file]
        self.workflows: list[WorkflowModel] = []
        self.reached: list[WorkflowModel] = []
        self.diagnostics: list[Diagnostic] = []
        self._places: dict[int, list[tuple[int, int]]] | None = None

    def is_reported(self, span: Span) -> bool:
        """Whether a phase has found something wrong inside a place. Asked once all phases are done."""
        if self._places is None:
            self._places = {}
            for found in self.diagnostics:
                self._places.setdefault(id(found.span.file), []).append((found.span.start, found.span.end))
            for places in self._places.values():
                places.sort()
        places = self._places.get(id(span.file), [])
        at = bisect_left(places, (span.start, -1))
        while at < len(places) and places[at][0] <= span.end:
            if places[at][1] <= span.end:
                return True
            at += 1
        return False

    @property
    def all_workflows(self) -> list[WorkflowModel]:
        """The file's own workflows and those reached in other files."""
        return [*self.workflows, *self.reached]
