"""Stages with a process of their own, on the wall and of the processor, beside what they are made of.

The floors are that process alone: `posix_spawn` of the same bash, a fresh interpreter. go-task runs the same 200 commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks.engine.command import JOBC, measure
from tests.benchmarks.peers import python_with

#: Stages with a process of their own.
PROCESSES = 200
ROUNDS = 3


def report() -> None:
    """All in turn in each round, so that a drifting machine hits all alike; the least of each counts."""
    files = {
        "idle": _stages("echo: hi"),
        "bash": _stages("bash: 'true'"),
        "python": _stages("run: pass"),
        "chain": _jobs("bash: 'true'", chained=True),
        "fan": _jobs("bash: 'true'", chained=False),
    }
    task = str(Path(python_with("go-task-bin")).parent / "task")
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        commands: dict[str, list[str]] = {}
        for name, text in files.items():
            (base / f"{name}.job.yml").write_text(text)
            commands[name] = [*JOBC, f"{name}.job.yml"]
        for name in ("chain", "fan"):
            (base / f"{name}.yml").write_text(_taskfile(name == "chain"))
            commands[f"go-task {name}"] = [task, "--taskfile", f"{name}.yml"]
        works: dict[str, Callable[[], object]] = {
            name: partial(measure, command, base) for name, command in commands.items()
        }
        works |= {"spawn": _spawned, "fresh": _fresh}
        for _ in range(ROUNDS):
            for name, work in works.items():
                times.setdefault(name, []).append(_taken(work))
    wall = {name: min(pair[0] for pair in taken) for name, taken in times.items()}
    processor = {name: min(pair[1] for pair in taken) for name, taken in times.items()}
    print(
        f"\nEngine, {PROCESSES} stages with a process, journal included (budgets: bash + 1 ms, Python 5 ms)"
    )
    print(f"  {'milliseconds each':<46}{'wall':>10}{'processor':>12}")
    for what, name, less in (
        ("posix_spawn of bash, the floor", "spawn", ""),
        ("a bash stage, beyond start-up", "bash", "idle"),
        ("a fresh interpreter", "fresh", ""),
        ("an isolated Python stage, beyond start-up", "python", "idle"),
    ):
        each = [(part[name] - part.get(less, 0.0)) / PROCESSES * 1000 for part in (wall, processor)]
        floor = "fresh" if name in ("fresh", "python") else "spawn"
        ratios = [
            ms / (part[floor] / PROCESSES * 1000) for ms, part in zip(each, (wall, processor), strict=True)
        ]
        print(f"  {what:<46}{each[0]:>10.2f}{each[1]:>12.2f}{ratios[0]:>9.2f} ×{ratios[1]:>8.2f} ×")
    for name in ("chain", "fan"):
        theirs, ours = wall[f"go-task {name}"], wall[name]
        print(f"  {name} of {PROCESSES} `bash -c true`, go-task{theirs * 1000:>33.1f} ms      1.0 ×")
        print(
            f"  {name} of {PROCESSES} bash stages, whole process{ours * 1000:>29.1f} ms  {ours / theirs:>7.1f} ×   budget 1.5 ×"
        )


def _stages(stage: str) -> str:
    return "jobs:\n  j:\n    stages:\n" + f"      - {stage}\n" * PROCESSES


def _jobs(stage: str, chained: bool) -> str:
    lines = ["jobs:"]
    for number in range(PROCESSES):
        needs = f"needs: [j{number - 1}], " if chained and number else ""
        lines.append(f"  j{number}: {{{needs}stages: [{{{stage}}}]}}")
    return "\n".join(lines) + "\n"


def _taskfile(chained: bool) -> str:
    lines = ["version: '3'", "silent: true", "tasks:"]
    for number in range(PROCESSES):
        deps = f", deps: [t{number - 1}]" if chained and number else ""
        lines.append(f"  t{number}: {{cmds: [bash -c true]{deps}}}")
    last = [PROCESSES - 1] if chained else range(PROCESSES)
    lines.append(f"  default: {{deps: [{', '.join(f't{number}' for number in last)}]}}")
    return "\n".join(lines) + "\n"


def _spawned() -> None:
    """bash alone, one after the other."""
    for _ in range(PROCESSES):
        pid = os.posix_spawnp("bash", ["bash", "-eo", "pipefail", "-c", "true"], os.environ, setsid=True)
        os.waitpid(pid, 0)


def _fresh() -> None:
    """An interpreter alone, one after the other."""
    for _ in range(PROCESSES):
        subprocess.run([sys.executable, "-c", "pass"], check=True)


def _taken(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of the processor: this process's and its children's, as far as they are waited for.

    The process that Python stages are forked from is not.
    """
    before, start = os.times(), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, os.times()
    return wall, sum(after[:4]) - sum(before[:4])
