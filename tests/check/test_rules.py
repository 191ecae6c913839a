"""Every rule, by its fixtures: `bad.yml` shows its findings, `ok.yml` must stay silent.

`bad.out` is what `jobc lint` prints for `bad.yml`; `pytest --update-golden` rewrites it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jobc.check import registry
from jobc.check.fixes import applicable, apply
from jobc.check.runner import check
from jobc.diagnostics.diagnostic import SEVERITIES, Finding
from jobc.diagnostics.render import render
from jobc.errors import UsageError
from jobc.sema.analyze import analyze
from jobc.source.decode import decode, read_file
from jobc.source.file import SourceFile

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "rules"
RULES = registry.rules()
FIXABLE = [name for name, rule in RULES.items() if rule.fixable != "no"]


def lint(file: SourceFile, folder: Path) -> list[Finding]:
    def load(path: str) -> SourceFile:
        return read_file(str(folder / path), path)

    return check(analyze(file, load))


def lint_fixture(rule: str, name: str) -> list[Finding]:
    folder = FIXTURES / rule
    return lint(decode((folder / name).read_bytes(), name), folder)


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_file_shows_the_rule_as_its_golden_output_says(
    rule: str, golden: Callable[[str, Path], None]
) -> None:
    findings = lint_fixture(rule, "bad.yml")
    assert any(finding.diagnostic.rule == rule for finding in findings)
    golden(render(findings, "full", files=1), FIXTURES / rule / "bad.out")


@pytest.mark.parametrize("rule", RULES)
def test_the_good_file_stays_silent(rule: str) -> None:
    findings = [f for f in lint_fixture(rule, "ok.yml") if f.severity != "info"]
    assert not findings, render(findings, "concise", files=1)


@pytest.mark.parametrize("rule", RULES)
def test_every_finding_says_how_to_mend_it_in_one_line(rule: str) -> None:
    for finding in lint_fixture(rule, "bad.yml"):
        diagnostic = finding.diagnostic
        assert diagnostic.help, diagnostic
        assert "\n" not in diagnostic.message
        assert "\n" not in diagnostic.help
        assert diagnostic.message[-1] not in ".!", diagnostic.message


@pytest.mark.parametrize("rule", FIXABLE)
def test_fixes_mend_what_they_promise_and_leave_nothing_to_do(rule: str) -> None:
    folder = FIXTURES / rule
    file = decode((folder / "bad.yml").read_bytes(), "bad.yml")
    findings = lint(file, folder)
    promised = [f for f in findings if f.diagnostic.rule == rule and f.diagnostic.fix]
    assert promised, "a fixable rule shows a fix in its fixture"
    for _ in range(20):
        fixes = applicable([f for f in findings if f.diagnostic.rule == rule], file, unsafe=True)
        if not fixes:
            break
        file = SourceFile(file.path, apply(file.text, fixes))
        findings = lint(file, folder)
    assert not applicable([f for f in findings if f.diagnostic.rule == rule], file, unsafe=True)
    left = [f for f in findings if f.diagnostic.rule == rule]
    unfixable = [
        f for f in lint_fixture(rule, "bad.yml") if f.diagnostic.rule == rule and not f.diagnostic.fix
    ]
    assert len(left) <= len(unfixable), render(left, "full", files=1)
    assert not any(f.diagnostic.rule == "yaml-syntax" for f in findings)


@pytest.mark.parametrize("rule", RULES)
def test_only_rules_that_say_so_have_fixes(rule: str) -> None:
    for finding in lint_fixture(rule, "bad.yml"):
        fix = finding.diagnostic.fix
        if fix is not None:
            declared = RULES[finding.diagnostic.rule].fixable
            assert declared != "no"
            assert fix.safe or finding.diagnostic.rule in ("missing-need",) or declared == "unsafe"


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_page_with_its_sections(rule: str) -> None:
    page = registry.docs(RULES[rule])
    sections = re.findall(r"^## (.+)$", page, re.MULTILINE)
    wanted = ["What it does", "Why is this bad?", "Example"]
    if RULES[rule].fixable != "no":
        wanted.append("Fix safety")
    assert [s for s in sections if s in wanted] == wanted
    assert page.count("```yaml") >= 2, "an example and what to write instead"


def test_codes_and_names_are_unique_and_well_formed() -> None:
    codes = [rule.code for rule in RULES.values()]
    shared = {code for code in codes if codes.count(code) > 1}
    assert shared <= {"JC211", "JC303"}, "one code, several names: only where CHECKS says so"
    for name, rule in RULES.items():
        assert re.fullmatch(r"JC\d{3}", rule.code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert rule.severity in SEVERITIES
        assert rule.summary


def test_every_fixture_folder_belongs_to_a_rule() -> None:
    assert {folder.name for folder in FIXTURES.iterdir() if folder.is_dir()} == set(RULES)


def test_every_rule_that_a_phase_reports_is_registered() -> None:
    named: set[str] = set()
    for folder in ("source", "syntax", "sema"):
        for path in (ROOT / "src" / "jobc" / folder).rglob("*.py"):
            text = path.read_text()
            named.update(re.findall(r'(?:Diagnostic|Problem)\(\s*"([a-z-]+)"', text))
            named.update(re.findall(r'rule="([a-z-]+)"', text))
    assert named
    assert named <= set(RULES)


def test_an_unreadable_include_is_a_finding_not_a_crash() -> None:
    def load(path: str) -> SourceFile:
        raise UsageError(f"{path}: no such file")

    file = SourceFile("a.job.yml", "include: gone.yml\njobs:\n  a:\n    stages: [{echo: hi}]\n")
    findings = check(analyze(file, load))
    assert findings
    assert all(finding.diagnostic.span.file is file for finding in findings)


@pytest.mark.parametrize("rule", RULES)
def test_the_example_of_a_page_shows_the_rule_and_what_to_use_instead_does_not(rule: str) -> None:
    """Where an example is a whole file; fragments of one cannot be checked alone."""
    bad, _, good = registry.docs(RULES[rule]).partition("Use instead")
    for part, shown in ((bad, True), (good, False)):
        for example in re.findall(r"^```yaml\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
            if re.search(r"^jobs:", example, re.MULTILINE) and "uses:" not in example:
                findings = lint(SourceFile("page.job.yml", example), FIXTURES / rule)
                assert any(f.diagnostic.rule == rule for f in findings) == shown, example
