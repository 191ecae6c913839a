"""Whatever a workflow file holds, importing it ends in a file and a report, or in a refusal that says why."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.cli.importing.ddeutil import import_file
from jobc.errors import CompileError, UsageError
from jobc.source.compose import compose
from jobc.source.file import SourceFile

FIXTURES = Path(__file__).parents[2] / "fixtures" / "import" / "ddeutil"
TEXTS = [path.read_text() for path in sorted(FIXTURES.glob("*.yml"))]
REPLACEMENTS = ["", "x", "[]", "{}", "${{ a.b | c }}", "yes", "[a, {b: c}]", "|\n  text"]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_imported_or_refused(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(TEXTS)).splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        key, colon, _ = lines[number].partition(": ")
        how = data.draw(st.sampled_from(["drop", *REPLACEMENTS]))
        lines[number] = "" if how == "drop" else f"{key}: {how}\n" if colon else lines[number]
    file = SourceFile("w.yml", "".join(lines))
    try:
        imported = import_file(file)
    except (UsageError, CompileError):
        return
    assert not compose(SourceFile("out.yml", imported.text)).problems
    for item in imported.items:
        assert 0 <= item.span.start <= item.span.end <= len(file.text)
        assert item.message
