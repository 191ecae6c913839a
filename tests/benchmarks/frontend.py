"""Lint and compile of generated files of 26,000 lines against ruamel.yaml's C event stream alone on them.

As in the commands, the collector is paused (`jobc.collector`). The expressions and scripts that a process keeps parsed
are forgotten before each round, so that every figure is that of a file met for the first time.
"""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from jobc.check.runner import check
from jobc.collector import Paused
from jobc.diagnostics.diagnostic import INFO
from jobc.ir.codec import dumps
from jobc.lower.program import lower
from jobc.sema import remembered
from jobc.sema.analyze import analyze
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.syntax import expressions
from jobc.syntax.build import parse
from tests.benchmarks.generate import LINES_PER_JOB, LINES_PER_VARIED_JOB, large, varied
from tests.benchmarks.measure import seconds, table


def report() -> None:
    with Paused():
        _report("one job again and again", large(26_000 // LINES_PER_JOB))
        _report("every job different", varied(26_000 // LINES_PER_VARIED_JOB))


def _report(what: str, text: str) -> None:
    yaml = YAML(typ="safe", pure=False)

    def file() -> SourceFile:
        expressions.forget()
        remembered.forget()
        return SourceFile("generated.job.yml", text)

    def lint() -> None:
        model = analyze(file())
        findings = check(model)
        serious = [finding for finding in findings if finding.severity != INFO]
        assert not serious, serious[0].diagnostic

    def compile_() -> None:
        model = analyze(file())
        check(model)
        dumps(lower(model))

    floor = seconds(lambda: sum(1 for _ in yaml.parse(io.StringIO(text))))
    table(
        f"Front end, {text.count(chr(10)):,} lines, {what}, one core",
        ("C event stream alone", floor),
        [
            ("compose: nodes with spans", seconds(lambda: compose(file())), ""),
            ("parse: the AST", seconds(lambda: parse(file())), ""),
            ("lint: analysis and rules", seconds(lint), "budget 4 × (large tree, a core)"),
            ("compile: to IR bytes", seconds(compile_), "budget 5 ×"),
        ],
    )
