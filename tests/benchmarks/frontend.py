"""Lint and compile of a generated 26,000-line file against ruamel.yaml's C event stream alone on it."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from jobc.check.runner import check
from jobc.ir.codec import dumps
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.syntax.build import parse
from tests.benchmarks.generate import LINES_PER_JOB, large
from tests.benchmarks.measure import seconds, table


def report() -> None:
    text = large(26_000 // LINES_PER_JOB)
    yaml = YAML(typ="safe", pure=False)

    def file() -> SourceFile:
        return SourceFile("generated.job.yml", text)

    def lint() -> None:
        model = analyze(file())
        findings = check(model)
        assert not [f for f in findings if f.severity == "error"], findings[0].diagnostic

    def compile_() -> None:
        dumps(lower(analyze(file())))

    floor = seconds(lambda: sum(1 for _ in yaml.parse(io.StringIO(text))))
    table(
        f"Front end, {text.count(chr(10)):,} lines, one core",
        ("C event stream alone", floor),
        [
            ("compose: nodes with spans", seconds(lambda: compose(file())), ""),
            ("parse: the AST", seconds(lambda: parse(file())), ""),
            ("lint: analysis and rules", seconds(lint, 3), "budget 4 × (large tree, a core)"),
            ("compile: to IR bytes", seconds(compile_, 3), "budget 5 ×"),
        ],
    )
