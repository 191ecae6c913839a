"""What jobc adds to `docker run`: a run of one job with one stage, in a container and as a docker stage, whole processes.

Needs what the service tests need; the daemon is started for it and ended with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import interleaved, table

sys.path.insert(0, str(Path(__file__).parents[1] / "services"))

ROUNDS = 5
_JOB = "jobs:\n  a:\n    runs-on: {{type: docker, image: {image}, pull: never}}\n    stages:\n      - bash: 'true'\n"
_STAGE = "jobs:\n  a:\n    stages:\n      - {{image: {image}, command: 'true'}}\n"


def report() -> None:
    from docker_daemon import missing

    why = missing() or ("" if shutil.which("docker") else "the command `docker` is not installed")
    if why:
        print(f"\ndocker: left out, {why}")
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        plain, python, *rest = _measured()
    finally:
        signal.signal(signal.SIGTERM, before)
    rows = [("`docker run` of python3 -c ''", python, "")]
    names = ("a job in busybox, by its shell", "a job in an image with Python", "a docker stage")
    rows += [(name, taken, "") for name, taken in zip(names, rest, strict=True)]
    table(
        "Docker: one stage, whole processes (median, in turn)",
        ("`docker run` of true in busybox", plain),
        rows,
    )


def _end(number: int, frame: object) -> None:
    """The daemon has to be ended: `finally` does."""
    sys.exit(128 + number)


def _measured() -> list[float]:
    from docker_daemon import Daemon
    from docker_images import BUSYBOX, PYTHON, load

    with tempfile.TemporaryDirectory(prefix="jobc-docker-") as name:
        folder = Path(name)
        daemon = Daemon(folder / "d")
        try:
            daemon.start()
            client = daemon.client()
            load(client)
            client.close()
            commands = [
                ["docker", "run", "--rm", BUSYBOX, "true"],
                ["docker", "run", "--rm", PYTHON, "python3", "-c", ""],
            ]
            files = [("shell", _JOB, BUSYBOX), ("python", _JOB, PYTHON), ("stage", _STAGE, BUSYBOX)]
            for file, text, image in files:
                (folder / f"{file}.job.yml").write_text(text.format(image=image))
                commands.append([sys.executable, "-m", "jobc", "run", f"{file}.job.yml"])
            env = {**os.environ, "DOCKER_HOST": daemon.host}
            return interleaved(commands, ROUNDS, cwd=folder, env=env)
        finally:
            daemon.close()
