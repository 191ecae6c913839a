"""One mistake gives one finding: what only follows from another finding stays unsaid."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

FILE = """\
params:
  dry: {type: bool, default: false}
env:
  DRY: ${{ params.dry }}
jobs:
  extract:
    outputs:
      rows: ${{ stages.pull.outputs.rows }}
    stages:
      - id: pull
        run: rows = 3
  load:
    needs: [extract]
    condition: ${{ needs.extract.result == 'success' }}
    stages:
      - bash: echo "${{ needs.extract.outputs.rows }}"
  report:
    needs: [load]
    env:
      KEY: value
    stages:
      - echo: done
"""


def found(text: str) -> list[tuple[str, str]]:
    return [(f.diagnostic.rule, f.diagnostic.help) for f in check(analyze(SourceFile("a.job.yml", text)))]


def test_the_file_itself_has_no_findings() -> None:
    assert found(FILE) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "remedy"),
    [
        ("needs: [extract]", "needs: [extrat]", "unknown-need", "did you mean `extract`?"),
        ("needs: [extract]", "needs: Extract", "unknown-need", "did you mean `extract`?"),
        ("needs: [extract]", "needs: extract, report", "unknown-need", "`[extract, report]`"),
        ("needs: [extract]", "depends_on: [extract]", "unknown-key", "did you mean `needs`?"),
        ("needs: [extract]", "needs: {extract: x}", "wrong-type", "write `[a, b]`"),
        ("needs: [extract]", "needs [extract]", "yaml-syntax", "write `needs: [extract]`"),
        ("needs: [extract]", "needs:[extract]", "yaml-syntax", "write `needs: [extract]`"),
        ("needs: [extract]", "needs: [extract", "yaml-syntax", "add the closing `]`"),
        ("    stages:\n      - id", "    steps:\n      - id", "unknown-key", "did you mean `stages`?"),
        ("        run:", "        python:", "unknown-key", "did you mean `run`?"),
        ("        run:", "       run:", "yaml-syntax", "indent it by"),
        ("  load:", "   load:", "yaml-syntax", "indent it by"),
        ("  load:", "  load", "yaml-syntax", "add the colon"),
        ("    env:\n      KEY: value", "    env: KEY: value", "yaml-syntax", "quotes"),
        ("${{ needs.extract.result == 'success' }}", "${{ params.dry }", "expression-syntax", "close it"),
        ("${{ needs.extract.result == 'success' }}", "{{ params.dry }}", "yaml-syntax", "`${{ … }}`"),
        ("'success'", "true", "incomparable-types", "it is one of `'success'`"),
        (" == 'success'", "", "condition-not-boolean", "needs.extract.result == 'success'"),
        ("needs.extract.result == 'success'", "inputs.dry", "undefined-name", "`params.name`"),
        ("needs.extract.outputs.rows", "needs.extract.outputs.rows | jion", "undefined-name", "`join`"),
    ],
)
def test_one_mistake_gives_one_finding_with_its_remedy(old: str, new: str, rule: str, remedy: str) -> None:
    assert old in FILE
    findings = found(FILE.replace(old, new, 1))
    assert [name for name, _ in findings] == [rule], findings
    assert remedy in findings[0][1]


def test_another_missing_need_beside_a_misspelt_one_is_still_said() -> None:
    text = FILE.replace("needs: [load]", "needs: [laod]").replace(
        "echo: done", "echo: ${{ needs.extract.result }}"
    )
    assert [rule for rule, _ in found(text)] == ["unknown-need", "missing-need"]


def test_a_time_zone_that_does_not_exist_is_told_with_the_nearest() -> None:
    text = 'on: {schedule: {cron: "0 5 * * *", timezone: Europe/Berln}}\n' + FILE
    assert found(text) == [("wrong-type", "did you mean `Europe/Berlin`?")]


def test_many_errors_take_no_more_than_their_number() -> None:
    """The work grows with the findings, not with their square: counted in calls, not in seconds."""
    import sys

    from jobc.check.consequences import without_consequences

    def calls(count: int) -> int:
        text = "jobs:\n" + "".join(
            f"  j{n}:\n    needs: q{n}x\n    stages: [{{echo: '${{{{ a b }}}}'}}]\n" for n in range(count)
        )
        model = analyze(SourceFile("a.job.yml", text))
        findings = [*model.diagnostics, *(Diagnostic("unknown-need", "x", d.span) for d in model.diagnostics)]
        assert len(findings) == 2 * count
        made = 0

        def count_call(frame: object, event: str, argument: object) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        sys.setprofile(count_call)
        try:
            without_consequences(findings, model)
        finally:
            sys.setprofile(None)
        return made

    assert calls(400) < 3 * calls(200)
