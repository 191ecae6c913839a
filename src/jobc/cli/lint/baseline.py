"""A baseline: findings that a project had when it began to check, and does not want to see.

    {"version": 1, "findings": {fingerprint: "path: code rule: message"}}

A finding is known again by its fingerprint (`diagnostics.fingerprint`), so it may move within its file. Files are named
relative to the folder of the baseline, so that it holds from whichever folder jobc is called.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Finding
from jobc.diagnostics.fingerprint import fingerprints
from jobc.errors import UsageError

VERSION = 1


class Baseline:
    """The baseline at `path`, relative to `cwd`, where the files that findings name are too."""

    __slots__ = ("_cwd", "_folder", "_path", "_shown")

    def __init__(self, path: str, cwd: str) -> None:
        self._shown = path
        self._cwd = cwd
        self._path = os.path.join(cwd, path)
        self._folder = os.path.dirname(os.path.abspath(self._path))

    def new(self, findings: list[Finding]) -> list[Finding]:
        """The findings that it does not hold. Raises UsageError where it cannot be read."""
        known = self._read()
        names = fingerprints(findings, self._relative)
        return [finding for finding, name in zip(findings, names, strict=True) if name not in known]

    def write(self, findings: Sequence[Finding]) -> None:
        """Hold these findings from now on, and no others."""
        from jobc.cli.compiler import write_atomically

        names = fingerprints(findings, self._relative)
        rows = {
            name: f"{self._relative(f.diagnostic.span.file.path)}: {f.code} {f.diagnostic.rule}: {f.diagnostic.message}"
            for name, f in zip(names, findings, strict=True)
        }
        ordered = dict(sorted(rows.items(), key=lambda row: (row[1], row[0])))
        text = json.dumps({"version": VERSION, "findings": ordered}, ensure_ascii=False, indent=1)
        write_atomically(self._path, (text + "\n").encode("utf-8", "surrogateescape"))

    def _read(self) -> set[str]:
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as stream:
                document = json.load(stream)
            if document["version"] != VERSION:
                raise ValueError(f"its version is {document['version']!r}")
            return set(document["findings"])
        except OSError as error:
            raise UsageError(
                f"cannot read the baseline {self._shown}: {(error.strerror or str(error)).lower()}",
                help=f"write it with `jobc lint --write-baseline {self._shown}`",
            ) from None
        except (ValueError, LookupError, TypeError) as error:
            raise UsageError(
                f"{self._shown} is no baseline: {error}",
                help=f"write it anew with `jobc lint --write-baseline {self._shown}`",
            ) from None

    def _relative(self, path: str) -> str:
        return os.path.relpath(os.path.join(self._cwd, path), self._folder).replace(os.sep, "/")
