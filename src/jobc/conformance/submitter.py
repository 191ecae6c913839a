"""A process that runs a jobs file in the environment under test, to be killed: `python -m jobc.conformance.submitter`.

On standard input one JSON object: `prelude type arguments text state workdir run_id parallel`, and `dies`: after how many
submissions it kills itself, before their handles are in the journal (0: never). It writes a line for every event.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from jobc.backends.api import Backend, JobHandle, Task
from jobc.backends.registry import create
from jobc.conformance.bench import ENVIRON, compiled, placed
from jobc.engine.journal.journal import Journal, path_in
from jobc.engine.options import Options
from jobc.engine.run import execute
from jobc.engine.storage.store import path_in as store_in


def main() -> None:
    given = json.load(sys.stdin)
    exec(given["prelude"])
    program = placed(compiled(given["text"]), given["type"], given["arguments"])

    def backend(name: str) -> Backend:
        made = create(name)
        if given["dies"]:
            _die_after(made, given["dies"])
        return made

    options = Options(
        journal=Journal.create(path_in(given["state"])),
        store=store_in(given["state"]),
        run_id=given["run_id"],
        workdir=given["workdir"],
        environ=dict(ENVIRON),
        max_parallel=given["parallel"],
        backend=backend,
        file="flow.job.yml",
    )

    def tell(event: Any) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    execute(program, {}, options, tell)


def _die_after(backend: Any, count: int) -> None:
    submit = backend.submit
    left = [count]

    def submitting(task: Task) -> JobHandle:
        handle: JobHandle = submit(task)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return handle

    backend.submit = submitting


if __name__ == "__main__":
    main()
