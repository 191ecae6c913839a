"""The local store: contents of files by their digest, and the entries of the cache, in one folder of the state directory.

    objects/ab/cdef…   a blob, named by its SHA-256; read-only
    cache/ID/KEY.json  an entry: what a combination made, its files as blobs (`engine.cache_entry`)
    index/…            digests of work folders' files (`interpreter.hash_index`)
    tmp/               what is being written
    local.key          the key of fingerprints of secrets: they mean nothing elsewhere
    lock               held shared by runs that use the store, alone by a pruning that removes blobs

Every file is written under `tmp/` and moved to its name when it is whole, so whoever is killed, and whenever, leaves a
temporary file at most, and two that write the same thing at once write it twice. Nothing waits for the disk:
what a power failure cuts is found by its digest, and counts as missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from jobc.errors import StateError
from jobc.interpreter.filesets import BlobProblem, StoreCapabilities

_BLOCK = 1 << 20
#: Temporary files of this age have no writer any more, in seconds.
ABANDONED = 3600.0


def path_in(state_dir: str) -> str:
    """Where the store of a state directory (`.jobc`) stands."""
    return os.path.join(state_dir, "store")


class LocalStore:
    """Blobs (`interpreter.filesets.Blobs`) under the folder `root`, which is made when something is put into it."""

    capabilities = StoreCapabilities(prunes=True)

    def __init__(self, root: str) -> None:
        self.root = root
        self._tmp = os.path.join(root, "tmp")

    def object_path(self, digest: str) -> str:
        return os.path.join(self.root, "objects", digest[:2], digest[2:])

    def has(self, digest: str, size: int) -> bool:
        try:
            return os.stat(self.object_path(digest)).st_size == size
        except OSError:
            return False

    def put(self, path: str, known: str | None) -> tuple[str, int]:
        if known is not None:
            size = os.stat(path).st_size
            if self.has(known, size):
                return known, size
        temporary = self.temporary()
        whole = hashlib.sha256()
        size = 0
        try:
            with open(path, "rb") as source, open(temporary, "xb") as out:
                for block in iter(lambda: source.read(_BLOCK), b""):
                    whole.update(block)
                    out.write(block)
                    size += len(block)
            digest = whole.hexdigest()
            if self.has(digest, size):
                os.unlink(temporary)
            else:
                os.chmod(temporary, 0o444)
                self.move(temporary, self.object_path(digest))
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        return digest, size

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """Keep a content that is at hand; its digest and size. Raises OSError."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(digest, len(data)):
            self.write(self.object_path(digest), data)
        return digest, len(data)

    def fetch(self, digest: str, target: str) -> None:
        whole = hashlib.sha256()
        path = self.object_path(digest)
        try:
            source = open(path, "rb")  # noqa: SIM115
        except OSError:
            raise BlobProblem(digest, damaged=False) from None
        try:
            with source, open(target, "xb") as out:
                for block in iter(lambda: source.read(_BLOCK), b""):
                    whole.update(block)
                    out.write(block)
        except BaseException:
            with suppress(OSError):
                os.unlink(target)
            raise
        if whole.hexdigest() != digest:
            for spoilt in (target, path):
                with suppress(OSError):
                    os.unlink(spoilt)
            raise BlobProblem(digest, damaged=True)

    def is_sound(self, digest: str) -> bool:
        """Whether a blob is there and is what its name says."""
        whole = hashlib.sha256()
        try:
            with open(self.object_path(digest), "rb") as stream:
                for block in iter(lambda: stream.read(_BLOCK), b""):
                    whole.update(block)
        except OSError:
            return False
        return whole.hexdigest() == digest

    def blobs(self) -> Iterator[tuple[str, int, float]]:
        """(digest, size, time of its last change) of every blob."""
        base = os.path.join(self.root, "objects")
        for first in listed(base):
            for entry in listed(first.path):
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    yield first.name + entry.name, status.st_size, status.st_mtime

    # Files of the store

    def temporary(self) -> str:
        """The path of a new temporary file."""
        os.makedirs(self._tmp, exist_ok=True)
        return os.path.join(self._tmp, f"{os.getpid()}-{os.urandom(8).hex()}")

    def move(self, temporary: str, path: str) -> None:
        """Give a file that is whole its name."""
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        try:
            os.replace(temporary, path)
        except FileNotFoundError:  # a pruning removed the folder just then
            os.makedirs(folder, exist_ok=True)
            os.replace(temporary, path)

    def write(self, path: str, data: bytes) -> None:
        """A small file, whole or not at all. Raises OSError."""
        temporary = self.temporary()
        try:
            with open(temporary, "xb") as out:
                out.write(data)
            self.move(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def sweep(self) -> None:
        """Remove temporary files whose writers were killed."""
        for entry in listed(self._tmp):
            with suppress(OSError):
                if time.time() - entry.stat().st_mtime > ABANDONED:
                    os.unlink(entry.path)

    def secret_key(self) -> bytes:
        """The key of fingerprints, made when first asked for. Raises OSError."""
        path = os.path.join(self.root, "local.key")
        with suppress(OSError):
            with open(path, "rb") as stream:
                key = stream.read()
            if len(key) == 32:
                return key
        temporary = self.temporary()
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(os.urandom(32))
        try:
            os.link(temporary, path)  # the first of several makers wins
        except FileExistsError:
            with open(path, "rb") as stream:
                if len(stream.read()) != 32:
                    os.replace(temporary, path)
                    temporary = ""
        finally:
            if temporary:
                os.unlink(temporary)
        with open(path, "rb") as stream:
            return stream.read()

    # The lock

    def share(self) -> int:
        """Keep prunings away until the descriptor is closed. Raises StateError where the store cannot be made."""
        return self._locked(fcntl.LOCK_SH)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no run uses the store, for as long as this lasts."""
        try:
            held = self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            os.close(held)

    def _locked(self, how: int) -> int:
        try:
            os.makedirs(self.root, exist_ok=True)
            held = os.open(os.path.join(self.root, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StateError(
                f"the store {self.root} cannot be used: {error.strerror}",
                help="make it writable, or run with --no-cache where no job has artifacts",
            ) from error
        try:
            fcntl.flock(held, how)
        except BaseException:
            os.close(held)
            raise
        return held


def listed(folder: str) -> list[os.DirEntry[str]]:
    """What a folder holds, in order; nothing where there is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
