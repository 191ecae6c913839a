"""From a path to a program: what every command that needs a compiled file calls.

A file with errors is refused whole: every error of it (and of the files that it includes) is in the
CompileError, as the finding that `jobc lint` shows.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jobc.cli.context import Context
from jobc.collector import Paused
from jobc.errors import CompileError, UsageError

if TYPE_CHECKING:
    from jobc.diagnostics.diagnostic import Finding
    from jobc.ir.program import Program
    from jobc.sema.model import SemanticModel
    from jobc.source.file import SourceFile


def load_program(path: str, entry: str | None, context: Context, *, stdin_name: str | None = None) -> Program:
    """The program of the file at `path` (`-` is standard input, which `stdin_name` names in messages).

    `entry` names the workflow to start with; see `lower.program.choose_entry` for None. Raises CompileError
    with Findings where the file has errors, UsageError where it cannot be read or the entry cannot be told.
    """
    with Paused():
        return lower_model(load_model(path, context, stdin_name=stdin_name), entry, context)


def load_model(path: str, context: Context, *, stdin_name: str | None = None) -> SemanticModel:
    """The analysed file, whatever errors it has. Included files are read relative to its folder."""
    from jobc.sema.analyze import analyze
    from jobc.source.decode import read_file

    file = read_source(path, context, stdin_name=stdin_name)
    folder = os.path.dirname(file.path)

    def load(relative: str) -> SourceFile:
        shown = os.path.normpath(os.path.join(folder, relative))
        return read_file(os.path.join(context.cwd, shown), shown)

    return analyze(file, load)


def read_source(path: str, context: Context, *, stdin_name: str | None = None) -> SourceFile:
    """The text of the file at `path`, or of standard input for `-`."""
    from jobc.source.decode import decode, read_file

    if path != "-":
        return read_file(os.path.join(context.cwd, path), path)
    stream = context.stdin
    buffer = getattr(stream, "buffer", None)
    data = buffer.read() if buffer is not None else stream.read().encode("utf-8", "surrogateescape")
    return decode(data, stdin_name or "stdin.job.yml")


def lower_model(model: SemanticModel, entry: str | None, context: Context) -> Program:
    """The program of an analysed file; raises as `load_program`."""
    from jobc.check.runner import check_alone
    from jobc.lower.program import lower

    path = model.document.file.path
    findings = check_alone(model, severities=context.config.lint_severity)
    errors = [finding for finding in findings if _is_error(finding)]
    if errors:
        raise refusal(path, errors)
    try:
        return lower(model, entry)
    except CompileError as error:
        findings = _findings(error)
        if not findings:
            raise
        raise refusal(path, findings) from None


def refusal(path: str, errors: list[Finding]) -> CompileError:
    count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
    return CompileError(f"{path} has {count}, so it cannot be compiled", errors)


def _is_error(finding: Finding) -> bool:
    from jobc.diagnostics.diagnostic import ERROR

    return finding.severity == ERROR


def _findings(error: CompileError) -> list[Finding]:
    """The findings of what lowering refused: errors that a comment or the settings hide, and that stay errors here."""
    from jobc.check.registry import rules
    from jobc.diagnostics.diagnostic import ERROR, Diagnostic, Finding

    known = rules()
    return [Finding(d, known[d.rule].code, ERROR) for d in error.diagnostics if isinstance(d, Diagnostic)]


def split_entry(text: str, context: Context) -> tuple[str, str | None]:
    """The path, and the workflow after `#` (`etl.job.yml#nightly`); a file whose name holds a `#` is found as it is."""
    if "#" not in text or os.path.exists(os.path.join(context.cwd, text)):
        return text, None
    path, _, entry = text.rpartition("#")
    if not path or not entry:
        raise UsageError(f"`{text}` names no file and workflow", help="write it as etl.job.yml#nightly")
    return path, entry


def output_name(path: str, suffix: str = ".jobc.json") -> str:
    """The name of what a file compiles to: `etl.job.yml` → `etl.jobc.json`."""
    name = os.path.basename(path)
    for ending in (".yml", ".yaml"):
        if name.endswith(ending):
            name = name[: -len(ending)]
            break
    for ending in (".job", ".jobs"):
        if name.endswith(ending) and name != ending:
            name = name[: -len(ending)]
            break
    return name + suffix


def write_atomically(path: str, data: bytes) -> None:
    """Write a file whole or not at all; one that holds these bytes already is left alone."""
    import tempfile

    try:
        with open(path, "rb") as present:
            if present.read() == data:
                return
    except OSError:
        pass
    folder, name = os.path.split(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror}", help="`-o` takes a path in an existing folder"
        ) from None
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            raise UsageError(
                f"{path}: cannot be written: {error.strerror}", help="name another file with `-o`"
            ) from None
        raise
