"""`# jobc: allow[rule]` silences what it covers, and nothing else."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile


def found(text: str) -> list[tuple[str, int]]:
    findings = check(analyze(SourceFile("a.job.yml", text)))
    return [
        (finding.diagnostic.rule, finding.diagnostic.span.line)
        for finding in findings
        if finding.diagnostic.rule != "stale-suppression"
    ]


JOB = "jobs:\n  a:\n    stages: [{echo: hi}]\n"


def test_a_comment_at_the_end_of_the_line_covers_the_line() -> None:
    text = JOB + "  b:\n    needs: x\n    stages: [{echo: hi}]\n"
    assert found(text) == [("unknown-need", 5)]
    assert found(text.replace("x\n", "x  # jobc: allow[unknown-need]\n")) == []


@pytest.mark.parametrize("names", ["JC201", "unknown-need", "JC105, unknown-need", " JC201 "])
def test_codes_and_names_both_count(names: str) -> None:
    assert found(f"{JOB}  b:\n    needs: x # jobc: allow[{names}]\n    stages: [{{echo: hi}}]\n") == []


@pytest.mark.parametrize("names", ["JC202", "needs-cycle", "", "JC2", "unknown"])
def test_another_rule_is_not_meant(names: str) -> None:
    text = f"{JOB}  b:\n    needs: x # jobc: allow[{names}]\n    stages: [{{echo: hi}}]\n"
    assert found(text) == [("unknown-need", 5)]


def test_a_comment_above_a_job_covers_the_whole_job_and_no_other() -> None:
    text = (
        "jobs:\n  # jobc: allow[unknown-need]\n\n  # why: the other file has it\n"
        "  b:\n    stages: [{echo: hi}]\n    needs:\n      - x\n"
        "  c:\n    needs: x\n    stages: [{echo: hi}]\n"
    )
    assert found(text) == [("unknown-need", 10)]


def test_a_comment_above_the_first_key_of_a_file_does_not_cover_the_file() -> None:
    text = "# jobc: allow[unknown-need]\nname: n\njobs:\n  b:\n    needs: x\n    stages: [{echo: hi}]\n"
    assert found(text) == [("unknown-need", 5)]


def test_a_comment_above_a_list_item_covers_the_item() -> None:
    text = (
        "jobs:\n  b:\n    stages:\n      # jobc: allow[undefined-name]\n"
        "      - name: n\n        echo: ${{ x1 }}\n      - echo: ${{ x2 }}\n"
    )
    assert found(text) == [("undefined-name", 7)]


BLOCK = "jobs:\n  b:\n    stages:\n      - bash: |{}\n          echo ${{{{ x1 }}}}{}\n          echo ${{{{ x2 }}}}\n"


def test_a_comment_on_the_header_of_a_block_scalar_covers_the_block() -> None:
    assert found(BLOCK.format(" # jobc: allow[undefined-name]", "")) == []
    assert found(BLOCK.format("", "")) == [("undefined-name", 5), ("undefined-name", 6)]


def test_a_comment_inside_a_script_belongs_to_the_script() -> None:
    text = BLOCK.format("", "  # jobc: allow[undefined-name]")
    assert found(text) == [("undefined-name", 5), ("undefined-name", 6)]


def test_a_comment_above_a_block_scalar_covers_it() -> None:
    text = BLOCK.format("", "").replace("      - bash", "      # jobc: allow[JC102]\n      - bash")
    assert found(text) == []


def test_text_in_quotes_is_no_comment() -> None:
    text = 'jobs:\n  b:\n    desc: " # jobc: allow[unknown-need]"\n    needs: x\n    stages: [{echo: hi}]\n'
    assert found(text) == [("unknown-need", 4)]
    text = 'jobs:\n  b:\n    stages: [{echo: "${{ x }} # jobc: allow[undefined-name]"}]\n'
    assert found(text) == [("undefined-name", 3)]


def test_windows_line_ends_change_nothing() -> None:
    text = f"{JOB}  b:\n    needs: x # jobc: allow[JC201]\n    stages: [{{echo: hi}}]\n"
    assert found(text.replace("\n", "\r\n")) == []


def test_a_suppression_in_an_included_file_holds_there() -> None:
    files = {"b.yml": "jobs:\n  b:\n    needs: gone # jobc: allow[unknown-need]\n    stages: [{echo: hi}]\n"}
    main = SourceFile("a.job.yml", "include: b.yml\n" + JOB)
    model = analyze(main, lambda path: SourceFile(path, files[path]))
    assert check(model) == []


def stale(text: str) -> list[tuple[int, str]]:
    """Line and message of what silences nothing."""
    findings = check(analyze(SourceFile("a.job.yml", text)))
    return [(f.diagnostic.span.line, f.diagnostic.message) for f in findings if f.code == "JC704"]


def test_a_comment_that_silences_something_is_not_stale() -> None:
    text = f"{JOB}  b:\n    needs: x # jobc: allow[unknown-need]\n    stages: [{{echo: hi}}]\n"
    assert stale(text) == []
    assert stale(text.replace("unknown-need", "JC201")) == []


def test_each_rule_of_a_comment_counts_by_itself() -> None:
    text = f"{JOB}  b:\n    needs: x # jobc: allow[needs-cycle, unknown-need]\n    stages: [{{echo: hi}}]\n"
    ((line, message),) = stale(text)
    assert line == 5
    assert "`needs-cycle`" in message
    assert "unknown-need" not in message


def test_a_stale_comment_can_be_kept_by_saying_so() -> None:
    text = f"{JOB}  b:\n    needs: a # jobc: allow[unknown-need, stale-suppression]\n    stages: [{{echo: hi}}]\n"
    assert stale(text) == []


def test_comments_of_an_included_file_are_not_called_stale() -> None:
    files = {
        "b.yml": "jobs:\n  b:\n    needs: c # jobc: allow[unknown-need]\n    stages: [{echo: hi}]\n  c:\n    stages: [{echo: hi}]\n"
    }
    main = SourceFile("a.job.yml", "include: b.yml\n" + JOB)
    assert check(analyze(main, lambda path: SourceFile(path, files[path]))) == []
