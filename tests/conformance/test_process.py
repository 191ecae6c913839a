"""The suite on an environment elsewhere that needs no service: with notifications, and polled."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobc.backends import registry
from jobc.conformance import BackendConformance, Subject

SERVICES = str(Path(__file__).parents[1] / "services")
_PRELUDE = """

from jobc.backends import registry
sys.path.insert(0, {folder!r})
registry.BUILTIN["process"] = ("process_backend", {name!r})
"""


class _Process(Subject):
    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        (folder / "token").write_text("right")
        super().__init__(
            "process",
            {"folder": str(folder), "token": "right"},
            wrong_credentials={"token": "wrong-token"},
            unreachable={"folder": str(folder / "away")},
            prelude=_PRELUDE.format(folder=SERVICES, name=name),
        )

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if path.name != "token"]

    def exposed(self) -> bytes:
        """What `ps` shows, and the files that anybody may read, and those that the task has not removed."""
        shown = [Path(pid, "cmdline") for pid in Path("/proc").iterdir() if pid.name.isdigit()]
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        found = b""
        for path in [*shown, *files]:
            try:
                found += path.read_bytes()
            except OSError:
                continue
        return found


class _OnProcess(BackendConformance):
    name = "ProcessBackend"

    @pytest.fixture
    def subject(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
        monkeypatch.syspath_prepend(SERVICES)
        monkeypatch.setitem(registry.BUILTIN, "process", ("process_backend", self.name))
        folder = tmp_path / "service"
        folder.mkdir()
        return _Process(folder, self.name)


class TestProcess(_OnProcess):
    pass


class TestPolledProcess(_OnProcess):
    name = "PolledProcessBackend"
