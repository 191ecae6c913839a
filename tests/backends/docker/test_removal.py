"""When the containers of collected tasks go: not at once, and all of them at the end of the run."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from jobc.backends.docker import removal
from jobc.backends.docker.errors import Unreachable
from jobc.backends.docker.removal import Removal


class _Gone:
    """Stands for the daemon: which containers it was asked to remove."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.told = threading.Event()

    def remove(self, container: Any) -> None:
        self.names.append(container)
        self.told.set()
        if container == "away":
            raise Unreachable("the daemon does not answer")


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> _Gone:
    found = _Gone()
    monkeypatch.setattr(removal.containers, "remove", found.remove)
    return found


def test_a_container_stays_until_its_time_has_come(gone: _Gone, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Removal()
    work.later("first")  # type: ignore[arg-type]
    monkeypatch.setattr(removal, "KEEP", 0.0)
    assert gone.names == []
    other = Removal()
    other.later("second")  # type: ignore[arg-type]
    assert gone.told.wait(30)
    assert gone.names == ["second"]
    other.close()
    work.close()
    assert gone.names == ["second", "first"]


def test_all_go_at_the_end_whatever_the_daemon_says(gone: _Gone) -> None:
    work = Removal()
    for number in range(50):
        work.later("away" if number == 3 else f"c{number}")  # type: ignore[arg-type]
    work.close()
    assert sorted(gone.names) == sorted(["away", *(f"c{number}" for number in range(50) if number != 3)])


def test_where_nothing_was_collected_nothing_is_begun(gone: _Gone) -> None:
    before = threading.active_count()
    Removal().close()
    assert threading.active_count() == before
    assert gone.names == []
