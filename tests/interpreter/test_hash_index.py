"""The index of digests: an unchanged tree is not read, a changed file always is."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from jobc.interpreter.hash_index import HashIndex

PAST = time.time() - 3600


def old(path: Path, text: str) -> Path:
    """A file that was not touched for an hour."""
    path.write_text(text)
    os.utime(path, (PAST, PAST))
    return path


def digest(index: HashIndex, folder: Path, name: str) -> str:
    return index.digest(name, os.lstat(folder / name))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "work"
    folder.mkdir()
    for number in range(50):
        old(folder / f"f{number}", str(number))
    path = str(tmp_path / "index/one.json")
    index = HashIndex(str(folder), path)
    for number in range(50):
        assert digest(index, folder, f"f{number}") == sha(str(number))
    assert index.read == 50
    index.save()
    return folder, path


def test_an_unchanged_tree_is_not_read(kept: tuple[Path, str]) -> None:
    folder, path = kept
    index = HashIndex(str(folder), path)
    for number in range(50):
        assert digest(index, folder, f"f{number}") == sha(str(number))
    assert index.read == 0


def test_a_file_of_the_same_size_and_time_is_read_again(kept: tuple[Path, str]) -> None:
    """Its time was put back, as `cp -p` and archives do; that of its inode tells."""
    folder, path = kept
    old(folder / "f1", "x")
    index = HashIndex(str(folder), path)
    assert digest(index, folder, "f1") == sha("x")


def test_a_file_that_another_was_moved_over_is_read_again(kept: tuple[Path, str]) -> None:
    folder, path = kept
    other = old(folder / "new", "y")
    other.rename(folder / "f1")
    assert digest(HashIndex(str(folder), path), folder, "f1") == sha("y")


def test_a_file_that_was_hashed_as_soon_as_it_was_written_is_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "racy"
    file.write_text("one")
    index = HashIndex(str(tmp_path))
    assert index.digest("racy", os.lstat(file)) == sha("one")
    assert index.known("racy", os.lstat(file)) is None
    index.digest("racy", os.lstat(file))
    assert index.read == 2
    os.utime(file, (PAST, PAST))
    index.digest("racy", os.lstat(file))
    assert index.known("racy", os.lstat(file)) == sha("one")


@pytest.mark.parametrize(
    "spoilt", [b"", b"{", b"[]", b'{"format": 99, "files": {}}', b'{"format": 1, "files": {"f1": 3}}']
)
def test_a_damaged_index_costs_time_alone(kept: tuple[Path, str], spoilt: bytes) -> None:
    folder, path = kept
    Path(path).write_bytes(spoilt)
    index = HashIndex(str(folder), path)
    assert digest(index, folder, "f1") == sha("1")
    assert index.read == 1
    index.save()
    assert json.loads(Path(path).read_text())["files"]["f1"][-1] == sha("1")


def test_an_index_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    old(tmp_path / "f", "x")
    (tmp_path / "file").write_text("in the way")
    index = HashIndex(str(tmp_path), str(tmp_path / "file/index.json"))
    assert digest(index, tmp_path, "f") == sha("x")
    index.save()


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        old(tmp_path / name, "x")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    path = str(tmp_path / "index.json")
    index = HashIndex(str(tmp_path), path)
    digest(index, tmp_path, name)
    index.save()
    again = HashIndex(str(tmp_path), path)
    assert digest(again, tmp_path, name) == sha("x")
    assert again.read == 0
