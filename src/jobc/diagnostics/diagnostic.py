"""A finding: what is wrong, where, what it has to do with other places, and how to mend it.

Phases and rules make `Diagnostic`s that name their rule; the rule's own file (`check/rules/`) says
the code and the severity, so a finding never repeats them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.source.file import Span
    from jobc.source.nodes import Problem

ERROR = "error"
WARNING = "warning"
INFO = "info"
SEVERITIES = (ERROR, WARNING, INFO)


class Label:
    """Words at another place that the finding has to do with."""

    __slots__ = ("message", "span")

    def __init__(self, span: Span, message: str) -> None:
        self.span = span
        self.message = message if message.isprintable() else _shown(message)


class Edit:
    """Replace the text of a span."""

    __slots__ = ("span", "text")

    def __init__(self, span: Span, text: str) -> None:
        self.span = span
        self.text = text


class Fix:
    """Edits that mend a finding. `safe`: the file's behaviour stays, or the file had none before."""

    __slots__ = ("edits", "message", "safe")

    def __init__(self, message: str, edits: list[Edit], *, safe: bool) -> None:
        self.message = message
        self.edits = edits
        self.safe = safe


class Diagnostic:
    """One finding of rule `rule` (its kebab-case name).

    `message` states the finding in one line; `help` the remedy in one line. `label` are the few
    words printed under the underlined columns (default none). `confidence` is `high`, `medium` or `low`.
    `severity` is what this finding weighs where that is not what its rule says.
    """

    __slots__ = ("confidence", "fix", "help", "label", "message", "related", "rule", "severity", "span")

    def __init__(
        self,
        rule: str,
        message: str,
        span: Span,
        *,
        help: str = "",
        label: str = "",
        related: tuple[Label, ...] = (),
        fix: Fix | None = None,
        confidence: str = "high",
        severity: str | None = None,
    ) -> None:
        self.rule = rule
        self.message = message if message.isprintable() else _shown(message)
        self.span = span
        self.help = help if help.isprintable() else _shown(help)
        self.label = label if label.isprintable() else _shown(label)
        self.related = related
        self.fix = fix
        self.confidence = confidence
        self.severity = severity

    @classmethod
    def of_problem(cls, problem: Problem) -> Diagnostic:
        related = tuple(Label(span, words) for span, words in problem.related)
        return cls(problem.rule, problem.message, problem.span, help=problem.help, related=related)

    def __repr__(self) -> str:
        return f"Diagnostic({self.rule}, {self.message!r}, {self.span!r})"


def _shown(text: str) -> str:
    """The text on one line: names in a file may hold line ends, and characters that a terminal obeys."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Finding:
    """A diagnostic with its rule's code and its severity in this run: what surfaces render."""

    __slots__ = ("code", "diagnostic", "severity")

    def __init__(self, diagnostic: Diagnostic, code: str, severity: str) -> None:
        self.diagnostic = diagnostic
        self.code = code
        self.severity = severity

    @property
    def sort_key(self) -> tuple[str, int, int, str]:
        span = self.diagnostic.span
        return span.file.path, span.line, span.column, self.code
