"""Fixtures of tests that talk to a real Docker daemon; a `conftest.py` imports them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker_daemon import Daemon, missing


@pytest.fixture(scope="session")
def docker_daemon_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    why = missing()
    if why:
        pytest.skip(why)
    import docker_images

    # The address of a socket is at most 107 characters long.
    daemon = Daemon(tmp_path_factory.mktemp("docker"))
    daemon.start()
    try:
        client = daemon.client()
        docker_images.load(client)
        client.close()
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def daemon(docker_daemon_process: Daemon) -> Iterator[Daemon]:
    """A daemon that runs and has the images of `docker_images`; containers and volumes of a test end with it."""
    if docker_daemon_process.process is None:
        docker_daemon_process.start()
    yield docker_daemon_process
    if docker_daemon_process.process is None:
        docker_daemon_process.start()
    docker_daemon_process.clear()


@pytest.fixture
def docker_host(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its address, which is also that of the environment."""
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    return daemon.host
