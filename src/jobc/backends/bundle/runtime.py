"""The part of jobc that goes into every bundle: what runs a program, and nothing that makes one.

It is all of the standard library's kind: `ir`, `interpreter`, `engine` (for a bundle that is run whole), of the backends the
local one, and of the command line what a bundle offers. Where the program has docker stages, what runs their containers comes with
it; that asks for the Docker library where it runs. Its compressed form depends on this version's source alone and is
kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from jobc.backends.bundle.archive import Member
from jobc.backends.bundle.deflate import deflate
from jobc.interpreter.code_reads import every_stage
from jobc.ir.program import Program

#: What Python runs first; it stands outside the package.
START = "cli/bundled/start.py"
#: Folders and files of the package, in the bundle's order.
ROOMS = (
    "errors.py",
    "ir",
    "interpreter",
    "engine",
    "backends/__init__.py",
    "backends/api.py",
    "backends/local.py",
    "backends/registry.py",
    "cli/__init__.py",
    "cli/arguments.py",
    "cli/bundled",
    "cli/config.py",
    "cli/context.py",
    "cli/invocation.py",
    "cli/nearest.py",
    "cli/progress",
    "cli/report.py",
    "cli/run_inputs.py",
)
#: What a program with docker stages needs beside.
CONTAINERS = tuple(
    f"backends/docker/{name}.py"
    for name in (
        "__init__",
        "arguments",
        "client",
        "container",
        "errors",
        "guard",
        "images",
        "launch",
        "stages",
    )
)
#: Of those, what no bundle uses: tasks elsewhere, going on with a run, history, telemetry, simulation, a terminal's live view.
LEFT_OUT = (
    START,
    "cli/progress/live.py",
    "engine/calls.py",
    "engine/elsewhere.py",
    "engine/journal/comparison.py",
    "engine/journal/following.py",
    "engine/journal/history.py",
    "engine/journal/history_pruning.py",
    "engine/journal/log_lines.py",
    "engine/observers/",
    "engine/resuming/",
    "engine/simulated_triggers.py",
    "engine/simulation.py",
    "engine/stream.py",
    "ir/meaning.py",
)


def rooms(program: Program) -> tuple[str, ...]:
    """Folders and files of the package that a program needs."""
    stages = [
        stage for workflow in program.workflows for job in workflow.jobs for stage in every_stage(job.stages)
    ]
    return (*ROOMS, *CONTAINERS) if any(stage.kind == "docker" for stage in stages) else ROOMS


def files(rooms: Sequence[str] = ROOMS) -> Iterator[tuple[str, bytes]]:
    """(name in the bundle, content) of the runtime's modules; `__main__.py` is the first."""
    import jobc

    root = Path(jobc.__file__).parent
    yield "__main__.py", (root / START).read_bytes()
    yield "jobc/__init__.py", f'__version__ = "{jobc.__version__}"\n'.encode()
    for room in rooms:
        place = root / room
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            name = file.relative_to(root).as_posix()
            if not name.startswith(LEFT_OUT):
                yield f"jobc/{name}", file.read_bytes()


def members(cache: Path | None, rooms: Sequence[str] = ROOMS) -> list[Member]:
    """The runtime's members. `cache` is the folder for what was compressed before."""
    (start, code), *modules = files(rooms)
    # What checks all the rest is stored as it is: the fewer bytes it takes to read it, the better.
    return [Member(start, code), *(Member(name, data, _deflated(data, cache)) for name, data in modules)]


def _deflated(data: bytes, cache: Path | None) -> bytes:
    place = None if cache is None else cache / hashlib.sha256(data).hexdigest()
    if place is not None:
        try:
            kept = place.read_bytes()
            if hashlib.sha256(kept[32:]).digest() == kept[:32]:
                return kept[32:]
        except OSError:
            pass  # not there yet, or not readable: made again
    made = deflate(data)
    if place is not None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_name(f"{place.name}.{os.getpid()}")
            beside.write_bytes(hashlib.sha256(made).digest() + made)
            beside.replace(place)
        except OSError:
            pass  # a cache that cannot be written costs time, nothing else
    return made
