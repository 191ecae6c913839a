"""`trigger` stages: which workflow each of them starts.

What a stage names is a workflow of the same file; else `path#name`, or a path alone for the first workflow of
that file. Paths are relative to the file that they are written in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from jobc.diagnostics.diagnostic import Diagnostic, Label
from jobc.errors import UsageError
from jobc.sema.loading import Loader
from jobc.sema.model import WorkflowModel
from jobc.syntax.ast import Document, Stage, TriggerStage, child_stages
from jobc.syntax.spelling import nearest

RULE = "call-mismatch"

#: So many parameters are named where none is near.
_LISTED = 12
#: So many names are compared in one stage in search of the nearest; findings beyond that propose none.
_COMPARED = 50_000


class Triggers:
    """The trigger stages of one analysis; findings go to `report`."""

    __slots__ = ("_loader", "_named", "_report")

    def __init__(self, loader: Loader, report: Callable[[Diagnostic], None]) -> None:
        self._loader = loader
        self._report = report
        #: id(stage) -> the document that it names and the workflow in it (None: the first).
        self._named: dict[int, tuple[Document, str | None]] = {}

    def documents(self, model: WorkflowModel) -> Iterator[Document]:
        """The documents that the stages of a workflow name."""
        for stage in _triggers(model):
            found = self._document(stage)
            if found is not None:
                self._named[id(stage)] = found
                yield found[0]

    def connect(self, model: WorkflowModel, known: Mapping[int, list[WorkflowModel]]) -> None:
        """Fill `model.triggers`, once all documents are there: `known` has their workflows by id(document)."""
        for stage in _triggers(model):
            named = self._named.get(id(stage))
            if named is None:
                continue
            document, name = named
            workflows = known[id(document)]
            for workflow in workflows:
                if name is None or workflow.name == name:
                    model.triggers[id(stage)] = workflow
                    self._check_params(stage, workflow)
                    break
            else:
                self._unknown(stage, name, document, workflows)

    def _check_params(self, stage: TriggerStage, target: WorkflowModel) -> None:
        """Parameters that the workflow does not have, and required ones that are not given."""
        declared = target.workflow.params
        if declared is None:
            return
        names = {param.name: param for param in declared}
        listed = ", ".join(f"`{name}`" for name in islice(names, _LISTED))
        listed += ", …" if len(names) > _LISTED else ""
        looked = 0
        for item in stage.params:
            if item.key not in names:
                near = nearest(item.key, names) if looked < _COMPARED else None
                looked += len(names)
                known = f"its parameters: {listed}" if names else "it takes none"
                self._report(
                    Diagnostic(
                        RULE,
                        f"the workflow `{target.name}` has no parameter `{item.key}`",
                        item.key_span,
                        help=f"did you mean `{near}`?" if near else known,
                    )
                )
        given = {item.key for item in stage.params}
        for param in declared:
            if param.required and not param.has_default and param.name not in given:
                self._report(
                    Diagnostic(
                        RULE,
                        f"the workflow `{target.name}` needs the parameter `{param.name}`",
                        stage.workflow_span,
                        help=f"give it: `params: {{{param.name}: …}}`",
                        related=(Label(param.name_span, "declared here as required"),),
                    )
                )

    def _document(self, stage: TriggerStage) -> tuple[Document, str | None] | None:
        file = stage.workflow_span.file
        text = stage.workflow
        own = self._loader.of(file)
        path, mark, name = text.partition("#")
        if not mark and (any(w.name == text for w in own.workflows) or not _is_path(text)):
            return own, text
        if not path:
            return own, name or None
        try:
            return self._loader.load(path, file), name or None
        except UsageError as error:
            self._report(
                Diagnostic(
                    RULE,
                    f"the workflow `{text}` cannot be read: {error}",
                    stage.workflow_span,
                    help="name a workflow of this file, or a path relative to this file: `other.yml#name`",
                )
            )
            return None

    def _unknown(
        self, stage: TriggerStage, name: str | None, document: Document, workflows: list[WorkflowModel]
    ) -> None:
        where = document.file.path if document.file is not stage.workflow_span.file else "this file"
        if name is None:
            message, help = f"there is no workflow in {where}", "name a file that has jobs"
        else:
            near = nearest(name, [workflow.name for workflow in workflows])
            names = ", ".join(f"`{workflow.name}`" for workflow in workflows[:6])
            message = f"there is no workflow `{name}` in {where}"
            help = (
                f"did you mean `{near}`?" if near else f"its workflows: {names}" if names else "it has none"
            )
        self._report(Diagnostic(RULE, message, stage.workflow_span, help=help))


def _is_path(text: str) -> bool:
    return text.endswith((".yml", ".yaml")) or "/" in text


def _triggers(model: WorkflowModel) -> Iterator[TriggerStage]:
    for job in model.workflow.jobs:
        todo: list[Stage] = list(reversed(job.stages))
        while todo:
            stage = todo.pop()
            if isinstance(stage, TriggerStage):
                yield stage
            for body in reversed(list(child_stages(stage))):
                todo.extend(reversed(body))
