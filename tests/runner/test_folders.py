"""What a task may leave for others to fetch: its own plain files, whatever tricks it plays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobc.runner.folders import Folders, TaskFolder, is_name


@pytest.fixture
def folder(tmp_path: Path) -> TaskFolder:
    folder = TaskFolder(str(tmp_path / "task"), None)
    folder.make()
    return folder


def read(folder: TaskFolder, name: str) -> bytes | None:
    file = folder.open_left(name)
    if file is None:
        return None
    with file:
        return file.read()


def test_a_plain_file_is_read(folder: TaskFolder) -> None:
    Path(folder.box, "result.json").write_bytes(b"{}")
    assert read(folder, "result.json") == b"{}"


@pytest.mark.parametrize(
    "name",
    [
        "../output",
        "..",
        ".",
        "",
        "a/b",
        "/etc/passwd",
        "a\0b",
        ".hidden",
        "x" * 200,
        "work",
        "bundle.pyz",
        "a\n",
        "..\\x",
    ],
)
def test_no_name_leads_out_of_the_box(folder: TaskFolder, name: str) -> None:
    Path(folder.path, "output").write_bytes(b"runner's")
    assert read(folder, name) is None
    assert not is_name(name)


@pytest.mark.parametrize("name", ["secrets.json", "task.json"])
def test_what_was_sent_is_not_given_out(folder: TaskFolder, name: str) -> None:
    Path(folder.box, name).write_bytes(b"secret")
    assert read(folder, name) is None


def test_links_pipes_and_folders_are_no_files(folder: TaskFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of another")
    os.symlink(secret, os.path.join(folder.box, "soft"))
    os.link(secret, os.path.join(folder.box, "hard"))
    os.mkfifo(os.path.join(folder.box, "pipe"))
    os.mkdir(os.path.join(folder.box, "folder"))
    assert [read(folder, name) for name in ("soft", "hard", "pipe", "folder")] == [None] * 4


def test_a_box_that_became_a_link_is_not_followed(folder: TaskFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "result.json").write_bytes(b"of another")
    os.rmdir(folder.box)
    os.symlink(other, folder.box)
    assert read(folder, "result.json") is None


def test_a_file_that_is_there_is_not_written_over(folder: TaskFolder) -> None:
    folder.create("in.tar").close()
    with pytest.raises(FileExistsError):
        folder.create("in.tar")


def test_what_a_dead_server_was_receiving_is_swept_away(tmp_path: Path) -> None:
    folders = Folders(str(tmp_path / "state"), None)
    folders.new_task()
    folders.close()
    folders = Folders(str(tmp_path / "state"), None)
    assert list((tmp_path / "state" / "incoming").iterdir()) == []
    folders.close()
