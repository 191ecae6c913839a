"""Temporary folders go with their owner, and those of the dead with the next one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from jobc.interpreter import scratch
from jobc.interpreter.scratch import sweep


def left_behind(parent: Path, name: str) -> Path:
    """A folder whose owner died."""
    folder = parent / name
    folder.mkdir()
    (folder / ".jobc-lock").touch()
    (folder / "1-stage.output").write_text("x=1\n")
    return folder


def test_a_dead_owner_s_folder_is_removed_and_a_living_one_s_stays(tmp_path: Path) -> None:
    dead, living = left_behind(tmp_path, "jobc-dead"), left_behind(tmp_path, "jobc-living")
    with open(living / ".jobc-lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        sweep(str(tmp_path))
    assert not dead.exists()
    assert (living / "1-stage.output").exists()


def test_what_a_sudden_death_leaves_half_made_or_half_removed_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobc-abcd1234").mkdir()  # made, and not locked yet
    dead = left_behind(tmp_path, "jobc-dead")

    def die(path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            sweep(str(tmp_path))
    assert (dead / ".jobc-lock").exists()
    sweep(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "jobc-data").mkdir()
    (tmp_path / "jobc-notes").write_text("mine")
    left_behind(tmp_path, "elsewhere")
    (tmp_path / "jobc-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "jobc-trap").mkdir()
    (tmp_path / "jobc-trap" / ".jobc-lock").symlink_to(tmp_path / "jobc-notes")
    sweep(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere", "jobc-data", "jobc-link", "jobc-notes", "jobc-trap",
    ]  # fmt: skip
    assert (tmp_path / "elsewhere" / "1-stage.output").exists()


def test_a_removed_folder_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.remove()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = scratch.path("x")
    assert scratch.path("x") != first
    assert os.path.dirname(first) == scratch.folder()
    scratch.remove()
    assert not os.path.exists(os.path.dirname(first))
    assert scratch.folder() != os.path.dirname(first)
    scratch.remove()
