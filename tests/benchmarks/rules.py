"""What each rule takes of the check of a generated file in which every job is different: for whoever writes rules.

The first rule that asks for an analysis that several share (reachability, what is read) pays for it.
"""

from __future__ import annotations

import io
import time

from ruamel.yaml import YAML

from jobc.check import registry
from jobc.collector import Paused
from jobc.sema import remembered
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile
from jobc.syntax import expressions
from tests.benchmarks.generate import LINES_PER_VARIED_JOB, varied
from tests.benchmarks.measure import seconds, table

ROUNDS = 3
#: Rules that take less of the floor are added up.
SHOWN = 0.02


def report() -> None:
    text = varied(26_000 // LINES_PER_VARIED_JOB)
    yaml = YAML(typ="safe", pure=False)
    with Paused():
        floor = seconds(lambda: sum(1 for _ in yaml.parse(io.StringIO(text))))
        rounds = [_taken(text) for _ in range(ROUNDS)]
    taken = {name: min(each[name] for each in rounds) for name in rounds[0]}
    shown = sorted(((t, n) for n, t in taken.items() if t >= SHOWN * floor), reverse=True)
    rest = sum(t for t in taken.values() if t < SHOWN * floor)
    table(
        f"Rules, {text.count(chr(10)):,} lines, every job different, without ShellCheck",
        ("C event stream alone", floor),
        [(name, t, "") for t, name in shown]
        + [(f"the other {len(taken) - len(shown)}", rest, ""), ("together", sum(taken.values()), "")],
    )


def _taken(text: str) -> dict[str, float]:
    """Seconds of the processor that each rule takes on a file that was just analysed."""
    expressions.forget()
    remembered.forget()
    model = analyze(SourceFile("generated.job.yml", text))
    taken: dict[str, float] = {}
    for name, module in registry.modules().items():
        check = getattr(module, "check", None)
        if check is not None:
            start = time.process_time()
            list(check(model))
            taken[name] = time.process_time() - start
    return taken
