"""`retry` of jobs and stages.

There and here, `retry: 3` is three further attempts. There the first further attempt follows at once and the others
after 1.44 s, 1.73 s and so on (1.2 to the power of the attempt); here the wait is 5 s unless `delay` says otherwise.
"""

from __future__ import annotations

from jobc.cli.importing.draft import Draft
from jobc.cli.importing.item import CHANGED
from jobc.source.nodes import Entry, Scalar


def carry_over_retry(entry: Entry, draft: Draft) -> None:
    node = entry.value
    if not isinstance(node, Scalar) or not isinstance(node.value, int) or not draft.first_visit(node):
        return
    if node.value == 0:
        return
    now = f"{{attempts: {node.value}, delay: 1.2}}"
    draft.replace(node.start, node.end, now)
    draft.say(
        CHANGED,
        draft.span(entry),
        "as many further attempts; the waits were 0 s, 1.44 s, 1.73 s, …, and are 1.2 s each",
        now=f"retry: {now}",
    )
