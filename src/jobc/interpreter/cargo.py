"""The files of a task on their way to another machine and back: artifacts as one tar archive.

    index.json      by the position of the job that published them, the artifacts: whose they are, their entries
    blobs/DIGEST    the content of a file, once however often it occurs

Nothing is taken from such an archive that is not what it says: a blob is stored under its digest or not at all, an entry's
path and link lead out of no folder. The other side may be a machine that others use too.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from typing import Any, BinaryIO, Dict, List, Mapping, Optional, Tuple

from jobc.interpreter.files import Artifact
from jobc.interpreter.filesets import FILE, BlobProblem, Blobs, Entry, StoreCapabilities
from jobc.interpreter.wire import pack, unpack

INDEX = "index.json"
_BLOCK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class CargoError(ValueError):
    """An archive cannot be read; the text says why."""


class FolderBlobs:
    """A store for one task, in a folder of its own."""

    capabilities = StoreCapabilities(prunes=True)

    def __init__(self, folder: str) -> None:
        self._folder = folder
        os.makedirs(folder, exist_ok=True)

    def _path(self, digest: str) -> str:
        return os.path.join(self._folder, digest)

    def has(self, digest: str, size: int) -> bool:
        try:
            return os.path.getsize(self._path(digest)) == size
        except OSError:
            return False

    def put(self, path: str, known: Optional[str]) -> Tuple[str, int]:
        temporary = "%s.%s" % (self._path("new"), os.urandom(8).hex())
        whole = hashlib.sha256()
        size = 0
        with open(path, "rb") as source, open(temporary, "xb") as out:
            for block in iter(lambda: source.read(_BLOCK), b""):
                whole.update(block)
                out.write(block)
                size += len(block)
        os.replace(temporary, self._path(whole.hexdigest()))
        return whole.hexdigest(), size

    def fetch(self, digest: str, target: str) -> None:
        try:
            shutil.copyfile(self._path(digest), target)
        except OSError:
            if os.path.exists(target):
                os.unlink(target)
            raise BlobProblem(digest, damaged=False) from None


def write(stream: BinaryIO, artifacts: Mapping[int, List[Artifact]], blobs: Blobs) -> None:
    """Write an archive. A blob that the store has not any more is left out; who unpacks it misses it, and says whose it was."""
    index = {str(position): [_describe(one) for one in several] for position, several in artifacts.items()}
    entries = [entry for several in artifacts.values() for one in several for entry in one.entries]
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        data = json.dumps(index, ensure_ascii=False).encode("utf-8", "surrogatepass")
        _add(archive, INDEX, len(data), io.BytesIO(data))
        digests = sorted({entry.digest for entry in entries if entry.kind == FILE})
        with tempfile.TemporaryDirectory(prefix="jobc-cargo-") as folder:
            for digest in digests:
                path = os.path.join(folder, digest)
                try:
                    blobs.fetch(digest, path)
                except BlobProblem:
                    continue
                with open(path, "rb") as source:
                    _add(archive, "blobs/" + digest, os.path.getsize(path), source)
                os.unlink(path)


def _add(archive: tarfile.TarFile, name: str, size: int, source: BinaryIO) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, source)


def _describe(artifact: Artifact) -> Dict[str, Any]:
    return {
        **artifact.to_json(),
        "job": artifact.job,
        "combination": artifact.combination,
        "matrix": pack(artifact.matrix),
    }


def read(stream: BinaryIO, blobs: Blobs) -> Dict[int, List[Artifact]]:
    """The artifacts of an archive, their contents in the store. Raises CargoError, OSError."""
    found: Dict[int, List[Artifact]] = {}
    try:
        with (
            tarfile.open(fileobj=stream, mode="r|") as archive,
            tempfile.TemporaryDirectory(prefix="jobc-cargo-") as folder,
        ):
            for member in archive:
                source = archive.extractfile(member) if member.isfile() else None
                if source is None:
                    raise CargoError("it holds `%s`, which is no file" % member.name)
                if member.name == INDEX:
                    found = _artifacts(source.read())
                else:
                    _take(member.name, source, blobs, folder)
    except tarfile.TarError as error:
        raise CargoError("it is no archive: %s" % error) from None
    return found


def _take(name: str, source: Any, blobs: Blobs, folder: str) -> None:
    kind, _, digest = name.partition("/")
    if kind != "blobs" or _DIGEST.fullmatch(digest) is None:
        raise CargoError("it holds `%s`, which is no blob" % name)
    path = os.path.join(folder, digest)
    with open(path, "xb") as out:
        shutil.copyfileobj(source, out, _BLOCK)
    if blobs.put(path, None)[0] != digest:
        raise CargoError("the blob %s is not what its name says" % digest[:12])
    os.unlink(path)


def _artifacts(data: bytes) -> Dict[int, List[Artifact]]:
    try:
        index = json.loads(data.decode("utf-8", "surrogatepass"))
        return {
            int(position): [
                Artifact(
                    str(one["name"]),
                    str(one["job"]),
                    int(one["combination"]),
                    dict(unpack(one["matrix"])),
                    str(one["root"]),
                    [Entry.of_json(row) for row in one["files"]],
                )
                for one in several
            ]
            for position, several in index.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CargoError("its index is not whole: %s" % error) from None
