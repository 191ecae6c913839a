"""What the engine adds to work: a chain of no-op jobs, a wide matrix, journal included.

The floor is a chain of as many SQLite transactions in the same journal mode: no durable engine is below it.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.generate import chain, matrix

COUNT = 1_000


def _process_seconds(command: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, env={**os.environ, "XDG_CACHE_HOME": str(cwd)}
    )
    return time.perf_counter() - start


def _transactions(path: Path, count: int) -> float:
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


def report() -> None:
    jobc = [sys.executable, "-m", "jobc", "run", "--format", "json"]
    print(
        f"\nEngine, {COUNT:,} inline no-op stages, whole processes, journal included (budget 0.5 ms a stage)"
    )
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for name, text in (("one", chain(1)), ("chain", chain(COUNT)), ("matrix", matrix(COUNT))):
            (base / f"{name}.job.yml").write_text(text)
        floor = _transactions(base / "floor.db", COUNT)
        start = min(_process_seconds([*jobc, "one.job.yml"], base) for _ in range(3))
        print(f"  {COUNT:,} SQLite transactions (WAL), the floor{floor * 1000:>22.1f} ms      1.0 ×")
        print(f"  one job: start-up, compile, run{start * 1000:>35.1f} ms")
        for name in ("chain", "matrix"):
            taken = min(_process_seconds([*jobc, f"{name}.job.yml"], base) for _ in range(3)) - start
            print(
                f"  {name} of {COUNT:,}, beyond that{taken * 1000:>38.1f} ms  {taken / floor:>7.1f} ×"
                f"   {taken / COUNT * 1000:.2f} ms a stage"
            )
