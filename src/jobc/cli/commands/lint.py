"""`jobc lint [PATHS]`: check jobs files, and mend what can be mended.

Exit codes: 0 nothing of the severity that `--fail-on` names, 1 something, 2 wrong usage or a file that cannot
be read (the others are checked all the same).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from jobc.cli.context import Context
from jobc.collector import Paused
from jobc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.check.rule import Rule
    from jobc.cli.lint.checking import Checked, Input
    from jobc.diagnostics.diagnostic import Finding
    from jobc.diagnostics.render.sarif import Tool

SEVERITIES = ("error", "warning", "info")


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="files, folders, globs, or - for standard input")
    formats = ("full", "concise", "json", "jsonl", "sarif", "github", "junit")
    add("--format", choices=formats, default="full", help="how to show findings")
    add("--fix", action="store_true", help="apply safe fixes, then show what remains")
    add("--unsafe", action="store_true", help="with --fix or --diff: apply unsafe fixes too")
    add("--diff", action="store_true", help="show what --fix would change, and change nothing")
    add(
        "--select",
        action="append",
        metavar="RULES",
        help="only these rules: codes, beginnings of codes, names",
    )
    add("--ignore", action="append", metavar="RULES", help="all rules but these")
    add("--fail-on", choices=SEVERITIES, help="exit 1 from this severity up (default: warning)")
    add("--baseline", metavar="FILE", help="leave out the findings that FILE holds")
    add("--write-baseline", metavar="FILE", help="write what is found to FILE, for --baseline, and exit 0")
    add("--watch", action="store_true", help="check again whenever a file changes, until interrupted")
    add("--no-cache", action="store_true", help="check every file, changed or not")
    add("--statistics", action="store_true", help="count findings by rule instead of showing them")
    add("--stdin-filename", metavar="PATH", help="the name of what is read from standard input")
    parser.epilog = "Without PATH: the files that the configuration names."


def run(args: argparse.Namespace, context: Context) -> int:
    return Lint(args, context).run()


class Lint:
    """One run of the command."""

    __slots__ = (
        "_args",
        "_context",
        "_ignore",
        "_read",
        "_select",
        "_severities",
        "_shellcheck",
        "_unreadable",
    )

    def __init__(self, args: argparse.Namespace, context: Context) -> None:
        config = context.config
        self._args = args
        self._context = context
        self._select = _words(args.select) or list(config.lint_select)
        self._ignore = [*_words(args.ignore), *config.lint_ignore]
        self._severities = config.lint_severity
        self._unreadable = False
        #: The files of the last round, for `--watch`.
        self._read: list[str] = []
        if args.watch and "-" in args.paths:
            raise UsageError("standard input cannot be watched", help="name files or folders")
        if args.watch and (args.write_baseline or args.diff):
            raise UsageError(
                "`--watch` goes with checking and `--fix` alone", help="run the other one by itself"
            )
        if args.write_baseline and (args.fix or args.diff):
            raise UsageError(
                "`--write-baseline` changes no files",
                help="run `jobc lint --fix` first, then write the baseline",
            )
        if args.unsafe and not (args.fix or args.diff):
            raise UsageError("`--unsafe` does nothing by itself", help="use it with `--fix` or `--diff`")
        self._check_selectors()
        self._shellcheck = self._find_shellcheck()

    def _find_shellcheck(self) -> str | None:
        """The program for JC401, where its findings are shown. Raises UsageError where they are asked for in vain."""
        from jobc.programs import shellcheck

        path = shellcheck()
        if path is None and not {"JC401", "shell-script"}.isdisjoint(self._select):
            raise UsageError(
                "JC401 needs shellcheck, which is not installed",
                help="`pip install 'jobc[shell]'` installs it beside jobc",
            )
        if not (self._select or self._ignore):
            return path
        from jobc.check.selection import chosen

        return path if chosen(self._select, self._ignore, "JC401", "shell-script") else None

    def run(self) -> int:
        if not self._args.watch:
            with Paused():  # to the end: the first collection would look at all that was built
                return self._round()
        from jobc.cli.files import expand
        from jobc.cli.lint.watching import watch

        cwd = self._context.cwd

        def once() -> list[str]:
            self._unreadable = False
            if self._context.color and self._args.format == "full":
                self._context.stdout.write("\x1b[2J\x1b[H")
            self._round()
            self._context.stdout.flush()
            return self._read

        watch(once, lambda: [os.path.join(cwd, path) for path in expand(self._args.paths, self._context)])
        return 0

    def _round(self) -> int:
        from jobc.cli.lint.checking import check_all

        inputs = self._inputs()
        cache = None
        if not self._args.no_cache:
            from jobc.cli.lint.cache import LintCache
            from jobc.programs import identity

            cache = LintCache(os.path.join(self._context.cache_dir, "lint"), identity(self._shellcheck))
        checked = []
        for result in check_all(inputs, cache, scripts=self._shellcheck is not None):
            if result.problem is not None:
                self._refuse(result.problem)
            else:
                checked.append(result)
        self._read = [os.path.join(c.input.folder, path) for c in checked for path in c.reads]
        if self._args.diff or self._args.fix:
            return self._mend(checked)
        return self._show([finding for result in checked for finding in result.findings], len(checked))

    def _inputs(self) -> list[Input]:
        from jobc.cli.files import expand
        from jobc.cli.lint.checking import Input, read_input

        context = self._context
        inputs: list[Input] = []
        for path in expand(self._args.paths, context):
            try:
                if path == "-":
                    name = self._args.stdin_filename or "<stdin>"
                    folder = os.path.dirname(os.path.join(context.cwd, self._args.stdin_filename or ""))
                    inputs.append(Input(name, folder or context.cwd, context.stdin.buffer.read()))
                else:
                    inputs.append(read_input(path, context.cwd))
            except UsageError as problem:
                self._refuse(problem)
        return inputs

    def _refuse(self, problem: UsageError) -> None:
        self._unreadable = True
        self._context.stderr.write(f"error: {problem}\n")
        if problem.help:
            self._context.stderr.write(f"help: {problem.help}\n")

    def _choose(self, findings: list[Finding]) -> list[Finding]:
        if not findings:
            return findings
        from jobc.check.selection import choose

        return choose(findings, self._select, self._ignore, self._severities)

    def _mend(self, checked: Sequence[Checked]) -> int:
        from jobc.cli.lint import fixing

        out, files, count = self._context.stdout, 0, 0
        remaining: list[Finding] = []
        for result in checked:
            if not result.findings and result.input.shown != self._stdin_name:
                continue
            fixed = fixing.fix(result, self._choose, unsafe=self._args.unsafe)
            remaining += fixed.checked.findings
            count += fixed.count
            files += fixed.count > 0
            if self._args.diff:
                out.write(fixing.diff(fixed))
            elif result.input.shown == self._stdin_name:
                out.write(fixed.after)
            elif fixed.count:
                fixing.write(os.path.join(self._context.cwd, result.input.shown), fixed.checked.input.data)
        if count and self._context.verbosity >= 0:
            verb = "would fix" if self._args.diff else "fixed"
            self._context.stderr.write(f"{verb} {_count(count, 'finding')} in {_count(files, 'file')}\n")
        if self._args.diff:
            return 2 if self._unreadable else int(count > 0)
        return self._show(remaining, len(checked))

    @property
    def _stdin_name(self) -> str | None:
        """What standard input is called, where it is read."""
        return (self._args.stdin_filename or "<stdin>") if "-" in self._args.paths else None

    def _show(self, found: list[Finding], files: int) -> int:
        findings = _once(self._choose(found))
        context, format = self._context, self._args.format
        if self._args.write_baseline:
            return self._keep(findings)
        if self._args.baseline:
            from jobc.cli.lint.baseline import Baseline

            findings = Baseline(self._args.baseline, context.cwd).new(findings)
        stream = context.stderr if self._args.fix and self._stdin_name is not None else context.stdout
        if self._args.statistics:
            stream.write(_statistics(findings))
        elif not findings and format in ("full", "concise"):
            # Said here: most runs end so, and need not load what renders findings.
            if files and context.verbosity >= 0:
                stream.write(f"no findings in {_count(files, 'file')}\n")
        else:
            from jobc.diagnostics.render import DESCRIBING, render

            tool = _tool() if format in DESCRIBING else None
            color, width = context.color_on(stream), context.width_of(stream)
            stream.write(render(findings, format, files=files, color=color, width=width, tool=tool))
        if self._unreadable:
            return 2
        bound = SEVERITIES.index(self._args.fail_on or context.config.lint_fail_on or "warning")
        return int(any(SEVERITIES.index(finding.severity) <= bound for finding in findings))

    def _keep(self, findings: list[Finding]) -> int:
        from jobc.cli.lint.baseline import Baseline

        Baseline(self._args.write_baseline, self._context.cwd).write(findings)
        if self._context.verbosity >= 0:
            count = _count(len(findings), "finding")
            self._context.stderr.write(f"wrote {count} to {self._args.write_baseline}\n")
        return 2 if self._unreadable else 0

    def _check_selectors(self) -> None:
        selectors = [*self._select, *self._ignore, *self._severities]
        if not selectors:
            return
        from jobc.check.registry import rules
        from jobc.check.selection import unknown_selectors

        known = {rule.name: rule.code for rule in rules().values()}
        for selector in unknown_selectors(selectors, known):
            from jobc.cli.nearest import did_you_mean

            raise UsageError(
                f"there is no rule `{selector}`",
                help=did_you_mean(
                    selector, [*known, *known.values()], "`jobc explain` lists all rules and their codes"
                ),
            )


class _Described:
    """A rule with its page."""

    __slots__ = ("code", "name", "page", "severity", "summary")

    def __init__(self, rule: Rule, page: str) -> None:
        self.code = rule.code
        self.name = rule.name
        self.severity = rule.severity
        self.summary = rule.summary
        self.page = page


def _tool() -> Tool:
    from jobc import __version__
    from jobc.check.registry import docs, rules
    from jobc.diagnostics.render.sarif import Tool

    return Tool(__version__, [_Described(rule, docs(rule)) for rule in rules().values()])


def _words(given: Sequence[str] | None) -> list[str]:
    return [word.strip() for part in given or () for word in part.split(",") if word.strip()]


def _once(findings: list[Finding]) -> list[Finding]:
    """Sorted by place; what two files found in one that both include, once."""
    seen: set[tuple[object, ...]] = set()
    kept: list[Finding] = []
    for finding in findings:
        span = finding.diagnostic.span
        key = (finding.code, span.file.path, span.start, span.end, finding.diagnostic.message)
        if key not in seen:
            seen.add(key)
            kept.append(finding)
    kept.sort(key=lambda finding: finding.sort_key)
    return kept


def _statistics(findings: Sequence[Finding]) -> str:
    counts: dict[tuple[str, str], int] = {}
    for finding in findings:
        name = (finding.code, finding.diagnostic.rule)
        counts[name] = counts.get(name, 0) + 1
    width = max((len(str(count)) for count in counts.values()), default=1)
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return "".join(f"{count:>{width}}  {code}  {rule}\n" for (code, rule), count in rows)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
