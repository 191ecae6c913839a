"""The AST of `cache` and `artifacts`: the files that a job keeps, publishes and starts with."""

from __future__ import annotations

from collections.abc import Iterator

from jobc.source.file import Span
from jobc.syntax.ast import Value


class Cache:
    """`inputs` and `outputs` are paths: texts, or expressions that give a text or a list of texts.

    `enabled` is false for `cache: false`, which takes back what `extends` would bring.
    """

    __slots__ = ("enabled", "inputs", "key", "outputs", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.enabled = True
        self.key: Value | None = None
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []

    def values(self) -> Iterator[Value]:
        """Everything that may hold expressions."""
        if self.key is not None:
            yield self.key
        yield from self.inputs
        yield from self.outputs


class Published:
    """One artifact of `out`. `when` is an end of the job: `success`, `failure` or `always`."""

    __slots__ = ("if_missing", "name", "name_span", "paths", "when")

    def __init__(self, name: str, name_span: Span) -> None:
        self.name = name
        self.name_span = name_span
        self.paths: list[Value] = []
        self.when = "success"
        self.if_missing = "error"


class Placed:
    """One entry of `in`: `source` is a job's id, an artifact's name, or `job/name`.

    `path` is the folder to place it in; None for where its files came from.
    """

    __slots__ = ("if_missing", "path", "per_combination", "source", "source_span")

    def __init__(self, source: str, source_span: Span) -> None:
        self.source = source
        self.source_span = source_span
        self.path: Value | None = None
        self.per_combination: Value | None = None
        self.if_missing = "error"


class Artifacts:
    """`given` are artifacts that the job starts with (`in`)."""

    __slots__ = ("given", "out", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.out: list[Published] = []
        self.given: list[Placed] = []

    def values(self) -> Iterator[Value]:
        """Everything that may hold expressions."""
        for published in self.out:
            yield from published.paths
        for placed in self.given:
            for value in (placed.path, placed.per_combination):
                if value is not None:
                    yield value
