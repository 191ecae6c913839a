"""Compilation of workflows of more and more jobs: what a job takes must not grow with their number."""

from __future__ import annotations

import io
from functools import partial

from ruamel.yaml import YAML

from jobc.check.runner import check
from jobc.collector import Paused
from jobc.ir.codec import dumps
from jobc.lower.program import lower
from jobc.sema import remembered
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile
from jobc.syntax import expressions
from tests.benchmarks.generate import chain, large, varied
from tests.benchmarks.measure import seconds, table


def report() -> None:
    yaml = YAML(typ="safe", pure=False)

    def events(text: str) -> int:
        return sum(1 for _ in yaml.parse(io.StringIO(text)))

    def compile_(text: str) -> None:
        expressions.forget()
        remembered.forget()
        model = analyze(SourceFile("generated.job.yml", text))
        check(model)
        dumps(lower(model))

    for what, make, sizes in (
        ("one job again and again", large, (1_000, 10_000)),
        ("every job different", varied, (500, 5_000)),
        ("a chain of plain jobs", chain, (1_000, 10_000, 50_000)),
    ):
        for jobs in sizes:
            text = make(jobs)
            with Paused():
                floor = seconds(partial(events, text), rounds=1)
                taken = seconds(partial(compile_, text), rounds=1)
            table(
                f"Compile, {jobs:,} jobs, {what}: {taken / jobs * 1e6:,.0f} µs a job",
                ("C event stream alone", floor),
                [("compile: to IR bytes", taken, "budget 5 × (10,000 jobs)")],
            )
