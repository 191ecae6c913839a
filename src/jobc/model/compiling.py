"""From models to programs, and back to results' places: compiled once, until the model changes."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from jobc.errors import CompileError
from jobc.ir.program import Program
from jobc.model.live import LiveObjects

if TYPE_CHECKING:
    from jobc.model.workflow import Workflow
    from jobc.sema.model import SemanticModel

#: Programs kept, by what they were compiled from.
KEPT = 128

_programs: OrderedDict[str, Program] = OrderedDict()
_lock = Lock()


class Compiled:
    """A program, the live objects of its stages by span, and the folder that its paths are relative to."""

    __slots__ = ("folder", "live", "program")

    def __init__(self, program: Program, live: dict[int, dict[str, Any]], folder: str) -> None:
        self.program = program
        self.live = live
        self.folder = folder


def compile_workflow(workflow: Workflow) -> Compiled:
    """Compile a model. Raises CompileError with the findings where it has errors.

    The same content is compiled once, whichever objects hold it, and a change of a model is a change of content;
    what other files have part in is compiled each time, since they may have changed.
    """
    live = LiveObjects()
    documents = [live.mapping(each, number) for number, each in enumerate([workflow, *workflow._siblings])]
    folder = workflow._folder or os.getcwd()
    key = repr((folder, documents))
    with _lock:
        program = _programs.get(key)
        if program is not None:
            _programs.move_to_end(key)
    if program is None:
        program = _compile(documents, workflow.name, folder)
        if len(program.files) > 1:
            return Compiled(program, live.by_span(program), folder)
        with _lock:
            _programs[key] = program
            while len(_programs) > KEPT:
                _programs.popitem(last=False)
    return Compiled(program, live.by_span(program), folder)


def _compile(documents: list[dict[str, Any]], name: str | None, folder: str) -> Program:
    from jobc.lower.program import lower
    from jobc.model.writing import to_text
    from jobc.sema.analyze import analyze
    from jobc.source.decode import read_file
    from jobc.source.file import SourceFile

    file = SourceFile(f"{name or 'workflow'}.job.yml", to_text(documents))
    model = analyze(file, lambda relative: read_file(os.path.join(folder, relative), relative))
    refuse_errors(model)
    return lower(model, model.workflows[0].name)


def refuse_errors(model: SemanticModel) -> None:
    """Raise CompileError with the findings of severity error, if there are any."""
    from jobc.check.runner import check_alone
    from jobc.diagnostics.diagnostic import ERROR
    from jobc.diagnostics.render import render

    errors = [finding for finding in check_alone(model) if finding.severity == ERROR]
    if errors:
        raise CompileError(render(errors, "full", files=1, color=False).rstrip(), errors)
