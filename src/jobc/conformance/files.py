"""Artifacts go in and come out, with their bytes, modes and links."""

from __future__ import annotations

from jobc.conformance.suite import Suite


class Files(Suite):
    pass
