"""Names for findings that stay the same while lines move: what a baseline and SARIF know a finding again by.

A fingerprint is made of the rule, the file, the message, and the text of the line that the finding begins on, blanks
apart; where several findings agree in all of these, of their number among them too. It changes when the line itself or
what is said of it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from jobc.diagnostics.diagnostic import Finding


def fingerprints(findings: Sequence[Finding], path_of: Callable[[str], str] | None = None) -> list[str]:
    """One for each finding, in their order; `path_of` says how files are named (as they are shown)."""
    seen: dict[str, int] = {}
    made: list[str] = []
    for finding in findings:
        diagnostic = finding.diagnostic
        file = diagnostic.span.file
        path = file.path if path_of is None else path_of(file.path)
        line = " ".join(file.line_text(file.position(diagnostic.span.start)[0]).split())
        parts = (finding.code, diagnostic.rule, path, diagnostic.message, line)
        base = "\0".join(parts)
        number = seen.get(base, 0)
        seen[base] = number + 1
        made.append(blake2b(f"{base}\0{number}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
    return made
