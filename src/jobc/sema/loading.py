"""The files of one analysis: each is read and parsed once, by its path relative to the main file's folder."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from jobc.source.file import SourceFile
from jobc.syntax.ast import Document
from jobc.syntax.build import parse

#: Gives the file at a path relative to the main file's folder; raises UsageError where there is none.
Load = Callable[[str], SourceFile]


class Loader:
    """`files` are the main file, then every other in the order met."""

    __slots__ = ("_by_path", "_documents", "_load", "_places", "files", "resolver")

    def __init__(self, main: Document, load: Load | None = None) -> None:
        place = posixpath.basename(main.file.path.replace("\\", "/"))
        self._load = load if load is not None else _beside(main.file)
        self.files: list[SourceFile] = [main.file]
        #: What `sema.includes` has resolved so far.
        self.resolver: object | None = None
        self._by_path: dict[str, Document] = {place: main}
        self._documents: dict[int, Document] = {id(main.file): main}
        self._places: dict[int, str] = {id(main.file): place}

    def load(self, path: str, origin: SourceFile) -> Document:
        """The document at `path`, as it is written in `origin`. Raises UsageError where it cannot be read."""
        folder = posixpath.dirname(self._places[id(origin)])
        place = posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))
        known = self._by_path.get(place)
        if known is not None:
            return known
        file = self._load(place)
        document = parse(file)
        self.files.append(file)
        self._by_path[place] = document
        self._documents[id(file)] = document
        self._places[id(file)] = place
        return document

    def of(self, file: SourceFile) -> Document:
        """The document of a file that is loaded."""
        return self._documents[id(file)]


def _beside(main: SourceFile) -> Load:
    def load(path: str) -> SourceFile:
        from jobc.source.decode import read_file

        return read_file(posixpath.join(posixpath.dirname(main.path), path))

    return load
