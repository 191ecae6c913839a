"""Edits of fixes: applied together where they do not touch, whole or not at all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.check.fixes import applicable, apply
from jobc.diagnostics.diagnostic import Diagnostic, Edit, Finding, Fix
from jobc.source.file import SourceFile


def finding(file: SourceFile, edits: list[tuple[int, int, str]], safe: bool = True) -> Finding:
    fix = Fix("f", [Edit(file.span(start, end), text) for start, end, text in edits], safe=safe)
    return Finding(Diagnostic("unknown-need", "m", file.span(0, 0), fix=fix), "JC201", "error")


def test_unsafe_fixes_wait_to_be_asked_for() -> None:
    file = SourceFile("a.yml", "abc")
    findings = [finding(file, [(0, 1, "x")], safe=False)]
    assert applicable(findings, file, unsafe=False) == []
    assert apply(file.text, applicable(findings, file, unsafe=True)) == "xbc"


def test_of_two_fixes_that_overlap_the_first_is_taken_whole() -> None:
    file = SourceFile("a.yml", "abcdef")
    findings = [finding(file, [(0, 1, "X"), (4, 5, "Y")]), finding(file, [(2, 3, "1"), (4, 6, "2")])]
    assert apply(file.text, applicable(findings, file, unsafe=False)) == "XbcdYf"


def test_two_insertions_at_one_place_have_no_order_so_one_waits() -> None:
    file = SourceFile("a.yml", "ab")
    findings = [finding(file, [(1, 1, "x")]), finding(file, [(1, 1, "y")])]
    assert apply(file.text, applicable(findings, file, unsafe=False)) == "axb"


def test_a_fix_in_another_file_is_left_to_that_file() -> None:
    file, other = SourceFile("a.yml", "ab"), SourceFile("b.yml", "ab")
    assert applicable([finding(other, [(0, 1, "x")])], file, unsafe=True) == []


def test_new_lines_end_as_the_file_ends_its_lines() -> None:
    file = SourceFile("a.yml", "a\r\nb\r\n")
    assert (
        apply(file.text, applicable([finding(file, [(3, 3, "x\n")])], file, unsafe=False))
        == "a\r\nx\r\nb\r\n"
    )


@settings(max_examples=150, deadline=None)
@given(
    st.text("abc\n", max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.text("xyz", max_size=3)), max_size=6),
)
def test_text_outside_of_the_edits_stays(text: str, raw: list[tuple[int, int, str]]) -> None:
    file = SourceFile("a.yml", text)
    edits = [(min(s, len(text)), min(s + n, len(text)), new) for s, n, new in raw]
    fixes = applicable([finding(file, [edit]) for edit in edits], file, unsafe=False)
    spans = sorted((e.span.start, e.span.end, e.text) for fix in fixes for e in fix.edits)
    expected, place = "", 0
    for start, end, new in spans:
        assert start >= place
        expected += text[place:start] + new
        place = end
    assert apply(text, fixes) == expected + text[place:]
