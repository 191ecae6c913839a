"""A finding is known again while lines move, and is another one where its line or its words change."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.check.runner import check
from jobc.diagnostics.fingerprint import fingerprints
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

TEXT = "jobs:\n  a:\n    needs: x\n    stages: [{echo: hi}]\n  b:\n    needs: x\n    stages: [{echo: '${{ y }}'}]\n"


def names(text: str, path: str = "a.job.yml") -> list[str]:
    return fingerprints(check(analyze(SourceFile(path, text))))


def test_each_finding_has_one_of_its_own() -> None:
    assert len(set(names(TEXT))) == len(names(TEXT)) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["", "# a comment", "  # another"])), max_size=5)
)
def test_lines_may_come_and_go_around_it(added: list[tuple[int, str]]) -> None:
    lines = TEXT.splitlines()
    for at, words in sorted(added, reverse=True):
        lines.insert(at, words)
    assert names("\n".join(lines) + "\n") == names(TEXT)


def test_indentation_and_line_ends_do_not_count() -> None:
    assert names(TEXT.replace("\n", "\r\n")) == names(TEXT)
    assert names("\n".join("  " + line if line != "jobs:" else line for line in TEXT.splitlines())) == names(
        TEXT
    )


def test_another_file_line_or_message_is_another_finding() -> None:
    first = set(names(TEXT))
    assert not first & set(names(TEXT, "b.job.yml"))
    assert not set(names(TEXT.replace("x", "z"))) >= first
