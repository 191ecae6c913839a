"""The suite in containers, with Python and without."""

from __future__ import annotations

import io
import json
import time

import pytest
from docker_daemon import Daemon
from docker_images import BUSYBOX, PYTHON
from docker_registry import Registry

from jobc.conformance import BackendConformance, Subject
from jobc.conformance.bench import Bench


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

    def test_wrong_credentials_are_said_at_once(self, bench: Bench, subject: Subject) -> None:
        """A daemon asks for none; the registry of an image does."""
        assert isinstance(subject, _Docker)
        image = io.BytesIO(b"".join(subject.daemon.client().images.get(BUSYBOX).save()))
        with Registry(image.getvalue(), user="me", password="right") as registry:
            arguments = {"image": f"{registry.address}/private:1", "pull": "always", "auth": "me:wr0ng"}
            error = self._error(bench, arguments, again=5)
        assert error.type == "backend"
        assert "set `auth`" in error.message
        assert "wr0ng" not in error.message
