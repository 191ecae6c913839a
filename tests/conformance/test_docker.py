"""The suite in containers, with Python and without."""

from __future__ import annotations

import json
import time

import pytest
from docker_daemon import Daemon
from docker_images import PYTHON

from jobc.conformance import BackendConformance, Subject


class _Docker(Subject):
    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        super().__init__(
            "docker",
            {"image": PYTHON, "pull": "never"},
            missing_image={"image": "jobc-test/absent:1"},
            unreachable={"docker_host": "tcp://127.0.0.1:1"},
            # The daemon needs some 0.4 s of a processor for each container: 200 of them are minutes on a machine of CI.
            combinations=100,
        )

    def leftovers(self) -> list[str]:
        """Containers and their volumes, once those of collected tasks have had their time."""
        until = time.monotonic() + 20
        while (found := [*self.daemon.names(), *self.daemon.volumes()]) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def exposed(self) -> bytes:
        client = self.daemon.client()
        try:
            found = [client.api.inspect_container(one["Id"]) for one in client.api.containers(all=True)]
            return json.dumps(found).encode()
        finally:
            client.close()


@pytest.mark.services
class TestDocker(BackendConformance):
    @pytest.fixture
    def subject(self, daemon: Daemon, docker_host: str) -> Subject:
        return _Docker(daemon)
