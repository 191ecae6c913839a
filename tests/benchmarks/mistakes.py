"""Sixty mistakes that people really make, and which of them jobc, actionlint and zizmor find.

Each mistake is one page of `tests/benchmarks/mistakes/`: what happens, the rules of jobc that may say it, and the one edit
that makes it, shown as a difference over the whole correct file, once as a jobs file and once as the workflow of GitHub that
means the same. The first character of a line is that of a difference, and `!` marks a line that stays and where a finding
counts too:

    ` ` in both files    `-` only in the correct one    `+` only in the mistaken one    `!` in both, and a place of the mistake

**Correct** files give no error and no warning of jobc, and nothing at all of the peers. **Found** is a finding that the correct file
does not give, on a line with `+` or `!`; for jobc it must be of a rule that the page names. For the peers any message counts, and
wherever they cannot read the file at all.

A page without an equivalent says why; such mistakes are not counted against the peers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from jobc.check.runner import check
from jobc.diagnostics.diagnostic import INFO
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile

FOLDER = Path(__file__).with_suffix("")
PAGE = Path(__file__).parents[2] / "docs" / "compared.md"
NOTHING = "No equivalent: "

_PAGE = re.compile(
    r"# (?P<title>[^\n]+)\n\n(?:(?P<story>\S[^#]+?)\n\n)?Found by: (?P<rules>.+)\n\n"
    r"## jobc\n\n(?P<jobc>.+)\n\n## GitHub Actions\n\n(?P<github>.+)\n",
    re.DOTALL,
)
_FENCED = re.compile(r"```diff\n(.+)\n```", re.DOTALL)


class Edit:
    """The correct text, the mistaken one, and the lines of the latter, from 1, at which a finding counts."""

    def __init__(self, difference: str) -> None:
        lines = difference.split("\n")
        strange = [line for line in lines if line[:1] not in (" ", "-", "+", "!")]
        if strange:
            raise ValueError(f"begin this line with a blank, `-`, `+` or `!`: {strange[0]!r}")
        after = [line for line in lines if line[0] != "-"]
        self.correct = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
        self.mistaken = "".join(line[1:] + "\n" for line in after)
        self.places = {number for number, line in enumerate(after, 1) if line[0] in "+!"}
        if not self.places or self.correct == self.mistaken:
            raise ValueError("a mistake needs a place, and an edit that makes it")


class Mistake:
    """One page: `github` is None where there is no equivalent, and `why` then says the reason."""

    def __init__(self, path: Path) -> None:
        page = _PAGE.fullmatch(path.read_text(encoding="utf-8"))
        if page is None:
            raise ValueError(f"{path.name} has not the parts of a mistake")
        self.name = path.stem
        self.title = page["title"]
        self.rules = frozenset(re.findall(r"`([a-z-]+)`", page["rules"]))
        self.jobc = _edit(page["jobc"], path)
        self.why = page["github"].removeprefix(NOTHING) if page["github"].startswith(NOTHING) else None
        self.github = None if self.why else _edit(page["github"], path)


def _edit(text: str, path: Path) -> Edit:
    fenced = _FENCED.fullmatch(text)
    if fenced is None:
        raise ValueError(f"{path.name} has not one block of a difference: {text[:40]!r}")
    return Edit(fenced[1])


def mistakes() -> list[Mistake]:
    return [Mistake(path) for path in sorted(FOLDER.glob("*.md"))]


class Found:
    """One finding: `serious` is an error or a warning."""

    def __init__(self, rule: str, message: str, line: int, serious: bool) -> None:
        self.rule = rule
        self.message = message
        self.line = line
        self.serious = serious


def lint(text: str) -> list[Found]:
    """What jobc says of a file."""
    file = SourceFile("mistake.job.yml", text)
    return [
        Found(
            finding.diagnostic.rule,
            finding.diagnostic.message,
            file.position(finding.diagnostic.span.start)[0],
            finding.severity != INFO,
        )
        for finding in check(analyze(file))
    ]


def fresh(edit: Edit, before: Iterable[Found], after: Iterable[Found]) -> Iterator[Found]:
    """The findings of the mistaken file at its places that the correct file does not give."""
    known = {(found.rule, found.message) for found in before}
    return (
        found
        for found in after
        if (found.line in edit.places or not found.line) and (found.rule, found.message) not in known
    )


def found_by_jobc(mistake: Mistake) -> list[Found]:
    """The findings that name the mistake, errors and warnings first."""
    edit = mistake.jobc
    named = [f for f in fresh(edit, lint(edit.correct), lint(edit.mistaken)) if f.rule in mistake.rules]
    return sorted(named, key=lambda found: not found.serious)


def shown(found: list[Found]) -> str:
    """A cell of the table: the rule, and whether it is only advice."""
    if not found:
        return "—"
    return f"`{found[0].rule}`" + ("" if found[0].serious else " (advice)")


def report() -> None:
    """Print the page of the comparison, and write it into the documentation."""
    from tests.benchmarks.mistakes_page import write

    print(write(PAGE))
