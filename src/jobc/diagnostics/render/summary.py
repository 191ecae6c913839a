"""The last line: how many findings of each severity, in how many files, and what `--fix` would mend."""

from __future__ import annotations

from jobc.diagnostics.diagnostic import INFO, SEVERITIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobc.diagnostics.diagnostic import Finding


def summarize(findings: Sequence[Finding], files: int) -> str:
    """E.g. `3 errors, 1 warning in 2 files (2 fixable with --fix)`; without findings, what was checked."""
    if not findings:
        return f"no findings in {_count(files, 'file')}"
    counts = []
    for severity in SEVERITIES:
        number = sum(finding.severity == severity for finding in findings)
        if number:
            counts.append(f"{number} info" if severity == INFO else _count(number, severity))
    paths = {finding.diagnostic.span.file.path for finding in findings}
    safe = sum(finding.diagnostic.fix is not None and finding.diagnostic.fix.safe for finding in findings)
    unsafe = sum(
        finding.diagnostic.fix is not None and not finding.diagnostic.fix.safe for finding in findings
    )
    mends = []
    if safe:
        mends.append(f"{safe} fixable with --fix")
    if unsafe:
        mends.append(f"{unsafe} with --fix --unsafe" if safe else f"{unsafe} fixable with --fix --unsafe")
    return f"{', '.join(counts)} in {_count(len(paths), 'file')}" + (
        f" ({', '.join(mends)})" if mends else ""
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
