"""The suite on a self-hosted runner: a real server on a loopback port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobc.conformance import BackendConformance, Subject
from jobc.runner.tokens import new_token
from tests.runner.serving import Server, until


class _Runner(Subject):
    def __init__(self, server: Server) -> None:
        self.server = server
        super().__init__(
            "self-hosted",
            {"host": server.url, "token": server.token},
            wrong_credentials={"token": new_token()},
            unreachable={"host": "http://localhost:9"},
        )

    def leftovers(self) -> list[str]:
        """Folders of tasks, once the runner has removed what it was told to forget, and processes."""
        tasks = self.server.state / "tasks"
        try:
            until(lambda: not list(tasks.iterdir()) and not self.server.supervisors(), seconds=15)
        except AssertionError:
            return [path.name for path in tasks.iterdir()] + [str(pid) for pid in self.server.supervisors()]
        return []

    def exposed(self) -> bytes:
        """What `ps` shows, and all files of the runner: its journal, its log, and those that tasks have not removed."""
        shown = [path / "cmdline" for path in Path("/proc").iterdir() if path.name.isdigit()]
        found = b""
        # A task's TMPDIR is in its private folder, and what its stages pass on goes through files there.
        files = [path for path in self.server.state.rglob("*") if "box/tmp" not in path.as_posix()]
        for path in [*shown, *files]:
            try:
                found += path.read_bytes()
            except OSError:
                continue
        return found


class TestSelfHosted(BackendConformance):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Iterator[Subject]:
        server = Server(tmp_path / "runner", "--concurrency", "8")
        yield _Runner(server)
        server.close()
