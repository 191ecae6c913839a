"""Tasks run as another user: what they can do, and what they cannot reach. For root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobc.backends.self_hosted.protocol import key_of
from tests.runner.serving import Client, Server, until

pytestmark = pytest.mark.services
_USER = "nobody"


@pytest.fixture
def client() -> Iterator[Client]:
    if os.geteuid() != 0:
        pytest.skip("only root can run tasks as another user")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("there is no Python that another user can run")
    # The folders of pytest let nobody else through.
    folder = tempfile.mkdtemp(prefix="jobc-runner-")
    os.chmod(folder, 0o711)
    server = Server(Path(folder, "state"), "--user", _USER, "--python", python, "--concurrency", "2")
    try:
        with server.client() as client:
            client.send_bundle()
            client.server = server  # type: ignore[attr-defined]
            yield client
    finally:
        server.close()
        shutil.rmtree(folder)


def test_a_task_is_another_user_in_a_folder_of_its_own(client: Client) -> None:
    record = client.run(
        "who", 'id -un; id -Gn; stat -c "%a %U" ..; touch here && echo "$HOME"; echo "{}" > $RESULT'
    )
    assert record["exit_code"] == 0, client.output("who")
    entry = pwd.getpwnam(_USER)
    lines = client.output("who").splitlines()
    assert lines[0] == _USER
    assert "root" not in lines[1].split()
    assert lines[2:] == [f"700 {_USER}", entry.pw_dir]
    assert client.get("who", "/files/result.json").text == "{}\n"


def test_it_reaches_nothing_of_the_runner_nor_of_other_tasks(client: Client) -> None:
    client.submit("other", "umask 000; echo private > file; until [ -e go ]; do sleep 0.05; done")
    state = client.server.state  # type: ignore[attr-defined]
    other = state / "tasks" / key_of("other")
    until(lambda: (other / "box" / "work" / "file").exists())
    script = f"""
    cd {state}
    for path in token journal.db lock bundles incoming tasks tasks/{key_of("curious")}/output \\
        tasks/{key_of("curious")}/spec.json tasks/{key_of("curious")}/alive; do
      [ -d $path ] && {{ ls $path && echo "listed $path"; }}
      head -c 1 $path > /dev/null && echo "read $path"
      echo x >> $path && echo "wrote $path"
    done
    touch tasks/{key_of("curious")}/status.json && echo "forged an end"
    rm -r tasks/{key_of("curious")}/box && echo "moved its box"
    kill -9 $PPID && echo killed
    true
    """
    record = client.run("curious", script)
    assert record["exit_code"] == 0
    said = [line for line in client.output("curious").splitlines() if ": " not in line]
    assert said == []
    client.post("other", "kill")


def test_links_to_files_of_root_are_not_followed(client: Client) -> None:
    client.run("links", "ln -s /etc/shadow ../result.json; ln /etc/hostname ../hard 2>/dev/null; true")
    assert client.get("links", "/files/result.json").status_code == 404
    assert client.get("links", "/files/hard").status_code == 404


def test_a_user_that_is_not_there_is_told(client: Client) -> None:

    state = str(client.server.state) + "2"  # type: ignore[attr-defined]
    command = [sys.executable, "-m", "jobc", "runner", "serve", "--user", "no-such-user", "--state", state]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 2
    assert "there is no user `no-such-user` here" in found.stderr


def test_a_folder_that_the_user_cannot_reach_is_told_at_the_start(client: Client, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    command = [
        sys.executable,
        "-m",
        "jobc",
        "runner",
        "serve",
        "--user",
        _USER,
        "--state",
        str(closed / "state"),
    ]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 2
    assert f"tasks run as {_USER}, who may not enter" in found.stderr
