"""The engine: what it adds to a stage, how it grows, and how it stands beside others on the same graphs.

`python -m tests.benchmarks engine` runs all parts; `python -m tests.benchmarks.engine PART…` those that it names, of
`overhead processes scale peers`.
"""

from __future__ import annotations

from importlib import import_module

PARTS = ("overhead", "processes", "scale", "peers")


def report(parts: list[str] | None = None) -> None:
    for part in parts or PARTS:
        import_module(f"tests.benchmarks.engine.{part}").report()
