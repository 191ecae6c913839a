"""The server dies, its tasks do not; after its restart every one of them has a truthful end."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobc.backends.self_hosted.protocol import key_of
from tests.runner.serving import Client, Server, until


def box(server: Server, name: str) -> Path:
    return server.state / "tasks" / key_of(name) / "box"


def go(server: Server, name: str) -> None:
    (box(server, name) / "work" / "go").touch()


_WAITS = "echo begun; until [ -e go ]; do sleep 0.02; done; echo done; exit 5"


def test_a_running_task_outlives_the_server_and_is_found_again(client: Client, server: Server) -> None:
    client.submit("long", _WAITS)
    until(lambda: client.output("long") == "begun\n")
    server.kill()
    server.start()
    assert client.get("long").json()["state"] == "running"
    go(server, "long")
    record = client.wait("long")
    assert (record["state"], record["exit_code"]) == ("ended", 5)
    assert client.output("long") == "begun\ndone\n"
    assert "1 tasks found running" in server.log()


def test_a_task_that_ends_while_there_is_no_server_has_its_own_end(client: Client, server: Server) -> None:
    client.submit("long", _WAITS)
    until(lambda: client.output("long") == "begun\n")
    server.kill()
    go(server, "long")
    until(lambda: not server.supervisors())
    server.start()
    record = client.wait("long")
    assert (record["state"], record["exit_code"]) == ("ended", 5)


def test_a_task_that_vanished_with_its_supervisor_is_lost_and_says_so(client: Client, server: Server) -> None:
    client.submit("gone", _WAITS)
    until(lambda: client.output("gone") == "begun\n")
    server.kill()
    for pid in server.supervisors():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not server.supervisors())
    server.start()
    record = client.wait("gone")
    assert record["state"] == "lost"
    assert "the process that watched over it is gone" in record["message"]


def test_a_supervisor_that_dies_takes_its_task_along(client: Client, server: Server) -> None:
    client.submit("gone", f"echo $$; {_WAITS}")
    pid = int(until(lambda: client.output("gone").partition("\n")[0]))
    for each in server.supervisors():
        os.kill(each, signal.SIGKILL)
    assert client.wait("gone")["state"] == "lost"
    until(lambda: not Path(f"/proc/{pid}/stat").exists() or b") Z" in Path(f"/proc/{pid}/stat").read_bytes())


def test_what_waited_waits_again_and_a_cancellation_holds(serve: Callable[..., Server]) -> None:
    server = serve("--concurrency", "1")
    with server.client() as client:
        client.send_bundle()
        client.submit("first", _WAITS)
        client.submit("second", "echo second")
        until(lambda: client.output("first") == "begun\n")
        server.kill()
        server.start()
        assert client.get("second").json()["state"] == "queued"
        go(server, "first")
        assert client.wait("second")["exit_code"] == 0
        assert client.output("second") == "second\n"


def test_sigterm_waits_for_what_runs_and_begins_nothing_more(serve: Callable[..., Server]) -> None:
    server = serve("--concurrency", "1")
    with server.client() as client:
        client.send_bundle()
        client.submit("first", _WAITS)
        client.submit("second", "echo second")
        until(lambda: client.output("first") == "begun\n")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        until(lambda: client.http.get("/readyz").status_code == 503)
        answer = client.submit("third")
        assert (answer.status_code, answer.json()["code"]) == (503, "draining")
        assert "retry-after" in answer.headers
        go(server, "first")
        assert server.stop(0) == 0
        server.start()
        assert client.get("first").json()["exit_code"] == 5
        assert client.wait("second")["exit_code"] == 0


def test_a_drain_ends_in_time_and_hands_on_what_still_runs(serve: Callable[..., Server]) -> None:
    server = serve("--drain", "200ms")
    with server.client() as client:
        client.send_bundle()
        client.submit("long", _WAITS)
        until(lambda: client.output("long") == "begun\n")
        assert server.stop() == 0
        assert "1 task goes on without the runner" in server.log()
        server.start()
        go(server, "long")
        assert client.wait("long")["exit_code"] == 5


def test_an_open_event_stream_does_not_keep_the_server_from_ending(client: Client, server: Server) -> None:
    events = client.events("/v1/events", params={"stream": "abcdefgh"})
    assert next(events)[0] == "hello"
    assert server.stop() == 0
    assert list(events) == []


def test_one_folder_has_one_server(server: Server) -> None:
    options = ["--state", str(server.state), "--port", "0"]
    second = subprocess.run(
        [sys.executable, "-m", "jobc", "runner", "serve", *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert "another runner uses the state folder" in second.stderr
    with server.client() as client:
        assert client.http.get("/healthz").status_code == 200


def test_a_damaged_journal_is_told_with_its_remedy(server: Server) -> None:
    server.stop()
    (server.state / "journal.db").write_bytes(b"no database, surely, but long enough to be read as one" * 100)
    with pytest.raises(AssertionError, match="is damaged: it is not a database"):
        server.start()


@pytest.mark.parametrize("seed", range(4))
def test_deaths_at_random_instants_lose_and_double_nothing(serve: Callable[..., Server], seed: int) -> None:
    """Tasks are submitted, again and again where there was no answer, while the server is killed; each runs exactly once."""
    chance = random.Random(seed)
    server = serve("--concurrency", "3")
    names = [f"task.{number}" for number in range(24)]
    script = "echo ran; sleep 0.0$((RANDOM % 9)); echo end; exit 0"
    deaths = 0
    with server.client() as client:
        client.send_bundle()
        waiting = list(names)
        while waiting:
            if chance.random() < 0.25 and deaths < 6:
                deaths += 1
                server.kill()
                server.start()
            name = waiting[0]
            if client.submit(name, script).status_code in (200, 201):
                waiting.pop(0)
            time.sleep(chance.random() * 0.02)
        server.kill()
        server.start()
        for name in names:
            record = client.wait(name)
            assert (record["state"], record["exit_code"]) == ("ended", 0), record
            assert client.output(name) == "ran\nend\n"
    assert deaths > 0
    rows = sqlite3.connect(server.state / "journal.db").execute("SELECT count(*) FROM tasks").fetchone()
    assert rows == (24,)


def test_the_journal_holds_no_secret(client: Client, server: Server) -> None:
    client.run("secret", "true", secrets={"KEY": "hush-hush"})
    rows = sqlite3.connect(server.state / "journal.db").execute("SELECT * FROM tasks").fetchall()
    assert "hush" not in json.dumps(rows)
    assert "hush" not in server.log()
