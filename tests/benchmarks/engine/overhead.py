"""What the engine adds to a stage of each kind, its journal included.

The floor of a no-op is as many SQLite transactions in the same journal mode: no durable engine is below it. That of a bash
stage is bash itself, one process after the other; that of a Python stage is a fork of this process.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks.engine.command import JOBC, measure
from tests.benchmarks.engine.graphs import chain, fan

ROUNDS = 3
#: What a stage is → (how many, its YAML, its budget).
STAGES = {
    "no-op": (1000, "echo: hello", "0.5 ms"),
    "bash": (200, "bash: 'true'", "bash + 1 ms"),
    "python": (200, "run: x = 1", "5 ms"),
}


def report() -> None:
    print("\nEngine, per stage, whole processes less those of one stage, journal included (median)")
    floors = {"no-op": _transactions, "bash": _bash, "python": _forks}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (count, stage, budget) in STAGES.items():
            times: dict[str, list[float]] = {"floor": [], "one": [], "chain": [], "fan": []}
            for _ in range(ROUNDS):
                times["floor"].append(floors[kind](folder, count))
                times["one"].append(_jobc(folder, chain(1, stage)))
                times["chain"].append(_jobc(folder, chain(count, stage)))
                times["fan"].append(_jobc(folder, fan(count, stage)))
            floor, one, *rest = (statistics.median(taken) for taken in times.values())
            print(f"  {kind:<8} floor{floor / count * 1000:>8.2f} ms     a run of one {one * 1000:.0f} ms")
            for shape, taken in zip(("chain", "fan"), rest, strict=True):
                each = (taken - one) / count * 1000
                above = each - floor / count * 1000
                print(
                    f"  {'':<8} {shape} of {count:,}{each:>8.2f} ms a stage, {above:.2f} above the floor (budget {budget})"
                )


def _jobc(folder: Path, text: str) -> float:
    (folder / "a.job.yml").write_text(text)
    return measure([*JOBC, "a.job.yml"], folder).seconds


def _transactions(folder: Path, count: int) -> float:
    path = folder / f"floor-{time.time_ns()}.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=normal")
    db.execute("create table t (a integer primary key, b text)")
    start = time.perf_counter()
    for n in range(count):
        db.execute("begin")
        db.execute("insert into t values (?, ?)", (n, "hello"))
        db.execute("commit")
    taken = time.perf_counter() - start
    db.close()
    return taken


def _bash(folder: Path, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        subprocess.run(["bash", "-c", "true"], check=True)
    return time.perf_counter() - start


def _forks(folder: Path, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return time.perf_counter() - start
