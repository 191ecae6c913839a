"""Which findings a run shows, and how grave they are: `--select`, `--ignore`, and severities of the configuration.

A selector is a code (`JC201`), the beginning of codes (`JC2`, `JC`), or a rule's name (`unknown-need`).
The most specific selector decides, so `--ignore JC1 --select JC105` shows JC105; of two that are equally
specific, `ignore` wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobc.diagnostics.diagnostic import Finding


def matches(selector: str, code: str, name: str) -> bool:
    """Whether a selector means the rule with this code and name."""
    return selector == name or code.startswith(selector.upper())


def choose(
    findings: list[Finding],
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    severities: Mapping[str, str] | None = None,
) -> list[Finding]:
    """The findings that are selected (all where `select` is empty) and not ignored.

    `severities` maps selectors to `error`, `warning` or `info`.
    """
    if not (select or ignore or severities):
        return findings
    kept: list[Finding] = []
    for finding in findings:
        code, name = finding.code, finding.diagnostic.rule
        if not chosen(select, ignore, code, name):
            continue
        if severities:
            own = [key for key in severities if matches(key, code, name)]
            if own:
                key = max(own, key=lambda key: _length(key, code, name))
                finding = Finding(finding.diagnostic, code, severities[key])
        kept.append(finding)
    return kept


def chosen(select: Sequence[str], ignore: Sequence[str], code: str, name: str) -> bool:
    """Whether findings of the rule with this code and name are shown."""
    wanted = _specificity(select, code, name) if select else 0
    return wanted >= 0 and _specificity(ignore, code, name) < max(wanted, 1)


def unknown_selectors(selectors: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The selectors that mean none of the rules; `known` maps rule names to codes."""
    return [s for s in selectors if not s or not any(matches(s, code, name) for name, code in known.items())]


def _length(selector: str, code: str, name: str) -> int:
    return len(code) if selector == name else len(selector)


def _specificity(selectors: Sequence[str], code: str, name: str) -> int:
    """The length of the longest matching selector, -1 where none matches."""
    return max((_length(s, code, name) for s in selectors if matches(s, code, name)), default=-1)
