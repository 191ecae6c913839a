"""Checks files: what the cache knows is taken from it, the rest is analysed, in several processes where it is much.

Results come back in the order of the files, whichever process was first. The front end is loaded only where
a file has to be analysed, and before processes are forked, so that each of them has it for nothing (`workers`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from jobc.cli.lint.cache import LintCache, digest
from jobc.collector import Paused
from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.check.shellcheck import Script
    from jobc.cli.lint.records import Record
    from jobc.diagnostics.diagnostic import Finding
    from jobc.sema.model import SemanticModel
    from jobc.source.file import SourceFile


class Input:
    """A file to check: `shown` is its path in messages, `folder` where its includes are looked for, `data` its bytes."""

    __slots__ = ("data", "folder", "shown")

    def __init__(self, shown: str, folder: str, data: bytes) -> None:
        self.shown = shown
        self.folder = folder
        self.data = data

    @property
    def name(self) -> str:
        return os.path.basename(self.shown)


class Checked:
    """What was found in one file; `problem` where it could not be read as text (then there are no findings).

    `reads` are the files that it includes or triggers, relative to its folder, those that are not there too.
    """

    __slots__ = ("findings", "input", "problem", "reads")

    def __init__(
        self,
        input: Input,
        findings: list[Finding],
        problem: UsageError | None = None,
        reads: Sequence[str] = (),
    ) -> None:
        self.input = input
        self.findings = findings
        self.problem = problem
        self.reads = reads


def read_input(shown: str, cwd: str) -> Input:
    """A file on the disk. Raises UsageError where it cannot be read."""
    path = os.path.join(cwd, shown)
    try:
        with open(path, "rb") as stream:
            return Input(shown, os.path.dirname(path), stream.read())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{shown}: {reason}", help="check the path and its permissions") from None


def check_all(inputs: Sequence[Input], cache: LintCache | None, *, scripts: bool) -> Iterator[Checked]:
    """Check files, in their order; `scripts`: ask ShellCheck about their shell scripts, of all files at once."""
    known: dict[int, Checked] = {}
    keys: dict[int, str] = {}
    if cache is not None:
        for i, input in enumerate(inputs):
            keys[i] = cache.key(input.data, input.name)
            found = _recall(input, keys[i], cache)
            if found is not None:
                known[i] = found
    missing = [i for i in range(len(inputs)) if i not in known]
    if scripts and len(missing) == 1:
        analysed: Iterable[Analysed] = _with_scripts([_alone_beside(inputs[missing[0]])])
    else:
        fresh = _fresh([inputs[i] for i in missing])
        analysed = _with_scripts(list(fresh)) if scripts else fresh
    todo = zip(missing, analysed, strict=True)
    for i in range(len(inputs)):
        if i in known:
            yield known[i]
            continue
        _, result = next(todo)
        if cache is not None and result.record is not None:
            cache.put(keys[i], result.record)
        yield result.checked


class Analysed:
    """A file that was analysed: what was found, its record for the cache, and its shell scripts."""

    __slots__ = ("checked", "record", "scripts")

    def __init__(self, checked: Checked, record: Record | None, scripts: list[Script]) -> None:
        self.checked = checked
        self.record = record
        self.scripts = scripts


def _with_scripts(analysed: list[Analysed]) -> list[Analysed]:
    """Add what ShellCheck says: all scripts are sent at once, and files of which it says something are checked anew."""
    scripts = [script for result in analysed for script in result.scripts]
    if not scripts and not any(map(_allows_scripts, analysed)):
        return analysed
    from jobc.check.runner import check
    from jobc.check.shellcheck import answers

    said = {script for script, comments in answers(scripts).items() if comments}
    return [
        result
        if said.isdisjoint(result.scripts) and not _allows_scripts(result)
        else _analyse(result.checked.input, check)
        for result in analysed
    ]


def _allows_scripts(analysed: Analysed) -> bool:
    """Whether a comment may allow what ShellCheck says, which is stale where it says nothing."""
    data = analysed.checked.input.data
    return (
        analysed.checked.problem is None
        and b"jobc:" in data
        and (b"JC401" in data or b"shell-script" in data)
    )


def check_one(input: Input) -> Checked:
    """Analyse a file here and now."""
    from jobc.check.runner import check

    return _analyse(input, check).checked


def _recall(input: Input, key: str, cache: LintCache) -> Checked | None:
    record = cache.get(key, lambda path: _bytes(os.path.join(input.folder, path)))
    return None if record is None else _restore(input, record)


def _restore(input: Input, record: Record) -> Checked | None:
    """What a record says of a file; None where it does not fit the files as they are."""
    if not record["findings"]:
        return Checked(input, [], reads=[read[0] for read in record["reads"]])
    from jobc.cli.lint.records import to_findings
    from jobc.source.decode import decode

    try:
        files: list[SourceFile | None] = [decode(input.data, input.shown)]
        for path, known in record["reads"]:
            data = None if known is None else _bytes(os.path.join(input.folder, path))
            files.append(None if data is None else decode(data, _beside(input.shown, path)))
        return Checked(input, to_findings(record, files), reads=[read[0] for read in record["reads"]])
    except (ValueError, TypeError, LookupError, AttributeError, UsageError):
        return None


def _fresh(inputs: Sequence[Input]) -> Iterator[Analysed]:
    with Paused():
        if len(inputs) > 2 and hasattr(os, "fork"):
            yield from _shared(inputs)
        else:
            yield from map(_alone, inputs)


def _shared(inputs: Sequence[Input]) -> Iterator[Analysed]:
    """The first file here, which loads the front end; then every process its share."""
    from jobc.cli.lint.workers import Worker, shares
    from jobc.programs import cores

    done = {0: _alone(inputs[0])}
    own, *others = shares([len(input.data) for input in inputs[1:]], cores())
    workers = [Worker([1 + i for i in share], lambda i: _outcome(_alone(inputs[i]))) for share in others]
    for i in own:
        done[1 + i] = _alone(inputs[1 + i])
    for worker in workers:
        for i, outcome in zip(worker.share, worker.results(), strict=False):
            received = _received(inputs[i], *outcome)
            if received is not None:
                done[i] = received
    for i in range(len(inputs)):
        yield done[i] if i in done else _alone(inputs[i])


def _outcome(
    analysed: Analysed,
) -> tuple[Record | None, list[Script], tuple[str, str | None] | None]:
    """What another process found in a file, or why it cannot be read."""
    problem = analysed.checked.problem
    return analysed.record, analysed.scripts, None if problem is None else (str(problem), problem.help)


def _received(
    input: Input, record: Record | None, scripts: list[list[str]], problem: Sequence[str] | None
) -> Analysed | None:
    """The outcome of another process; None where the file is to be checked here."""
    if problem is not None:
        return Analysed(Checked(input, [], UsageError(problem[0], help=problem[1])), None, [])
    restored = None if record is None else _restore(input, record)
    return (
        None if restored is None else Analysed(restored, record, [(shell, text) for shell, text in scripts])
    )


def _alone(input: Input) -> Analysed:
    """Analyse a file without asking other programs."""
    from jobc.check.runner import check_alone

    return _analyse(input, check_alone)


def _alone_beside(input: Input) -> Analysed:
    """As `_alone`, while ShellCheck reads the scripts already."""
    from jobc.check import shellcheck

    def check(model: SemanticModel) -> list[Finding]:
        shellcheck.begin(script for script, _, _ in shellcheck.placed(model))
        from jobc.check.runner import check_alone

        return check_alone(model)

    try:
        with Paused():
            return _analyse(input, check)
    except BaseException:
        shellcheck.abandon()
        raise


def _analyse(input: Input, check: Callable[[SemanticModel], list[Finding]]) -> Analysed:
    from jobc.check.shellcheck import placed
    from jobc.cli.lint.records import to_record
    from jobc.sema.analyze import analyze
    from jobc.source.decode import decode

    try:
        file = decode(input.data, input.shown)
    except UsageError as problem:
        return Analysed(Checked(input, [], problem), None, [])
    files: list[SourceFile | None] = [file]
    reads: dict[str, str | None] = {}

    def load(path: str) -> SourceFile:
        data = _bytes(os.path.join(input.folder, path))
        if path not in reads:
            reads[path] = None if data is None else digest(data)
            files.append(None)
        if data is None:
            missing = not os.path.exists(os.path.join(input.folder, path))
            why = "no such file" if missing else "cannot be read"
            raise UsageError(f"{path}: {why}", help="check the path and its permissions")
        loaded = decode(data, _beside(input.shown, path))
        files[1 + list(reads).index(path)] = loaded
        return loaded

    model = analyze(file, load)
    findings = check(model)
    scripts = [script for script, _, _ in placed(model)]
    checked = Checked(input, findings, reads=list(reads))
    return Analysed(checked, to_record(findings, files, list(reads.items())), scripts)


def _beside(shown: str, path: str) -> str:
    """How messages name a file at `path` relative to the folder of `shown`."""
    return os.path.normpath(os.path.join(os.path.dirname(shown), path)).replace(os.sep, "/")


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (OSError, ValueError):
        return None
