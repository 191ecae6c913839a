from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runner.serving import Client, Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`serve(*options)` starts a runner; all are ended with the test, and their tasks with them."""
    servers: list[Server] = []

    def start(*options: str, **changes: object) -> Server:
        state = tmp_path / f"runner{len(servers)}"
        servers.append(Server(state, *options, **changes))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve("--concurrency", "2")


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as client:
        client.send_bundle()
        yield client
