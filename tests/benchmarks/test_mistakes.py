"""jobc finds each of the sixty mistakes, says nothing of the correct files, and the page of the comparison tells it so."""

from __future__ import annotations

import re

import pytest

from jobc.check.registry import rules
from jobc.programs import shellcheck
from tests.benchmarks.mistakes import PAGE, Edit, Mistake, found_by_jobc, lint, mistakes, shown

MISTAKES = mistakes()


@pytest.fixture(params=MISTAKES, ids=lambda mistake: mistake.name)
def mistake(request: pytest.FixtureRequest) -> Mistake:
    found: Mistake = request.param
    if "shell-script" in found.rules and shellcheck() is None:
        pytest.skip("ShellCheck is not installed")
    return found


def test_there_are_sixty_with_rules_that_exist() -> None:
    assert [m.name[:2] for m in MISTAKES] == [f"{number:02}" for number in range(1, 61)]
    assert {rule for m in MISTAKES for rule in m.rules} <= rules().keys()
    assert all(m.rules for m in MISTAKES)


def test_the_correct_file_is_silent(mistake: Mistake) -> None:
    assert [(f.line, f.rule, f.message) for f in lint(mistake.jobc.correct) if f.serious] == []


def test_the_mistake_is_found(mistake: Mistake) -> None:
    found = found_by_jobc(mistake)
    said = [(f.line, f.rule, f.message) for f in lint(mistake.jobc.mistaken)]
    assert found, f"none of {sorted(mistake.rules)} at the lines {sorted(mistake.jobc.places)}, but {said}"


def test_the_page_says_what_jobc_finds(mistake: Mistake) -> None:
    row = re.search(
        rf"^\| {mistake.name[:2]} \| (.+?) \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert row is not None, "write the page anew: python -m tests.benchmarks mistakes"
    assert row.groups() == (mistake.title, shown(found_by_jobc(mistake)))


def test_a_finding_elsewhere_or_of_another_rule_does_not_count() -> None:
    edit = Edit(
        " jobs:\n   a:\n     stages:\n-      - echo: hello\n+      - echo: ${{ params.day }}\n+\n!      - sleep: 1"
    )
    assert edit.correct == "jobs:\n  a:\n    stages:\n      - echo: hello\n      - sleep: 1\n"
    assert edit.mistaken == "jobs:\n  a:\n    stages:\n      - echo: ${{ params.day }}\n\n      - sleep: 1\n"
    assert edit.places == {4, 5, 6}
    other = Mistake(next(iter(sorted(PAGE.parents[1].glob("tests/benchmarks/mistakes/01-*.md")))))
    assert found_by_jobc(other)
    other.rules = frozenset(("needs-cycle",))
    assert not found_by_jobc(other)
    other.rules = frozenset(("unknown-need",))
    other.jobc.places = {1}
    assert not found_by_jobc(other)


@pytest.mark.parametrize("difference", [" a: 1\n b: 2", "-a: 1\n b: 2", "*a: 1"])
def test_a_page_that_shows_no_mistake_is_refused(difference: str) -> None:
    with pytest.raises(ValueError, match=r"place|blank"):
        Edit(difference)
