"""Keys that move take their comments with them, and whatever their order the file means the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.check.fixes import applicable, apply
from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Mapping, Node, Scalar

ENTRIES = [
    ["needs: [b]  # why"],
    ["name: 'x'"],
    ["env:", "  A: 1", "  # inside", "  B: 2"],
    ["timeout: 5m"],
    ["stages:", "  - bash: |", "      one", "", "      # of the script", "      two", "  - echo: three"],
    ["condition: params.x == 1"],
]


def plain(node: Node | None) -> object:
    if node is None or isinstance(node, Scalar):
        return None if node is None else node.value
    if isinstance(node, Mapping):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    return [plain(item) for item in node.items]


@settings(max_examples=120, deadline=None)
@given(
    st.permutations(ENTRIES),
    st.lists(st.sampled_from(["", "# note", "# jobs: {x: 1}"]), min_size=6, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_nothing_is_lost_and_nothing_changes(
    entries: list[list[str]], notes: list[str], newline: str, ends: bool
) -> None:
    lines = ["jobs:", "  a:"]
    for entry, note in zip(entries, notes, strict=True):
        if note:
            lines.append("    " + note)
        lines += ["    " + line if line else "" for line in entry]
    text = newline.join([*lines, "  b:", "    stages: [{echo: hi}]"]) + (newline if ends else "")
    file = SourceFile("a.job.yml", text)
    for _ in range(4):
        found = [f for f in check(analyze(file)) if f.diagnostic.rule == "key-order"]
        fixes = applicable(found, file, unsafe=False)
        if not fixes:
            break
        file = SourceFile(file.path, apply(file.text, fixes))
    assert not [f for f in check(analyze(file)) if f.diagnostic.rule == "key-order"], file.text
    assert sorted(file.text.split()) == sorted(text.split())
    assert [plain(root) for root in compose(file).documents] == [
        plain(root) for root in compose(SourceFile("a.job.yml", text)).documents
    ]
    assert ("\r\n" in file.text) == (newline == "\r\n")
