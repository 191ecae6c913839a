"""`jobc explain`: every rule's page, by code or by name."""

from __future__ import annotations

import re

import pytest

from jobc.check.registry import rules
from jobc.cli.main import main

RULES = sorted(rules().values(), key=lambda rule: rule.code)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_found_by_its_code_and_by_its_name(
    rule: object, capsys: pytest.CaptureFixture[str]
) -> None:
    code, name = rule.code, rule.name  # type: ignore[attr-defined]
    pages = set()
    for word in (name, name.replace("-", "_")):
        assert main(["--color", "never", "explain", word]) == 0
        pages.add(capsys.readouterr().out)
    (page,) = pages
    for word in (code, code.lower()):
        assert main(["--color", "never", "explain", word]) == 0
        assert page in capsys.readouterr().out, "a code that several rules share shows all their pages"
    assert page.startswith(f"# {code} {name}\n")
    assert "## What it does" in page
    assert "\x1b" not in page


def test_a_terminal_gets_the_page_rendered_with_its_example_highlighted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--color", "always", "explain", "unknown-need"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "What it does" in plain
    assert "##" not in plain
    assert "```" not in plain
    example = next(line for line in shown.split("\n") if "biuld" in line)
    assert "\x1b[94m" in example


def test_a_misspelt_rule_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "unknwon-need"]) == 2
    assert "did you mean `unknown-need`?" in capsys.readouterr().err


def test_without_a_rule_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[rule.code, rule.name] for rule in rules().values()]
