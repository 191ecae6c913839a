"""A program's graph in a format: `dot`, `mermaid`, `svg` or `json`, one module each."""

from __future__ import annotations

from importlib import import_module

from jobc.graph import view
from jobc.ir.program import Program

FORMATS = ("dot", "mermaid", "svg", "json")

_MODULES = {"dot": "dot", "mermaid": "mermaid", "svg": "svg", "json": "json_"}


def render(program: Program, format: str) -> str:
    """The needs graph of the program's entry workflow as text in `format` (one of `FORMATS`).

    Raises `jobc.errors.UsageError` for `svg` where the layout library (extra `graph`) is not installed.
    """
    module = import_module(f"jobc.graph.render.{_MODULES[format]}")
    text: str = module.render(view.build(program))
    return text
