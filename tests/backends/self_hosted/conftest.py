from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.self_hosted.rig import Rig
from tests.runner.serving import Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*options: str, **changes: Any) -> Server:
        servers.append(Server(tmp_path / f"runner{len(servers)}", *options, **changes))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve("--concurrency", "2")


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """`connect(server, **arguments)` is a backend with that runner."""
    rigs: list[Rig] = []
    workdir = tmp_path / "work"
    workdir.mkdir()

    def make(server: Server, **arguments: Any) -> Rig:
        rigs.append(Rig({"host": server.url, "token": server.token, **arguments}, str(workdir)))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.backend.close()


@pytest.fixture
def rig(server: Server, connect: Callable[..., Rig]) -> Rig:
    return connect(server)
