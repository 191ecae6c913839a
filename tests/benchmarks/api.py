"""The Python API beside the public implementation of the reference (PyPI `ddeutil-workflow`), on the same jobs.

Each case is a script that builds its jobs with either package's own classes and prints the seconds that `execute`
took. A peer that has not finished after `LIMIT` seconds is shown as that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.benchmarks.measure import interleaved, table
from tests.benchmarks.peers import python_with

PEER = "ddeutil-workflow"
LIMIT = 60

_HEAD = {
    "jobc": "from jobc import EmptyStage, Job, Strategy, Workflow\ndef workflow(jobs): return Workflow(name='w', jobs=jobs)\n",
    PEER: (
        "from ddeutil.workflow import EmptyStage, Job, Strategy, Workflow\n"
        "def workflow(jobs): return Workflow(name='w', jobs=jobs)\n"
    ),
}
_CHAIN = (
    "jobs = {f'j{i}': Job(id=f'j{i}', needs=[f'j{i-1}'] if i else [], stages=[EmptyStage(name='s', echo='hi')])"
    " for i in range(%d)}\nw = workflow(jobs)\n"
)
_TIMED = (
    "import time\nstart = time.perf_counter()\nr = %s\nprint(time.perf_counter() - start, r.status.name)\n"
)
_WARM = (
    "import statistics, time\nj = Job(id='j', stages=[EmptyStage(name='s', echo='hi')])\ntimes = []\n"
    "for _ in range(%d):\n    start = time.perf_counter()\n    r = j.execute({})\n"
    "    times.append(time.perf_counter() - start)\nprint(statistics.median(times[len(times) // 5:]), r.status.name)\n"
)

#: (what, script, the peer's script where it differs, budget)
CASES: Sequence[tuple[str, str, str]] = (
    (
        "first job after import",
        "j = Job(id='j', stages=[EmptyStage(name='s', echo='hi')])\n" + _TIMED % "j.execute({})",
        "",
    ),
    ("one empty stage, warm, median", _WARM % 200, "budget 1 ms"),
    ("chain of 20 jobs", _CHAIN % 20 + _TIMED % "w.execute({})", ""),
    ("chain of 100 jobs", _CHAIN % 100 + _TIMED % "w.execute({})", ""),
    (
        "matrix of 100",
        "j = Job(id='j', strategy=Strategy(matrix={'i': list(range(100))}), stages=[EmptyStage(name='s', echo='hi')])\n"
        + _TIMED % "j.execute({})",
        "",
    ),
)


def _seconds(python: str, package: str, script: str) -> tuple[float, str]:
    try:
        done = subprocess.run(
            [python, "-c", _HEAD[package] + script],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
            env={key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        )
    except subprocess.TimeoutExpired:
        return float("inf"), "TIMEOUT"
    if done.returncode != 0:
        return float("nan"), (done.stderr.strip().splitlines() or ["failed"])[-1][:60]
    taken, status = done.stdout.split()[-2:]
    return float(taken), status


def report() -> None:
    peer = python_with(PEER)
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    bare, ours, theirs = interleaved(
        [
            [sys.executable, "-c", "pass"],
            [sys.executable, "-c", "import jobc"],
            [peer, "-c", "import ddeutil.workflow"],
        ],
        rounds=9,
        env=env,
    )
    table(
        "Import, whole processes",
        ("python -c pass", bare),
        [("import jobc", ours, "budget 2 ×"), (f"import of {PEER}", theirs, "")],
    )
    print(f"\nPython API, milliseconds, best of 3 (of {PEER}: one run)\n  {'':<34}{'jobc':>14}{PEER:>30}")
    for what, script, budget in CASES:
        mine = min(_seconds(sys.executable, "jobc", script) for _ in range(3))
        other = _seconds(peer, PEER, script)
        shown = [
            f"{taken * 1000:.2f}" + ("" if status == "SUCCESS" else f" ({status})")
            for taken, status in (mine, other)
        ]
        if other[1] == "TIMEOUT":
            shown[1] = f"not done after {LIMIT} s"
        print(f"  {what:<34}{shown[0]:>14}{shown[1]:>30}   {budget}")
