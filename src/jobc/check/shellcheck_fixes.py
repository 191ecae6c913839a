"""ShellCheck's fixes as edits of the jobs file.

A replacement is made where the characters that it touches stand, each edit within one line of the file. It is written as
the scalar's style wants it (a quote in a double-quoted scalar is escaped), and the scalar is read anew: unless it gives
exactly the script with the replacements, there is no fix. Nor is there one that touches, or stands beside, what was put in
the place of an expression: that is quoted by itself, and is not what the author wrote.
"""

from __future__ import annotations

from jobc.diagnostics.diagnostic import Edit, Fix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobc.check.shellcheck import Comment, Replacement
    from jobc.sema.scripts import ScriptPlacement

#: In a plain scalar these may end it, or begin something else.
_NOT_PLAIN = frozenset(":#,[]{}")


def fix(comment: Comment, placed: ScriptPlacement) -> Fix | None:
    """The fix of an answer, where it can be made; never a safe one, for the program changes."""
    edits: list[Edit] = []
    for replacement in comment.replacements:
        edit = _edit(replacement, placed)
        if edit is None:
            return None
        edits.append(edit)
    if not edits or not _reads_as_meant(edits, comment.replacements, placed):
        return None
    return Fix(f"do what SC{comment.code} says", edits, safe=False)


def _edit(replacement: Replacement, placed: ScriptPlacement) -> Edit | None:
    start, end, text = replacement
    if "\n" in text or "\n" in placed.text[start:end] or _touches_expression(start, end, placed):
        return None
    run = max((run for run in placed.runs if run.start <= start), key=lambda run: run.start)
    shift = run.source_start - run.start
    from jobc.source.templates import offset_map

    to_file, node = offset_map(placed.node), placed.node
    first = to_file.at(start + shift)
    last = first if end == start else to_file.at(end - 1 + shift) + 1
    source = node.file.text[first:last]
    if "\n" in source or "\r" in source or (end > start and source != placed.text[start:end]):
        return None
    if node.style == "double":
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    elif node.style == "single":
        text = text.replace("'", "''")
    elif node.style == "plain" and (first <= node.start or not _NOT_PLAIN.isdisjoint(text)):
        return None
    return Edit(node.file.span(first, last), text)


def _touches_expression(start: int, end: int, placed: ScriptPlacement) -> bool:
    for run, following in zip(placed.runs, [*placed.runs[1:], None], strict=True):
        stop = len(placed.text) if following is None else following.start
        if run.lifted and start <= stop and run.start <= end:
            return True
    return False


def _reads_as_meant(edits: list[Edit], replacements: Sequence[Replacement], placed: ScriptPlacement) -> bool:
    """Whether the scalar with the edits holds the script with the replacements, its expressions as they are."""
    from copy import copy

    from jobc.check.fixes import apply
    from jobc.source.compose import compose
    from jobc.source.file import SourceFile
    from jobc.source.nodes import Scalar
    from jobc.source.offsets import decoded

    node = placed.node
    wanted = node.text
    for start, end, text in reversed(replacements):
        run = max((run for run in placed.runs if run.start <= start), key=lambda run: run.start)
        shift = run.source_start - run.start
        wanted = wanted[: start + shift] + text + wanted[end + shift :]
    after = apply(node.file.text, [Fix("", edits, safe=False)])
    if node.style == "double":
        # Its escapes are read by the composer alone.
        source = after[node.start : node.end + len(after) - len(node.file.text)]
        found = compose(SourceFile(node.file.path, source)).documents
        return bool(found) and isinstance(found[0], Scalar) and found[0].text == wanted
    changed = copy(node)
    changed.file = SourceFile(node.file.path, after)
    changed.end = node.end + len(after) - len(node.file.text)
    return decoded(changed) == wanted
