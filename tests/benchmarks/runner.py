"""What a self-hosted runner adds to a job of one stage: over the bare process of its bundle and one plain HTTP round trip."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from jobc.backends.bundle.parcel import Packer, command
from tests.backends.self_hosted.rig import Rig
from tests.benchmarks.measure import table
from tests.runner.serving import Server

ROUNDS = 25


def report() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder, "runner"), "--concurrency", "1")
        rig = Rig({"host": server.url, "token": server.token}, folder)
        try:
            _report(server, rig, Path(folder))
        finally:
            rig.backend.close()
            server.close()


def _report(server: Server, rig: Rig, folder: Path) -> None:
    task = rig.task("bench.0", "true")
    program = task.program
    parcel = Packer().pack(task)
    http = httpx.Client(base_url=server.url)
    count = 0

    def process() -> None:
        """The bundle, by hand."""
        box = folder / "box"
        box.mkdir(exist_ok=True)
        for name, data in {"bundle.pyz": parcel.bundle.data, **parcel.files}.items():
            (box / name).write_bytes(data)
        subprocess.run(
            command(sys.executable, str(box)),
            check=True,
            capture_output=True,
            env={**parcel.environ},
            cwd=folder,
        )

    def trip() -> None:
        http.get("/healthz")

    def remote() -> None:
        """Submitted, followed, its log read, its result collected."""
        nonlocal count
        count += 1
        task = rig.task(f"bench.{count}", "true")
        task.program = program
        handle = rig.backend.submit(task)
        rig.ended(handle)
        rig.output(handle)
        assert rig.backend.collect(handle).status == "success"

    bare, plain, whole = _interleaved([process, trip, remote])
    table(
        "A job of one bash stage on a self-hosted runner, on this machine",
        ("bare process of its bundle + one HTTP round trip", bare + plain),
        [
            ("bare process of its bundle", bare, ""),
            ("one HTTP round trip (httpx, uvicorn)", plain, ""),
            ("submit, follow, collect", whole, "≤ 2 ×"),
        ],
    )
    http.close()


def _interleaved(works: list[Callable[[], None]]) -> list[float]:
    times: list[list[float]] = [[] for _ in works]
    for number in range(ROUNDS + 1):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            if number:
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]
