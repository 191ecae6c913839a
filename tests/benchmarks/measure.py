"""Taking times, and telling them as ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any


def seconds(work: Callable[[], Any], rounds: int = 5) -> float:
    """Median seconds of the processor that `work()` takes, after one round that is not counted."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def interleaved(commands: Sequence[Sequence[str]], rounds: int = 15, **options: Any) -> list[float]:
    """Median seconds of each whole process, the commands in turn, so that a drifting machine hits all alike."""
    times: list[list[float]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for command, taken in zip(commands, times, strict=True):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, **options)
            if number:
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def processor(commands: Sequence[Sequence[str]], rounds: int = 15, **options: Any) -> list[float]:
    """As `interleaved`, seconds of the processor: what others do on the machine counts less."""
    times: list[list[float]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for command, taken in zip(commands, times, strict=True):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command)
            if number:
                taken.append(usage.ru_utime + usage.ru_stime)
    return [statistics.median(taken) for taken in times]


def table(title: str, floor: tuple[str, float], rows: Sequence[tuple[str, float, str]]) -> None:
    """Print rows of (what, seconds, budget) as multiples of the floor."""
    print(f"\n{title}")
    print(f"  {floor[0]:<52}{floor[1] * 1000:>10.1f} ms      1.0 ×")
    for what, taken, budget in rows:
        print(f"  {what:<52}{taken * 1000:>10.1f} ms  {taken / floor[1]:>7.1f} ×   {budget}")
