"""What answers is no runner, or nothing does."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from jobc.backends.api import BackendError
from jobc.backends.self_hosted import connection
from tests.backends.self_hosted.rig import Rig


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """The address of something that answers every connection so."""
    listening = socket.create_server(("localhost", 0))
    stopped = threading.Event()

    def work() -> None:
        while True:
            try:
                found, _ = listening.accept()
            except OSError:
                return
            with found:
                found.recv(65536)
                found.sendall(reply)
                if stopped.is_set():
                    return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{listening.getsockname()[1]}"
    finally:
        stopped.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def refusal(host: str, workdir: str) -> BackendError:
    rig = Rig({"host": host, "token": "t" * 30}, workdir)
    try:
        with pytest.raises(BackendError) as caught:
            rig.backend.submit(rig.task("stranger"))
        return caught.value
    finally:
        rig.backend.close()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LEAST_WAIT", 0.01)


def _http(status: str, body: bytes = b"", head: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


@pytest.mark.parametrize(
    ("reply", "said", "transient"),
    [
        (_http("200 OK", b"<html>hello</html>"), "is no jobc runner", False),
        (
            _http("404 Not Found", b"<html>"),
            "is no jobc runner; see whether `host` has its address and port",
            False,
        ),
        (_http("302 Found", b"", "Location: http://evil/\r\n"), "is no jobc runner (HTTP 302)", False),
        (_http("502 Bad Gateway", b"<html>"), "cannot reach it (HTTP 502)", True),
        (_http("503 Service Unavailable", b"Exceeded"), "cannot reach it (HTTP 503)", True),
        (_http("403 Forbidden", b"{}"), "lets nobody through (HTTP 403)", False),
        (
            _http("500 Oops", b'{"code": "unauthorized", "message": "x"}'),
            "is no jobc runner (HTTP 500)",
            False,
        ),
        (b"HTTP/9 what?\r\n\r\n", "does not speak HTTP as a runner does", False),
        (b"", "if the runner has TLS, write `https://`", True),
    ],
)
def test_strangers_are_told_from_runners(tmp_path: object, reply: bytes, said: str, transient: bool) -> None:
    with answering(reply) as host:
        found = refusal(host, str(tmp_path))
    assert said in str(found), found
    assert found.transient is transient


def test_nobody_and_nowhere(tmp_path: object, unused: Callable[[], int]) -> None:
    found = refusal(f"http://localhost:{unused()}", str(tmp_path))
    assert "nothing listens there; see whether the runner runs" in str(found)
    assert found.transient
    found = refusal("http://no-such-machine.invalid:1", str(tmp_path))
    assert "`host`" in str(found)


@pytest.fixture
def unused() -> Callable[[], int]:
    def find() -> int:
        with socket.create_server(("localhost", 0)) as found:
            port: int = found.getsockname()[1]
            return port

    return find


def test_tries_are_spaced_ever_wider_and_scattered() -> None:
    waits = [[connection.pause(number, None) for _ in range(50)] for number in range(1, 8)]
    for shorter, longer in itertools.pairwise(waits):
        assert max(shorter) < min(longer) * 1.5
        assert len(set(longer)) > 1
    assert 7.0 <= connection.pause(1, 7.0) <= 10.5
