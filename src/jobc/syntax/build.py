"""A file's text to its AST: composed, its documents told apart, every part built.

Nothing stops at the first error: what is wrong is reported and left absent, and everything else is built
(ARCHITECTURE, Phases 1). Each mapping is read against a table of its keys (`keys`, `fields`); each value against what
its key can have (`values`); expressions are parsed where they stand.
"""

from __future__ import annotations

from jobc.diagnostics.diagnostic import Diagnostic, Label
from jobc.source.compose import compose
from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Node
from jobc.syntax.ast import Document
from jobc.syntax.document import read
from jobc.syntax.reporter import Reporter


def parse(file: SourceFile) -> Document:
    """The AST of a file, with every problem of source and syntax, sorted by place. Never raises for what a file may hold."""
    composed = compose(file)
    r = Reporter(file, broken=bool(composed.holes))
    for problem in composed.problems:
        r.problem(problem)
    document = Document(file)
    document.root = composed.documents
    for root in composed.documents:
        if root is not None:
            _read(r, root, document)
    if not document.workflows and not r.diagnostics:
        r.missing(Span(file, 0, 0), "the file has no jobs", "add `jobs:`, with each job below its id")
    _names(r, document)
    document.diagnostics = sorted(r.diagnostics, key=lambda d: (d.span.start, d.span.end))
    return document


def _read(r: Reporter, root: Node, document: Document) -> None:
    try:
        read(r, root, document)
    except RecursionError:
        span = Span(root.file, root.start, min(root.end, root.start + 1))
        message = "the aliases of this document nest too deeply"
        r.add(Diagnostic("alias-expansion", message, span, help="write the innermost parts out"))


def _names(r: Reporter, document: Document) -> None:
    """Workflow names are what `trigger` and `--entry` go by: each once."""
    first: dict[str, Span] = {}
    for workflow in document.workflows:
        if workflow.name is None or workflow.name_span is None:
            continue
        earlier = first.setdefault(workflow.name, workflow.name_span)
        if earlier is not workflow.name_span:
            r.add(
                Diagnostic(
                    "duplicate-id",
                    f"two workflows of this file have the name `{workflow.name}`",
                    workflow.name_span,
                    help="give one of them another name",
                    related=(Label(earlier, f"the first workflow `{workflow.name}`"),),
                )
            )
