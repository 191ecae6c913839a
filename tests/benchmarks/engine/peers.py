"""jobc beside other runners on the same graphs in the same run: seconds, as multiples of jobc's, and memory.

All take turns in each round, so that a drifting machine hits all alike; the median of each counts. Who needs longer than
the limit is ended, listed so, and not asked for a larger graph of that kind. Memory is that of the largest process.
The processes of bash stages cost what they cost whoever starts them: `bash alone` starts as many of them and
does nothing else. Where a target lies below it, the table says that nobody could meet it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.engine.command import Broke, TimedOut, Took, measure
from tests.benchmarks.engine.contestants import (
    BASH,
    CHAIN,
    CONTESTANTS,
    FAN,
    FLOOR,
    JOBC_ITSELF,
    NO_OP,
    PYTHON,
    Graph,
)

SIZES = (200, 1_000, 10_000)
WORKS = (BASH, NO_OP)
LIMIT = 60.0
ROUNDS = 3
#: From this many jobs on one round must do.
LARGE = 1_000
#: How many times slower than jobc each Python runner should be, and how many times slower than go-task jobc may be.
AHEAD, BEHIND = 5.0, 1.5


class Row:
    """What one contestant took on one graph; `words` where it did not come to its end."""

    def __init__(self) -> None:
        self.taken: list[Took] = []
        self.words = ""

    @property
    def seconds(self) -> float:
        return statistics.median(took.seconds for took in self.taken)

    @property
    def memory(self) -> float:
        return max(took.memory for took in self.taken) / 2**20


def report(
    sizes: Sequence[int] = SIZES,
    works: Sequence[str] = WORKS,
    limit: float = LIMIT,
    rounds: int = ROUNDS,
    names: Sequence[str] = (),
) -> None:
    """`names`: who takes part beside jobc and the floor; all where it is empty."""
    runners = [name for name in CONTESTANTS if not names or name in (JOBC_ITSELF, FLOOR, *names)]
    for work in works:
        for shape in (CHAIN, FAN):
            out: dict[str, str] = {}
            for size in sorted(sizes):
                graph = Graph(shape, size)
                rows = _race(runners, graph, work, limit, 1 if size >= LARGE else rounds, out)
                _tell(graph, work, rows)


def _race(
    runners: Sequence[str], graph: Graph, work: str, limit: float, rounds: int, out: dict[str, str]
) -> dict[str, Row]:
    """`out`: who is not asked any more, and why."""
    rows = {name: Row() for name in runners if work == BASH or name != FLOOR}
    for name, why in out.items():
        rows[name].words = why
    for _ in range(rounds):
        for name, row in rows.items():
            if row.words:
                continue
            try:
                row.taken.append(_once(name, graph, work, limit))
            except TimedOut:
                row.words = f"not done in {limit:g} s"
                out[name] = f"not tried: {row.words} with {graph.count:,}"
            except Broke as error:
                row.words = f"failed: {str(error).splitlines()[-1][-100:]}"
                out[name] = f"not tried: failed with {graph.count:,}"
    return rows


def _once(name: str, graph: Graph, work: str, limit: float) -> Took:
    with tempfile.TemporaryDirectory() as folder:
        return measure(CONTESTANTS[name](Path(folder), graph, work), Path(folder), limit=limit)


def _tell(graph: Graph, work: str, rows: dict[str, Row]) -> None:
    what = "`bash -c true`" if work == BASH else "nothing, in the runner's process"
    print(f"\nEngine, peers: {graph.shape} of {graph.count:,} × {what}, {os.cpu_count()} processors")
    ours = rows[JOBC_ITSELF]
    for name, row in rows.items():
        if row.words:
            print(f"  {name:<18}{row.words}")
            continue
        line = f"  {name:<18}{row.seconds:>8.2f} s"
        if ours.taken and not ours.words:
            line += f" {row.seconds / ours.seconds:>7.2f} × jobc"
        print(line if name == FLOOR else f"{line} {row.memory:>8.0f} MB{_verdict(name, rows)}")


def _verdict(name: str, rows: dict[str, Row]) -> str:
    """Whether jobc is where it should be beside another."""
    ours, theirs = rows[JOBC_ITSELF], rows[name]
    floor = rows.get(FLOOR)
    if ours.words or name not in ("go-task", *PYTHON):
        return ""
    goal = theirs.seconds / AHEAD if name in PYTHON else theirs.seconds * BEHIND
    wanted = f"   jobc should take {goal:.2f} s at most: "
    if ours.seconds <= goal:
        return wanted + "met"
    if floor is not None and not floor.words and floor.seconds > goal:
        return f"{wanted}nobody can, bash alone takes {floor.seconds:.2f}"
    return wanted + "missed"
