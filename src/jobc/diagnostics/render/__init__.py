"""Findings as text: one module a format."""

from __future__ import annotations

from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobc.diagnostics.diagnostic import Finding
    from jobc.diagnostics.render.sarif import Tool

#: format → its module, which has `render(findings, *, files, color, width) -> str`.
FORMATS = {
    "full": "jobc.diagnostics.render.full",
    "concise": "jobc.diagnostics.render.concise",
    "json": "jobc.diagnostics.render.json_",
    "jsonl": "jobc.diagnostics.render.jsonl",
    "sarif": "jobc.diagnostics.render.sarif",
    "github": "jobc.diagnostics.render.github",
    "junit": "jobc.diagnostics.render.junit",
}
#: Formats that say what jobc and its rules are; they need a `Tool`.
DESCRIBING = frozenset(("sarif",))


def render(
    findings: Sequence[Finding],
    format: str,
    *,
    files: int,
    color: bool = False,
    width: int | None = None,
    tool: Tool | None = None,
) -> str:
    """The findings in `format`, in the order given, with an end of line after the last line.

    `files` is how many files were looked at; `width` the columns of the terminal (None: no limit on
    lines of words, and long source lines are cut at 140); `tool` is what jobc is, for the formats that are
    `DESCRIBING`. Raises UsageError for an unknown format.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format `{format}`", help="formats: " + ", ".join(FORMATS))
    if not findings and format in ("full", "concise"):
        from jobc.diagnostics.render.summary import summarize

        return summarize(findings, files) + "\n"
    module = __import__(FORMATS[format], fromlist=["render"])
    if format in DESCRIBING:
        described: str = module.render(findings, tool)
        return described
    text: str = module.render(findings, files=files, color=color, width=width)
    return text
