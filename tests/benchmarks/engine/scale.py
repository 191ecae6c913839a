"""How a run grows: chains and fans of jobs, combinations of a matrix; seconds and resident memory of whole processes.

Memory is the largest resident set less that of a run of one job, and for jobs less that of compiling the same file (the
program itself).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.engine.command import JOBC, Took, measure
from tests.benchmarks.engine.graphs import chain, fan, matrix

STAGE = "echo: hello"


def report() -> None:
    print("\nEngine, scale: no-op stages (budget: time linear, memory 1 KB each beyond the program)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = _run(folder, chain(1, STAGE))
        print(f"  a run of one job{one.seconds:>26.2f} s {one.memory / 2**20:>8.1f} MB")
        for count in (1_000, 10_000):
            for shape, text in (("chain", chain(count, STAGE)), ("fan", fan(count, STAGE))):
                took = _run(folder, text)
                (folder / "a.job.yml").write_text(text)
                program = measure(
                    [sys.executable, "-m", "jobc", "compile", "a.job.yml", "-o", "a.json"], folder
                )
                _tell(f"{shape} of {count:,} jobs", count, took, took.memory - program.memory, one)
                print(
                    f"  {'':<26}of it compile alone{program.seconds:>6.2f} s {program.memory / 2**20:.1f} MB"
                )
        for count in (1_000, 10_000, 100_000):
            took = _run(folder, matrix(count, STAGE))
            _tell(f"{count:,} combinations", count, took, took.memory - one.memory, one)


def _run(folder: Path, text: str) -> Took:
    (folder / "a.job.yml").write_text(text)
    return measure([*JOBC, "a.job.yml"], folder)


def _tell(what: str, count: int, took: Took, beyond: int, one: Took) -> None:
    each = (took.seconds - one.seconds) / count * 1000
    print(
        f"  {what:<26}{took.seconds:>16.2f} s {took.memory / 2**20:>8.1f} MB   {each:.3f} ms"
        f" and {max(0, beyond) / count / 1024:.2f} KB each"
    )
