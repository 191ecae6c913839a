"""What the benchmarks measure is work that succeeds: their generated files have no error and no warning."""

from __future__ import annotations

import pytest

from jobc.check.runner import check
from jobc.diagnostics.diagnostic import INFO
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile
from tests.benchmarks import generate


@pytest.mark.parametrize(
    "text",
    [
        generate.large(40),
        generate.varied(40),
        generate.varied(3, first=7),
        generate.chain(40),
        generate.matrix(40),
    ],
)
def test_generated_files_are_clean(text: str) -> None:
    findings = check(analyze(SourceFile("generated.job.yml", text)))
    assert [f for f in findings if f.severity != INFO] == []
