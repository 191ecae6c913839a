"""Those who must not get in, and those who would if they could: wrong tokens, bodies without end, names that lead elsewhere."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.backends.self_hosted.protocol import key_of
from jobc.runner.bodies import parse_head
from jobc.runner.refusal import Refused
from tests.runner.serving import HASH, Client, Server

PATHS = [
    ("GET", "/v1/runner"),
    ("GET", "/metrics"),
    ("GET", f"/v1/bundles/{HASH}"),
    ("PUT", f"/v1/bundles/{HASH}"),
    ("PUT", f"/v1/tasks/{HASH}"),
    ("GET", f"/v1/tasks/{HASH}"),
    ("DELETE", f"/v1/tasks/{HASH}"),
    ("GET", f"/v1/tasks/{HASH}/output"),
    ("GET", f"/v1/tasks/{HASH}/events"),
    ("GET", f"/v1/tasks/{HASH}/files/result.json"),
    ("POST", f"/v1/tasks/{HASH}/cancel"),
    ("POST", f"/v1/tasks/{HASH}/kill"),
    ("POST", "/v1/forget"),
    ("GET", "/v1/events?stream=abcdefgh"),
    ("POST", "/v1/streams/abcdefgh"),
    ("GET", "/no/such/route"),
    ("OPTIONS", "/v1/runner"),
]


def test_nothing_is_told_without_the_token(server: Server) -> None:
    token = server.token
    headers: list[dict[str, str] | list[tuple[str, str]]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {token[:-1]}"},
        {"Authorization": f"Bearer {token}x"},
        {"Authorization": f"Bearer {token.swapcase()}"},
        {"Authorization": f"Bearer {token} {token}"},
        {"Authorization": f"Basic {token}"},
        {"Authorization": token},
        [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")],
        {"X-Authorization": f"Bearer {token}"},
        {"Cookie": f"token={token}"},
    ]
    with httpx.Client(base_url=server.url) as http:
        for method, path in PATHS:
            for each in headers:
                answer = http.request(method, path, headers=each, content=b"x" if method == "PUT" else None)
                assert answer.status_code == 401, (method, path, each)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert token not in answer.text
        answer = http.get(f"/v1/runner?token={token}")
        assert answer.status_code == 401
        for path in ("/healthz", "/readyz", "/openapi.json"):
            assert http.get(path).status_code == 200
    assert token not in server.log()


def test_a_token_that_was_rotated_out_is_refused_by_a_running_server(server: Server) -> None:
    import subprocess
    import sys

    with server.client() as old:
        assert old.http.get("/v1/runner").status_code == 200
        command = [sys.executable, "-m", "jobc", "runner", "token", "--rotate", "--state", str(server.state)]
        new = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert old.http.get("/v1/runner").status_code == 401
    with server.client(token=new) as client:
        assert client.http.get("/v1/runner").status_code == 200


def test_bodies_without_end_are_cut_off(serve: Callable[..., Server]) -> None:
    server = serve("--max-upload", "1M")
    sent = 0

    def endless() -> object:
        nonlocal sent
        head = {"name": "big", "bundle": HASH, "files": [["task.json", 2**40]]}
        yield json.dumps(head).encode() + b"\n"
        while sent < 2**28:
            sent += 65536
            yield b"x" * 65536

    with server.client() as client:
        client.send_bundle()
        try:
            answer = client.http.put(f"/v1/tasks/{key_of('big')}", content=endless())  # type: ignore[arg-type]
            assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        except httpx.HTTPError:
            pass  # cut off before it could read why
        assert sent < 2**27
        assert client.http.post("/v1/forget", content=b"x" * (2 * 1024 * 1024)).status_code == 413
    assert list((server.state / "incoming").iterdir()) == []


def test_a_connection_that_says_nothing_or_too_little_does_not_stay(serve: Callable[..., Server]) -> None:
    server = serve()
    # Silence, half a head, a head and half a body, a body drop by drop.
    head = f"PUT /v1/bundles/{HASH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
    beginnings = [b"", b"GET /hea", head.encode(), f"{head}Content-Length: 1000\r\n\r\nabc".encode()]

    def endures(beginning: bytes) -> bytes:
        with socket.create_connection(("localhost", server.port)) as connection:
            connection.settimeout(60)
            connection.sendall(beginning)
            found = b""
            while data := connection.recv(4096):
                found += data
            return found

    def drips() -> bytes:
        with socket.create_connection(("localhost", server.port)) as connection:
            connection.settimeout(2)
            connection.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode())
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    connection.sendall(b"x")
                    found = connection.recv(4096)
                except TimeoutError:
                    continue
                except OSError:
                    return b"408"
                return found
            return b""

    with ThreadPoolExecutor(5) as pool:
        dripping = pool.submit(drips)
        said = list(pool.map(endures, beginnings))
        assert said[:3] == [b"", b"", b""]
        assert b" 408 " in said[3]
        assert b"408" in dripping.result()


@pytest.mark.parametrize(
    "name",
    [
        "../output",
        "..%2f..%2fjournal.db",
        "%2e%2e/journal.db",
        "../../../token",
        "..%5ctoken",
        "%00",
        "secrets.json",
        "spec.json",
    ],
)
def test_names_of_files_lead_nowhere_else(client: Client, name: str) -> None:
    client.run("files", "ln -s /etc/passwd ../link; ln -s ../../../journal.db ../db; echo '{}' > $RESULT")
    url = f"/v1/tasks/{key_of('files')}/files/{name}"
    # This client sends a path as it stands.
    connection = http.client.HTTPConnection("localhost", client.http.base_url.port)
    connection.request("GET", url, headers={"Authorization": client.http.headers["authorization"]})
    assert connection.getresponse().status == 404
    connection.close()
    for link in ("link", "db"):
        assert client.get("files", f"/files/{link}").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/cron.d/evil", "a/b", "..", "work", "bundle.pyz", "", "a\0", ".bashrc", "x" * 300],
)
def test_names_of_files_that_are_sent_lead_nowhere_else(client: Client, server: Server, name: str) -> None:
    head = {"name": "sent", "bundle": HASH, "files": [["task.json", 2], [name, 1]]}
    answer = client.http.put(f"/v1/tasks/{key_of('sent')}", content=json.dumps(head).encode() + b"\n{}x")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert client.get("sent").status_code == 404
    assert list((server.state / "incoming").iterdir()) == []


@pytest.mark.parametrize("key", ["..", "%2e%2e", "x" * 64, "A" * 64, "0" * 63, "..%2f" * 13])
def test_keys_lead_nowhere_else(client: Client, key: str) -> None:
    for what in ("", "/output", "/files/result.json"):
        assert client.http.get(f"/v1/tasks/{key}{what}").status_code == 404


def test_a_submission_that_is_cut_off_or_too_long_leaves_nothing(client: Client, server: Server) -> None:
    head = json.dumps({"name": "cut", "bundle": HASH, "files": [["task.json", 10]]}).encode() + b"\n"
    for body in (head + b"123", head + b"12345678901", head, b"", b"\n", b"[]\n", b"{" * 70000, b"\xff\n"):
        answer = client.http.put(f"/v1/tasks/{key_of('cut')}", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), body[:50]
    assert client.get("cut").status_code == 404
    assert list((server.state / "incoming").iterdir()) == []


def test_a_key_must_be_that_of_the_name(client: Client) -> None:
    head = json.dumps({"name": "mine", "bundle": HASH, "files": [["task.json", 2]]}).encode() + b"\n{}"
    assert client.http.put(f"/v1/tasks/{key_of('yours')}", content=head).status_code == 400


def test_another_version_of_the_protocol_is_told_so(client: Client) -> None:
    answer = client.http.get("/v1/runner", headers={"jobc-protocol": "2"})
    assert (answer.status_code, answer.json()["code"]) == (400, "protocol")
    assert "use the same version of jobc on both sides" in answer.json()["help"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
_HEADS = st.fixed_dictionaries(
    {
        "name": st.text(max_size=20) | _JSON,
        "bundle": st.just(HASH) | _JSON,
        "files": _JSON | st.just([["a", 1]]),
    },
    optional={
        "environ": _JSON | st.dictionaries(st.text(max_size=8).map("JOBC_{}".format), st.text()),
        "labels": _JSON,
        "cpu": _JSON,
        "memory": _JSON,
        "timeout": _JSON,
        "grace": _JSON,
        "run": _JSON,
        "more": _JSON,
    },
)


@settings(max_examples=300)
@given(
    st.binary()
    | _HEADS.map(lambda head: json.dumps(head).encode())
    | _JSON.map(lambda each: json.dumps(each).encode())
)
def test_any_head_is_read_or_refused(line: bytes) -> None:
    try:
        head = parse_head(line)
    except Refused:
        return
    assert head.name
    assert all("/" not in name and name not in ("..", ".") for name, _ in head.files)
    assert all(name.startswith("JOBC_") and "\0" not in text for name, text in head.environ.items())
    head.line()


def test_noise_on_the_socket_gets_no_answer_but_a_refusal(server: Server) -> None:
    """300 connections that speak no HTTP, or a broken one; afterwards the server answers as before."""
    import random

    chance = random.Random(7)
    words = [
        b"GET ",
        b"PUT ",
        b"/v1/runner",
        b" HTTP/1.1",
        b"\r\n",
        b"\r\n\r\n",
        b"Host: x",
        b"Content-Length: ",
        b"-1",
        b"99",
    ]
    words += [
        b"Transfer-Encoding: chunked",
        b"\0",
        b"\xff" * 9,
        b"ZZ\r\n",
        b"Authorization: Bearer x",
        b":" * 70000,
        b"\x16\x03\x01",
    ]
    for _ in range(300):
        noise = b"".join(chance.choice(words) for _ in range(chance.randrange(1, 12)))
        with socket.create_connection(("localhost", server.port)) as connection:
            try:
                connection.sendall(noise)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(30)
                found = connection.recv(100)
            except OSError:
                continue
            assert found == b"" or found.split()[1] in (b"400", b"401", b"404", b"405"), (noise, found)
    with server.client() as client:
        assert client.http.get("/v1/runner").status_code == 200
    assert "Traceback" not in server.log()
