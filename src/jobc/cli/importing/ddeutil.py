"""Workflow files of the package ddeutil-workflow (0.0.x), the public implementation of the Job API.

A file maps names to documents; those of `type: Workflow` are carried over, schedules of type `Crontab` are written out
where workflows name them, and any other document is left as a comment. First every workflow is outlined, then each is
translated, and at the end what references ask for is declared; the result is checked as `jobc lint` would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobc.cli.importing.draft import Draft, text_of
from jobc.cli.importing.item import ATTENTION, DROPPED, Item
from jobc.cli.importing.outline import WorkflowOutline
from jobc.cli.importing.values import carry_over_values
from jobc.cli.importing.workflows import carry_over_workflow, finish_workflow
from jobc.errors import CompileError, UsageError
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Mapping, Problem

if TYPE_CHECKING:
    from jobc.diagnostics.diagnostic import Finding


class Imported:
    """`text` is the jobs file, `items` the report in the order of the original's lines."""

    __slots__ = ("items", "text")

    def __init__(self, text: str, items: list[Item]) -> None:
        self.text = text
        self.items = items

    @property
    def complete(self) -> bool:
        """Whether nothing was left for the user to do."""
        return not any(item.severity in (ATTENTION, DROPPED) for item in self.items)


def import_file(file: SourceFile) -> Imported:
    """Carry over a workflow file.

    Raises UsageError where the file holds no workflow, CompileError with Findings where it is no YAML.
    """
    composed = compose(file)
    if composed.problems:
        raise CompileError(f"{file.path} is no YAML that can be read", _findings(composed.problems))
    roots = [root for root in composed.documents if isinstance(root, Mapping)]
    alone = {
        text_of(root.get("name")) or "": root for root in roots if text_of(root.get("type")) == "Workflow"
    }
    roots = [root for root in roots if root not in alone.values()]
    documents = {e.key.text: e.value for root in roots for e in root.entries if isinstance(e.value, Mapping)}
    outlines: dict[str, WorkflowOutline] = {}
    for name, node in {**alone, **documents}.items():
        if text_of(node.get("type")) == "Workflow" or (
            node.get("type") is None and node.get("jobs") is not None
        ):
            outlines[name] = WorkflowOutline(name, node, outlines)
    if not outlines:
        raise UsageError(
            f"{file.path} holds no workflow to import",
            help="a workflow file maps names to workflows: `my-flow: {type: Workflow, jobs: …}`",
        )
    draft = Draft(file)
    seen: set[int] = set()
    for outline in outlines.values():
        carry_over_workflow(outline, draft, documents)
        carry_over_values(outline.node, draft, seen)
    for outline in outlines.values():
        finish_workflow(outline, draft)
        if outline.node.get("type") is None:
            draft.add_before(outline.node, outline.node.entries[0], ["type: Workflow"])
    for root in roots:
        for entry in root.entries:
            if entry.key.text not in outlines:
                draft.comment_out(root, entry)
                if not _used(entry.value, entry.key.text, file):
                    draft.say(
                        DROPPED,
                        entry.key.span,
                        f"`{entry.key.text}` is no workflow",
                        help="keep it where the tool that reads it finds it",
                    )
    text = draft.text()
    draft.items.sort(key=lambda item: (item.span.start, item.span.end))
    return Imported(text, [*draft.items, *_left_over(text, file)])


def _used(node: object, name: str, file: SourceFile) -> bool:
    """Whether a document is a schedule that a workflow of the file names."""
    return isinstance(node, Mapping) and text_of(node.get("type")) == "Crontab" and file.text.count(name) > 1


def _left_over(text: str, file: SourceFile) -> list[Item]:
    """What `jobc lint` calls an error in the imported file; the import did not see it."""
    from jobc.check.runner import check_alone
    from jobc.diagnostics.diagnostic import ERROR
    from jobc.sema.analyze import analyze

    items: list[Item] = []
    for finding in check_alone(analyze(SourceFile(file.path, text))):
        if finding.severity != ERROR:
            continue
        diagnostic = finding.diagnostic
        line = diagnostic.span.line
        shown = diagnostic.span.text.strip().partition("\n")[0]
        message = f"line {line} of the imported file has an error [{finding.code}]: {diagnostic.message}"
        original = file.text.find(shown) if shown else 0
        start = max(original, 0)
        span = file.span(start, start + (len(shown) if original >= 0 else 0))
        items.append(Item(ATTENTION, span, shown, shown, message, diagnostic.help or "correct it by hand"))
    return items


def _findings(problems: list[Problem]) -> list[Finding]:
    from jobc.check.registry import rules
    from jobc.diagnostics.diagnostic import ERROR, Diagnostic, Finding

    known = rules()
    return [Finding(Diagnostic.of_problem(p), known[p.rule].code, ERROR) for p in problems]
