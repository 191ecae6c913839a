"""Sets of files in a work folder: found by paths and globs (`ir.paths`), described entry by entry, kept in a store of blobs.

An entry is a regular file (its permission bits, size and SHA-256), a symbolic link (where it points to), or a folder
with nothing in it. What stands in a set can be put back anywhere: links lead to places inside the folder, nothing else
than these three kinds is taken, and owners and times are left out. Folders named `.jobc` are never looked into.

Python 3.9, standard library only: this is what packs and unpacks files wherever a job runs.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any, Callable, Dict, Iterator, List, Optional, Protocol, Tuple

from jobc.interpreter.masking import Masker
from jobc.ir.paths import has_magic, literal_folder, matches, part_pattern, refusal, split

STATE_FOLDER = ".jobc"
FILE, LINK, FOLDER = "file", "link", "folder"
_BLOCK = 1 << 20

Stats = Dict[str, os.stat_result]


class FileProblem(Exception):
    """Files that cannot be kept, published or placed. `args[0]` says what and why, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__("%s; %s" % (message, remedy) if remedy else message)


class BlobProblem(Exception):
    """A blob is not in the store any more, or (`damaged`) it is not what it was."""

    def __init__(self, digest: str, damaged: bool) -> None:
        super().__init__("%s is %s" % (digest[:12], "damaged" if damaged else "not in the store"))
        self.digest = digest
        self.damaged = damaged


class StoreCapabilities:
    """What a store can do, as data."""

    __slots__ = ("max_blob", "prunes")

    def __init__(self, *, prunes: bool = False, max_blob: Optional[int] = None) -> None:
        #: Its contents can be listed and removed from here; else its owner's rules say how long they live.
        self.prunes = prunes
        #: The largest file that it takes, in bytes; None: any.
        self.max_blob = max_blob


class Blobs(Protocol):
    """A store of contents by their SHA-256, in hexadecimal digits. Methods may be called from any thread."""

    capabilities: StoreCapabilities

    def has(self, digest: str, size: int) -> bool:
        """Whether the store holds it, as far as a look at its size tells."""

    def put(self, path: str, known: Optional[str]) -> Tuple[str, int]:
        """Keep the content of a file; its digest and size. `known` is its digest where that is certain."""

    def fetch(self, digest: str, target: str) -> None:
        """Write it to the new file `target`, checked. Raises BlobProblem, and leaves no file then."""


class Entry:
    """`digest` of a link is where it points to, of an empty folder "". `path` is relative, with `/`."""

    __slots__ = ("digest", "kind", "mode", "path", "size")

    def __init__(self, path: str, kind: str, mode: int, size: int, digest: str) -> None:
        self.path = path
        self.kind = kind
        self.mode = mode
        self.size = size
        self.digest = digest

    def to_json(self) -> List[Any]:
        return [self.path, self.kind, self.mode, self.size, self.digest]

    @classmethod
    def of_json(cls, row: Any) -> "Entry":
        """Raises ValueError where the row is none."""
        path, kind, mode, size, digest = row
        if kind not in (FILE, LINK, FOLDER) or refusal(path) is not None or path == ".":
            raise ValueError("not an entry: %r" % (row,))
        return cls(path, kind, int(mode) & 0o777, int(size), str(digest))

    def same_as(self, other: "Entry") -> bool:
        """Whether both put the same thing in place."""
        return (self.kind, self.mode, self.digest) == (other.kind, other.mode, other.digest)


# ---------------------------------------------------------------------- finding


def find(folder: str, patterns: List[str]) -> Tuple[Stats, List[str]]:
    """(what the patterns name, by path in order, each with its own status; the patterns that found nothing)."""
    found: Stats = {}
    unmatched: List[str] = []
    for pattern in patterns:
        takes_out, path = split(pattern)
        if takes_out:
            for known in [known for known in found if matches(path, known)]:
                del found[known]
            continue
        before = len(found)
        some = False
        for name, status in _expand(folder, "", path.split("/") if path != "." else []):
            some = True
            found[name] = status
        if not some and before == len(found):
            unmatched.append(pattern)
    return {path: found[path] for path in sorted(found)}, unmatched


def _expand(folder: str, prefix: str, parts: List[str]) -> Iterator[Tuple[str, os.stat_result]]:
    """What a pattern's `parts` name below `prefix`."""
    if not parts:
        yield from _all_of(folder, prefix)
        return
    head, rest = parts[0], parts[1:]
    if head == STATE_FOLDER:
        return
    if head == "**":
        if rest:
            yield from _expand(folder, prefix, rest)
        for entry in _listed(folder, prefix):
            if entry.name.startswith("."):
                continue
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if not rest and not _listed(folder, path):
                    yield path, entry.stat(follow_symlinks=False)
                yield from _expand(folder, path + "/", parts)
            elif not rest:
                yield path, entry.stat(follow_symlinks=False)
    elif has_magic(head):
        pattern = part_pattern(head)
        for entry in _listed(folder, prefix):
            if pattern.match(entry.name) is None:
                continue
            if not rest:
                yield from _all_of(folder, prefix + entry.name)
            elif entry.is_dir(follow_symlinks=False):
                yield from _expand(folder, prefix + entry.name + "/", rest)
    elif rest:
        yield from _expand(folder, prefix + head + "/", rest)
    else:
        yield from _all_of(folder, prefix + head)


def _all_of(folder: str, path: str) -> Iterator[Tuple[str, os.stat_result]]:
    """A file or link; of a folder all that is in it, itself where that is nothing."""
    path = path.rstrip("/")
    try:
        status = os.lstat(os.path.join(folder, path))
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(status.st_mode):
        yield path, status
        return
    empty = True
    for entry in _listed(folder, path + "/" if path else ""):
        empty = False
        inner = "%s/%s" % (path, entry.name) if path else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _all_of(folder, inner)
        else:
            yield inner, entry.stat(follow_symlinks=False)
    if empty and path:
        yield path, status


def _is_own(name: str) -> bool:
    """jobc's own: its state, and what a placing that was killed has left."""
    return name == STATE_FOLDER or (name.startswith(STATE_FOLDER + "-") and name.endswith(".tmp"))


def _listed(folder: str, prefix: str) -> List["os.DirEntry[str]"]:
    """What a folder holds, in order; nothing where it is none."""
    try:
        with os.scandir(os.path.join(folder, prefix)) as entries:
            return sorted((e for e in entries if not _is_own(e.name)), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def contents(folder: str, found: Stats, digest_of: Callable[[str, os.stat_result], str]) -> Dict[str, str]:
    """The digest of each file of a set by its path, as a reader sees it: through links, those out of the folder too.

    Of a link to a folder the files in it count; one that leads nowhere, and an empty folder, are what they say. Raises
    OSError where a file cannot be read.
    """
    read: Dict[str, str] = {}
    for path, status in found.items():
        if stat.S_ISLNK(status.st_mode):
            whole = os.path.join(folder, path)
            if os.path.isdir(whole):
                for inner, below in _expand(folder, path + "/", ["**"]):
                    if stat.S_ISREG(below.st_mode):
                        read[inner] = digest_of(inner, below)
                continue
            if not os.path.exists(whole):
                read[path] = "-> " + os.readlink(whole)
                continue
            status = os.stat(whole)
        if stat.S_ISREG(status.st_mode):
            read[path] = digest_of(path, status)
        elif stat.S_ISDIR(status.st_mode):
            read[path] = "folder"
    return read


# ---------------------------------------------------------------------- keeping


class Keeper:
    """Takes files of `folder` into `blobs`. `digest_of(path, status)` gives the digest where it is known for certain.

    A file that holds a secret of `secrets` is refused. `check` is called before each file, and may raise.
    """

    def __init__(
        self,
        folder: str,
        blobs: Blobs,
        digest_of: Callable[[str, os.stat_result], Optional[str]],
        secrets: Optional[Masker],
        check: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._root = os.path.realpath(folder)
        self._blobs = blobs
        self._digest_of = digest_of
        self._secrets = secrets
        self._check = check
        self._inside: Dict[str, bool] = {}

    def keep(self, found: Stats) -> List[Entry]:
        """The entries of what `find` found, their contents in the store. Raises FileProblem."""
        return [self._entry(path, status) for path, status in found.items()]

    def _entry(self, path: str, status: os.stat_result) -> Entry:
        self._check()
        whole = os.path.join(self._folder, path)
        parent = os.path.dirname(path)
        if parent not in self._inside:
            self._inside[parent] = is_inside(self._root, os.path.join(self._root, parent))
        if not self._inside[parent]:
            raise FileProblem(
                "`%s` lies behind a symbolic link that leads out of the work folder" % path,
                "copy the files into the work folder, or name another path",
            )
        mode = stat.S_IMODE(status.st_mode) & 0o777
        try:
            if stat.S_ISLNK(status.st_mode):
                target = os.readlink(whole)
                if not leads_inside(path, target):
                    raise FileProblem(
                        "the symbolic link `%s` leads out of the work folder, to `%s`" % (path, target),
                        "copy what it points to, or leave it out with `!%s`" % path,
                    )
                return Entry(path, LINK, 0o777, 0, target)
            if stat.S_ISDIR(status.st_mode):
                return Entry(path, FOLDER, mode, 0, "")
            if not stat.S_ISREG(status.st_mode):
                raise FileProblem("`%s` is no regular file" % path, "leave it out with `!%s`" % path)
            most = self._blobs.capabilities.max_blob
            if most is not None and status.st_size > most:
                raise FileProblem(
                    "`%s` has %d bytes, more than the %d that the store takes" % (path, status.st_size, most),
                    "split it, or leave it out with `!%s`" % path,
                )
            if self._secrets is not None and _holds(whole, self._secrets):
                raise FileProblem(
                    "`%s` holds a secret in clear, and is not kept" % path,
                    "do not write secrets into files that are kept, or leave it out with `!%s`" % path,
                )
            digest, size = self._blobs.put(whole, self._digest_of(path, status))
        except OSError as error:
            raise FileProblem("`%s` cannot be kept: %s" % (path, error.strerror or error)) from None
        return Entry(path, FILE, mode, size, digest)


def leads_inside(path: str, target: str) -> bool:
    """Whether a link at the relative `path` with this target stays in the folder."""
    if os.path.isabs(target):
        return False
    reached = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return reached != ".." and not reached.startswith("../")


def is_inside(root: str, path: str) -> bool:
    """Whether a path, its links followed, lies in the real path `root` or is it."""
    real = os.path.realpath(path)
    return real == root or real.startswith(root.rstrip("/") + "/")


def _holds(path: str, secrets: Masker) -> bool:
    """Whether a file holds a secret, as it is or in one of the usual encodings."""
    tail = b""
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            if secrets.occurs(tail + block):
                return True
            tail = (tail + block)[-secrets.reach :] if secrets.reach else b""
    return False


# ---------------------------------------------------------------------- placing


def common_folder(patterns: List[str]) -> str:
    """The deepest folder that all that these patterns name lies in, as far as it is written out."""
    folders = [literal_folder(path).split("/") for out, path in map(split, patterns) if not out]
    shared: List[str] = []
    for parts in zip(*folders):
        if len(set(parts)) > 1 or not parts[0]:
            break
        shared.append(parts[0])
    return "/".join(shared)


class Placer:
    """Puts entries into `folder`: all of them, or none where one cannot be had."""

    def __init__(
        self,
        folder: str,
        blobs: Blobs,
        digest_of: Callable[[str, os.stat_result], Optional[str]],
        check: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._root = os.path.realpath(folder)
        self._blobs = blobs
        self._digest_of = digest_of
        self._check = check

    def place(self, entries: List[Entry]) -> int:
        """How many files were written; those that are there already with this content are left. Raises FileProblem, BlobProblem."""
        ready: List[Tuple[str, Entry]] = []
        written = 0
        try:
            for entry in entries:
                self._check()
                temporary = self._prepare(entry)
                if temporary:
                    ready.append((temporary, entry))
            for temporary, entry in ready:
                os.replace(temporary, os.path.join(self._folder, entry.path))
                written += 1
        except OSError as error:
            raise FileProblem(
                "`%s` cannot be placed: %s" % (entry.path, error.strerror or error),
                "make room for it, or place it in another folder",
            ) from None
        finally:
            for temporary, _ in ready[written:]:
                _remove(temporary)
        return written

    def _prepare(self, entry: Entry) -> str:
        """The path of what is to be moved to its place; "" where nothing is to be done."""
        target = os.path.join(self._folder, entry.path)
        parent = os.path.dirname(target)
        if not is_inside(self._root, parent):
            raise FileProblem(
                "`%s` would be written through a symbolic link, out of the work folder" % entry.path,
                "remove the link, or place the files in another folder",
            )
        if entry.kind == FOLDER:
            os.makedirs(target, exist_ok=True)
            os.chmod(target, entry.mode | 0o700)
            return ""
        os.makedirs(parent, exist_ok=True)
        if self._is_there(entry, target):
            return ""
        temporary = os.path.join(parent, ".jobc-%s.tmp" % os.urandom(8).hex())
        if entry.kind == LINK:
            if not leads_inside(entry.path, entry.digest):
                raise FileProblem(
                    "the symbolic link `%s` would lead out of the work folder, to `%s`"
                    % (entry.path, entry.digest),
                    "place it deeper, or where it came from",
                )
            os.symlink(entry.digest, temporary)
            return temporary
        self._blobs.fetch(entry.digest, temporary)
        os.chmod(temporary, entry.mode)
        return temporary

    def _is_there(self, entry: Entry, target: str) -> bool:
        try:
            status = os.lstat(target)
            if entry.kind == LINK:
                return stat.S_ISLNK(status.st_mode) and os.readlink(target) == entry.digest
            if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
                return False
            if self._digest_of(entry.path, status) != entry.digest:
                return False
            if stat.S_IMODE(status.st_mode) != entry.mode:
                os.chmod(target, entry.mode)
            return True
        except OSError:
            return False


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
