"""Applies fixes to a file until none is left, and writes the result as the file was written.

After each round the file is checked again, since one mend may make another possible. A round that leaves the
file with new YAML errors is taken back. The new text keeps the encoding, the byte order mark, the line ends
and the mode of the file; it is written beside it and renamed over it, so a reader sees the old file or the new.
"""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Callable

from jobc.check.fixes import applicable, apply
from jobc.cli.lint.checking import Checked, Input, check_one
from jobc.diagnostics.diagnostic import Finding
from jobc.errors import UsageError
from jobc.source.decode import decode

ROUNDS = 50

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

#: Which findings count: those that the options select.
Choose = Callable[[list[Finding]], list[Finding]]


class Fixed:
    """A file after its fixes: `count` were applied, `before` and `after` are its texts, `checked` what remains."""

    __slots__ = ("after", "before", "checked", "count")

    def __init__(self, before: str, after: str, checked: Checked, count: int) -> None:
        self.before = before
        self.after = after
        self.checked = checked
        self.count = count


def fix(checked: Checked, choose: Choose, *, unsafe: bool) -> Fixed:
    """Apply what can be applied to the findings that `choose` selects. Writes nothing."""
    before = text = decode(checked.input.data, checked.input.shown).text
    count = 0
    for _ in range(ROUNDS):
        findings = choose(checked.findings)
        file = next((f.diagnostic.span.file for f in findings if _within(f, checked)), None)
        fixes = applicable(findings, file, unsafe=unsafe) if file is not None else []
        if not fixes:
            break
        changed = apply(text, fixes)
        if changed == text:
            break
        data = encode(changed, checked.input.data)
        again = check_one(Input(checked.input.shown, checked.input.folder, data))
        if again.problem is not None or _broken(again.findings) > _broken(checked.findings):
            break
        text, checked, count = changed, again, count + len(fixes)
    return Fixed(before, text, checked, count)


def _within(finding: Finding, checked: Checked) -> bool:
    return finding.diagnostic.span.file.path == checked.input.shown


def _broken(findings: list[Finding]) -> int:
    return sum(finding.diagnostic.rule == "yaml-syntax" for finding in findings)


def encode(text: str, original: bytes) -> bytes:
    """The bytes of a text in the encoding of `original`, with its byte order mark if it has one."""
    for mark, name in _MARKS:
        if original.startswith(mark):
            return mark + text.encode(name)
    return text.encode()


def write(path: str, data: bytes) -> None:
    """Replace the content of a file in one step; a symbolic link stays one. Raises UsageError where it cannot be."""
    target = os.path.realpath(path)
    try:
        mode = os.stat(target).st_mode
        handle, scratch = tempfile.mkstemp(prefix=".jobc-", dir=os.path.dirname(target))
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(scratch, mode & 0o7777)
            os.replace(scratch, target)
        except BaseException:
            os.unlink(scratch)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path}: cannot be written: {reason}", help="check its permissions") from None


def diff(fixed: Fixed) -> str:
    """What changed, as a unified diff."""
    from difflib import unified_diff

    name = fixed.checked.input.shown
    lines = unified_diff(
        fixed.before.splitlines(keepends=True), fixed.after.splitlines(keepends=True), name, name
    )
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
