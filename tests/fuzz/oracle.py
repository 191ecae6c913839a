"""What must hold for the checker, whatever the bytes of a file.

- Nothing is raised, and the work is bounded: `ALLOWED` seconds of processor time, and some more for each byte.
- Every place that a finding names lies in a file that was read, and every finding says how to mend it, in one line.
- Findings can be rendered.
- Fixes can be applied, one by one and all together, and bring no new YAML errors; safe ones leave the program as it was.
- A file without errors lowers to a program that survives being written and read.
"""

from __future__ import annotations

import signal
from itertools import pairwise
from types import FrameType

from jobc.check.fixes import apply
from jobc.check.runner import check_alone
from jobc.check.suppression import MARK
from jobc.cli.lint.checking import Input, check_one
from jobc.cli.lint.fixing import fix
from jobc.diagnostics.diagnostic import ERROR, SEVERITIES, Finding
from jobc.diagnostics.render import render
from jobc.errors import CompileError, UsageError
from jobc.ir import codec
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.sema.model import SemanticModel
from jobc.source.compose import compose
from jobc.source.decode import decode
from jobc.source.file import SourceFile, Span
from tests.fuzz.seeds import beside

ALLOWED = 3.0
PER_BYTE = 0.001

#: How far a file came.
UNREADABLE, BROKEN, FAULTY, LOWERED = "unreadable", "broken", "faulty", "lowered"


class TooLong(BaseException):
    """The work on one input took more than its share of processor time."""


def examine(data: bytes) -> str:
    """Check one input; raises whatever was found wrong with the checker, and says how far the file came."""

    def expired(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"more than {allowed:.1f} s for {len(data)} bytes")

    allowed = ALLOWED + PER_BYTE * len(data)
    before = signal.signal(signal.SIGVTALRM, expired)
    signal.setitimer(signal.ITIMER_VIRTUAL, allowed)
    try:
        return _examine(data)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _load(path: str) -> SourceFile:
    data = beside().get(path.rsplit("/", 1)[-1])
    if data is None:
        raise UsageError(f"{path}: cannot be read", help="check the path and its permissions")
    return decode(data, path)


def _examine(data: bytes) -> str:
    try:
        file = decode(data, "fuzz.job.yml")
    except UsageError:
        return UNREADABLE
    model = analyze(file, _load)
    findings = check_alone(model)
    for finding in findings:
        _well_formed(finding, model)
    for format in ("full", "json"):
        render(findings, format, files=1)
    _fixes_apply(findings, file)
    if any(finding.diagnostic.rule == "yaml-syntax" for finding in findings):
        return BROKEN
    before = _programs(model, findings)
    _fixed(data, before)
    return FAULTY if before is None else LOWERED


def _well_formed(finding: Finding, model: SemanticModel) -> None:
    diagnostic = finding.diagnostic
    assert finding.severity in SEVERITIES
    assert diagnostic.message
    assert diagnostic.help, diagnostic
    for words in (
        diagnostic.message,
        diagnostic.help,
        diagnostic.label,
        *(label.message for label in diagnostic.related),
    ):
        assert words.isprintable(), diagnostic
    spans = [diagnostic.span, *(label.span for label in diagnostic.related)]
    if diagnostic.fix is not None:
        assert diagnostic.fix.edits, diagnostic
        spans += [edit.span for edit in diagnostic.fix.edits]
    for span in spans:
        _inside(span, model, diagnostic)


def _inside(span: Span, model: SemanticModel, diagnostic: object) -> None:
    assert any(span.file is file for file in model.files), diagnostic
    assert 0 <= span.start <= span.end <= len(span.file.text), diagnostic
    assert (span.line, span.column) <= (span.end_line, span.end_column), diagnostic


def _fixes_apply(findings: list[Finding], file: SourceFile) -> None:
    for finding in findings:
        made = finding.diagnostic.fix
        if made is None or any(edit.span.file is not file for edit in made.edits):
            continue
        edits = sorted(made.edits, key=lambda edit: edit.span.start)
        for one, next_ in pairwise(edits):
            assert one.span.end <= next_.span.start, finding.diagnostic
        _still_yaml(apply(file.text, [made]), file, finding.diagnostic)


def _still_yaml(text: str, file: SourceFile, what: object) -> None:
    """What was YAML still is; in what was none, a fix may uncover more, and is taken back (`cli.lint.fixing`)."""
    if not compose(file).problems:
        assert not compose(SourceFile(file.path, text)).problems, (what, text)


def _programs(model: SemanticModel, findings: list[Finding]) -> dict[str, bytes] | None:
    """The programs of a file by workflow; None where it has errors."""
    if model.diagnostics or any(finding.severity == ERROR for finding in findings) or not model.workflows:
        return None
    made: dict[str, bytes] = {}
    for workflow in model.workflows:
        try:
            program = lower(model, workflow.name)
        except CompileError:
            assert MARK in model.document.file.text, "only an error that a comment allows is seen first here"
            return None
        made[workflow.name] = codec.dumps(program)
        assert codec.dumps(codec.loads(made[workflow.name])) == made[workflow.name]
    return made


def _fixed(data: bytes, before: dict[str, bytes] | None) -> None:
    """Fixing ends, leaves nothing to fix, and brings no error; a file that had a program still has one."""
    checked = check_one(Input("fuzz.job.yml", "/nonexistent", data))
    if not any(finding.diagnostic.fix for finding in checked.findings):
        return
    for unsafe in (False, True):
        result = fix(checked, lambda findings: findings, unsafe=unsafe)
        again = fix(result.checked, lambda findings: findings, unsafe=unsafe)
        assert again.after == result.after, result.after
        if before is not None and not unsafe:
            model = analyze(SourceFile("fuzz.job.yml", result.after), _load)
            after = _programs(model, check_alone(model))
            assert after is not None, result.after
            assert after.keys() == before.keys(), result.after
