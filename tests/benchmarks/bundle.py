"""Start-up of a bundle against bare Python, and its size.

`jobc` itself runs from compiled modules; a bundle compiles what it loads at every start, for no form of compiled code
is the same for every Python. What a task loads is what its start costs.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from jobc.backends.api import Task
from jobc.backends.bundle.parcel import Packer
from jobc.backends.bundle.posix import lower_task
from jobc.interpreter.api import Inputs
from jobc.lower.program import lower
from jobc.sema.analyze import analyze
from jobc.source.file import SourceFile
from tests.benchmarks.measure import processor, table

STAGES = {
    "one empty stage": "- echo: hi",
    "one bash stage": "- bash: 'true'",
    "one Python stage": "- run: pass",
}


def report() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = [sys.executable, "-c", "pass"]
        commands, names = [bare, ["sh", "-c", "true"]], []
        size = 0
        for number, (what, stage) in enumerate(STAGES.items()):
            program = lower(analyze(SourceFile("flow.job.yml", f"job:\n  stages:\n    {stage}\n")))
            task = Task("r.job.0.1", program, 0, 0, Inputs({}, run={"id": "r", "attempt": 1}))
            parcel = Packer(folder / "cache").pack(task)
            size = max(size, len(parcel.bundle.data))
            bundle = folder / f"{number}.pyz"
            bundle.write_bytes(parcel.bundle.data)
            (folder / f"{number}.json").write_bytes(parcel.files["task.json"])
            result = str(folder / "result.json")
            commands.append(
                [sys.executable, str(bundle), "--task", str(folder / f"{number}.json"), "--result", result]
            )
            names.append(f"--task, {what}")
            if what == "one empty stage":
                commands.append([sys.executable, str(bundle), "-q"])
                names.append("the whole run, one empty stage")
            if what == "one bash stage":
                script = folder / "task.sh"
                script.write_text(lower_task(program, parcel.task))
        commands.append(["sh", str(script)])
        env = {"PATH": os.environ["PATH"], "HOME": name}
        floor, shell, *taken, scripted = processor(commands, env=env, cwd=folder)
    table(
        "A bundle's start-up, whole processes with their children, time of the processor",
        ("python -c pass", floor),
        [
            (
                what,
                seconds,
                f"{(seconds - floor) * 1000:.0f} ms above" + (", budget 60" if number == 0 else ""),
            )
            for number, (what, seconds) in enumerate(zip(names, taken, strict=True))
        ],
    )
    table("The same as one shell script", ("sh -c true", shell), [("task.sh, one bash stage", scripted, "")])
    print(f"\nSize of a bundle: {size:,} bytes, budget 300,000")
    if shutil.which("setsid") is None:
        print("(there is no setsid here: a script's stages share its session)")
