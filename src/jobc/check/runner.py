"""Runs the rules over a semantic model, and makes findings of everything that the phases and the rules report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobc.check import registry
from jobc.check.selection import choose
from jobc.check.suppression import MARK, Covering, stale, suppressions
from jobc.diagnostics.diagnostic import Diagnostic, Finding
from jobc.sema.model import SemanticModel
from jobc.source.file import SourceFile
from jobc.source.nodes import Node


def check(
    model: SemanticModel,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    severities: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Every finding of a file and of the files that it includes, sorted by place, each once.

    `select`, `ignore` and `severities` are as in `check.selection`; suppressed findings are left out. Other
    programs (ShellCheck) are asked too; raises UsageError where one of them does not work.
    """
    diagnostics = _own(model)
    for rule_check in registry.program_checks():
        diagnostics.extend(rule_check(model))
    return choose(_ordered(diagnostics, model, registry.unavailable()), select, ignore, severities)


def check_alone(model: SemanticModel, *, severities: Mapping[str, str] | None = None) -> list[Finding]:
    """`check` without the findings of other programs: what a compiler has to know."""
    return choose(_ordered(_own(model), model, registry.needing_programs()), severities=severities)


def _own(model: SemanticModel) -> list[Diagnostic]:
    diagnostics = list(model.diagnostics)
    for rule_check in registry.checks():
        diagnostics.extend(rule_check(model))
    return diagnostics


def _ordered(diagnostics: list[Diagnostic], model: SemanticModel, skipped: frozenset[str]) -> list[Finding]:
    """The findings in their order; `skipped` are rules that were not run."""
    if not diagnostics and MARK not in model.document.file.text:
        return []
    from jobc.check.consequences import without_consequences

    diagnostics = without_consequences(diagnostics, model)
    findings = _suppress(_findings(diagnostics), model, skipped)
    findings.sort(key=lambda finding: (*finding.sort_key, finding.diagnostic.message))
    return findings


def _findings(diagnostics: list[Diagnostic]) -> list[Finding]:
    """A node that an alias repeats, or a file that is included twice, would say the same thing twice."""
    rules = registry.rules()
    seen: set[tuple[str, str, str, int, int]] = set()
    findings: list[Finding] = []
    for diagnostic in diagnostics:
        span = diagnostic.span
        key = (diagnostic.rule, diagnostic.message, span.file.path, span.start, span.end)
        if key not in seen:
            seen.add(key)
            rule = rules[diagnostic.rule]
            findings.append(Finding(diagnostic, rule.code, diagnostic.severity or rule.severity))
    return findings


def _suppress(findings: list[Finding], model: SemanticModel, skipped: frozenset[str]) -> list[Finding]:
    """The findings that no comment covers, and those about comments of the file itself that cover nothing.

    What other files allow may be about how a file is used from there, so nothing is said of their comments.
    """
    main = model.document.file
    by_file: dict[SourceFile, Covering] = {main: Covering(suppressions(main, _roots(main, model)))}
    kept: list[Finding] = []
    for finding in findings:
        file = finding.diagnostic.span.file
        if file not in by_file:
            by_file[file] = Covering(suppressions(file, _roots(file, model)))
        covering = by_file[file].of(finding.diagnostic, finding.code)
        for suppression in covering:
            suppression.used.update((finding.diagnostic.rule, finding.code))
        if not covering:
            kept.append(finding)
    if by_file[main].all:
        about = _findings(list(stale(main, by_file[main].all, skipped)))
        kept += [f for f in about if not by_file[main].of(f.diagnostic, f.code)]
    return kept


def _roots(file: SourceFile, model: SemanticModel) -> Sequence[Node | None]:
    if file is model.document.file:
        return model.document.root
    if "jobc:" not in file.text:
        return ()
    from jobc.source.compose import compose

    return compose(file).documents
