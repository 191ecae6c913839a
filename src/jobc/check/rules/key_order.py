"""## What it does

Reports keys of a workflow, job or stage that stand below a long body (`jobs`, `stages`, a script): what names it (`id`, `name`,
`desc`) belongs first, what it does last, and what governs it between them. `outputs` may stand at the end.

## Why is this bad?

A condition below a script of forty lines is read too late.

## Example

```yaml
jobs:
  report:
    stages:
      - bash: |
          ./collect
          ./report
          ./send
    needs: load
  load:
    stages: [{bash: ./load}]
```

Use instead:

```yaml
jobs:
  report:
    needs: load
    stages:
      - bash: |
          ./collect
          ./report
          ./send
  load:
    stages: [{bash: ./load}]
```

## Fix safety

The fix moves keys with their comments. It is safe: the order of these keys means nothing. Mappings with anchors, aliases or
merge keys, and those on one line, are left as they are.
"""

from collections.abc import Iterator

from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import INFO, Diagnostic, Edit, Fix
from jobc.sema.model import SemanticModel
from jobc.sema.walk import stages
from jobc.source.nodes import Entry, Mapping, Scalar
from jobc.syntax.keys import JOB, KINDS, WORKFLOW, Table

RULE = Rule("JC703", "key-order", INFO, "keys in an order that is hard to read", fixable="safe")

#: A body of so many lines hides what stands below it.
_LONG = 4
_FIRST = frozenset(("id", "name", "type", "desc"))
_LAST = frozenset(("jobs", "stages", "bash", "run", "parallel", "match"))


def check(model: SemanticModel) -> Iterator[Diagnostic]:
    file = model.document.file
    for workflow in model.workflows:
        tree: list[tuple[Mapping | None, Table]] = []
        if workflow.workflow.form != "jobs":
            tree.append((workflow.workflow.node, WORKFLOW))
        for job in workflow.jobs.values():
            tree.append((job.node, JOB))
            tree += [(stage.node, KINDS[stage.kind].table) for stage in stages(job)]
        for node, table in tree:
            if node is not None and not node.flow and node.file is file:
                yield from _judge(node, table)


def _judge(node: Mapping, table: Table) -> Iterator[Diagnostic]:
    ranks = [_rank(entry, table) for entry in node.entries]
    for late, entry in enumerate(node.entries):
        hides = [
            other
            for other, rank in zip(node.entries[:late], ranks, strict=False)
            if rank > ranks[late] and (rank == 2 and _is_long(other))
        ]
        if hides and _is_known(entry, table):
            yield Diagnostic(
                RULE.name,
                f"`{entry.key.text}` stands below the whole of `{hides[0].key.text}`",
                entry.key.span,
                help=f"move it up, above `{hides[0].key.text}`",
                fix=_fix(node, ranks),
            )
            return


def _rank(entry: Entry, table: Table) -> int:
    key = table.spellings.get(entry.key.text)
    name = entry.key.text if key is None else key.name
    return 0 if name in _FIRST else 2 if name in _LAST else 1


def _is_known(entry: Entry, table: Table) -> bool:
    """A key that the order is about: `outputs` may stand at the end, as what comes out at last."""
    key = table.spellings.get(entry.key.text)
    return key is not None and key.name != "outputs"


def _is_long(entry: Entry) -> bool:
    file = entry.key.file
    return file.position(entry.value.end)[0] - file.position(entry.key.start)[0] >= _LONG


def _fix(node: Mapping, ranks: list[int]) -> Fix | None:
    """The entries, each with the comments above it, in their order."""
    file, text = node.file, node.file.text
    if any(entry.merged for entry in node.entries) or not _plain(node):
        return None
    starts = [entry.key.start for entry in node.entries]
    lines = [file.position(start)[0] for start in starts]
    column = file.position(starts[0])[1]
    if any(file.position(start)[1] != column for start in starts) or len(set(lines)) < len(lines):
        return None
    # The first key may stand behind the dash of a list item: what is moved begins at the key itself.
    indent = " " * (column - 1)
    begins = [starts[0]]
    for i in range(1, len(starts)):
        line = lines[i]
        while line - 1 > lines[i - 1] and file.line_text(line - 1).startswith(indent + "#"):
            line -= 1
        begins.append(file.line_starts[line - 1] + column - 1)
    last_line = file.position(node.end)[0]
    if file.position(node.end)[1] == 1:
        last_line -= 1
    end = file.line_starts[last_line - 1] + len(file.line_text(last_line))
    if text[node.end : end].strip() and not text[node.end : end].lstrip().startswith("#"):
        return None
    if not text[begins[0] : end].strip() or "\t" in text[begins[0] : end]:
        return None
    chunks = [text[a:b].rstrip(" \r\n") for a, b in zip(begins, [*begins[1:], end], strict=True)]
    gaps = [text[a + len(chunk) : b] for a, chunk, b in zip(begins, chunks, [*begins[1:], end], strict=True)]
    order = sorted(range(len(chunks)), key=lambda i: ranks[i])
    if any(
        isinstance(e.value, Scalar)
        and e.value.style in ("literal", "folded")
        and "+" in text[e.value.start : e.value.start + 3]
        for e in node.entries
    ):
        return None
    made = "".join(chunks[i] + gap for i, gap in zip(order, gaps, strict=True))
    return Fix("put the keys in order", [Edit(file.span(begins[0], end), made)], safe=True)


def _plain(node: Mapping) -> bool:
    """Whether nothing in a mapping is anchored, aliased or merged, so that its parts may change places."""
    seen: list[object] = [node]
    while seen:
        current = seen.pop()
        if getattr(current, "anchor", None) is not None or getattr(current, "tag", None) is not None:
            return False
        if isinstance(current, Mapping):
            for entry in current.entries:
                if entry.merged or entry.value.start < entry.key.start:
                    return False
                seen += [entry.key, entry.value]
        elif not isinstance(current, Scalar):
            items = getattr(current, "items", [])
            if any(not node.start <= item.start <= node.end for item in items):
                return False
            seen += items
    return True
