"""The page on Docker does what it says, with a real daemon and stand-ins for the images that it names."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "services"))

from docker_daemon import Daemon
from docker_fixtures import daemon, docker_daemon_process, docker_host  # noqa: F401
from docker_images import BUSYBOX, PYTHON
from pages import ROOT, work_through


@pytest.mark.services
def test_the_page_does_what_it_says(
    daemon: Daemon,  # noqa: F811
    docker_host: str,  # noqa: F811
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if shutil.which("docker") is None:
        pytest.skip("the command `docker` is not installed")
    client = daemon.client()
    client.images.get(PYTHON).tag("python", "3.13-slim")
    client.images.get(BUSYBOX).tag("alpine", "3.20")
    update = request.config.getoption("--update-golden")
    wrong = work_through(ROOT / "docs" / "docker.md", tmp_path / "page", update=update)
    assert not wrong, "\n".join(wrong)
