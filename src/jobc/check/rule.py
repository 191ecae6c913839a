"""What a rule is. A rule's module holds `RULE`, a docstring that is its documentation page, and `check`.

    RULE = Rule("JC201", "unknown-need", ERROR, "a need that names no job")

    def check(model: SemanticModel) -> Iterator[Diagnostic]: ...

Rules whose findings a phase makes on its way (`source`, `syntax`, `sema`) have no `check`: their file
still is their registration and their page. The runner finds rules by listing `check/rules/`.
"""

from __future__ import annotations


class Rule:
    """`code` is stable (`JC201`), `name` reads as "allow X", `severity` is the default, `summary` one line for the index."""

    __slots__ = ("code", "fixable", "name", "severity", "summary")

    def __init__(self, code: str, name: str, severity: str, summary: str, *, fixable: str = "no") -> None:
        self.code = code
        self.name = name
        self.severity = severity
        self.summary = summary
        #: `no`, `safe` or `unsafe`: what its fixes are.
        self.fixable = fixable
