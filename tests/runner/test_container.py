"""A runner that is process 1 of a container: a PID namespace of its own, whose end is the end of all its tasks. For root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.serving import Server, until

pytestmark = pytest.mark.services
_UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can make a PID namespace, with unshare of util-linux")
    if subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine makes no PID namespaces")
    server = Server(tmp_path / "state", "--drain", "20s", prefix=_UNSHARE)
    yield server
    server.close()


def test_tasks_run_and_nothing_of_them_stays(server: Server) -> None:
    with server.client() as client:
        record = client.run("inside", "(setsid sleep 987 &); echo $$; exit 3")
        assert record["exit_code"] == 3
        assert int(client.output("inside")) < 1000
        client.submit("killed", "echo on; sleep 600")
        until(lambda: client.output("killed") == "on\n")
        client.post("killed", "kill")
        assert client.wait("killed")["signal"] == 9


def test_the_end_of_the_container_loses_its_tasks_and_says_so(server: Server) -> None:
    with server.client() as client:
        client.send_bundle()
        client.submit("cut", "echo on; sleep 600")
        until(lambda: client.output("cut") == "on\n")
        server.kill()
        until(lambda: not server.supervisors())
        server.start()
        record = client.wait("cut")
        assert record["state"] == "lost"
        assert "the machine was restarted" in record["message"]
        assert client.output("cut") == "on\n"


def test_a_stopped_container_waits_for_its_tasks(server: Server) -> None:
    with server.client() as client:
        client.send_bundle()
        client.submit("finishes", "echo on; sleep 1; echo off")
        until(lambda: client.output("finishes") == "on\n")
        assert server.process is not None
        # To the server itself, as `docker stop` does; unshare does not pass it on.
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        server.process.wait(timeout=60)
        server.stop(0)
        server.start()
        assert client.get("finishes").json()["exit_code"] == 0
        assert client.output("finishes") == "on\noff\n"
