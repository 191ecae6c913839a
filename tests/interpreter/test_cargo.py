from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from jobc.interpreter.cargo import CargoError, FolderBlobs, read, write
from jobc.interpreter.files import Artifact
from jobc.interpreter.filesets import Entry


def packed(blobs: FolderBlobs, *entries: Entry) -> bytes:
    stream = io.BytesIO()
    write(stream, {2: [Artifact("site", "build", 1, {"n": 1}, "dist", list(entries))]}, blobs)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def test_artifacts_come_out_as_they_went_in(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00content")
    here, there = FolderBlobs(str(tmp_path / "here")), FolderBlobs(str(tmp_path / "there"))
    digest, size = here.put(str(tmp_path / "a"), None)
    entries = [
        Entry("dist/a", "file", 0o755, size, digest),
        Entry("dist/copy", "file", 0o644, size, digest),
        Entry("dist/l", "link", 0o777, 0, "a"),
        Entry("dist/e", "folder", 0o755, 0, ""),
    ]
    data = packed(here, *entries)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert len(tar.getnames()) == 2
    found = read(io.BytesIO(data), there)
    (artifact,) = found[2]
    assert (artifact.name, artifact.job, artifact.combination) == ("site", "build", 1)
    assert (artifact.matrix, artifact.root) == ({"n": 1}, "dist")
    assert [entry.to_json() for entry in artifact.entries] == [entry.to_json() for entry in entries]
    assert there.has(digest, size)


def test_what_the_store_has_lost_is_missed_by_the_other_side(tmp_path: Path) -> None:
    here, there = FolderBlobs(str(tmp_path / "here")), FolderBlobs(str(tmp_path / "there"))
    found = read(io.BytesIO(packed(here, Entry("a", "file", 0o644, 1, "0" * 64))), there)
    assert not there.has(found[2][0].entries[0].digest, 1)


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../b", "."])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    blobs = FolderBlobs(str(tmp_path / "blobs"))
    with pytest.raises(CargoError, match="not an entry"):
        read(io.BytesIO(packed(blobs, Entry(path, "link", 0o777, 0, "a"))), blobs)


@pytest.mark.parametrize(
    "members",
    [
        {"blobs/../../evil": b"x"},
        {"/etc/evil": b"x"},
        {"blobs/" + "0" * 64: b"not what the name says"},
        {"index.json": b"["},
        {"index.json": b'{"0": [{"name": "a"}]}'},
        {"index.json": json.dumps({"0": "x"}).encode()},
    ],
)
def test_an_archive_that_is_not_what_it_says_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    blobs = FolderBlobs(str(tmp_path / "blobs"))
    with pytest.raises(CargoError):
        read(io.BytesIO(archive(**members)), blobs)
    assert not (tmp_path / "evil").exists()


def test_bytes_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CargoError, match="no archive"):
        read(io.BytesIO(b"x" * 2000), FolderBlobs(str(tmp_path / "blobs")))


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        member = tarfile.TarInfo("blobs/" + hashlib.sha256(b"").hexdigest())
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(CargoError, match="no file"):
        read(io.BytesIO(stream.getvalue()), FolderBlobs(str(tmp_path / "blobs")))
