"""The rules, found by listing `check/rules/`: a module there is a rule, and nothing else registers it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from types import ModuleType

from jobc.check import rules as _package
from jobc.check.rule import Rule
from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.model import SemanticModel

Check = Callable[[SemanticModel], Iterator[Diagnostic]]

_modules: dict[str, ModuleType] = {}


def modules() -> dict[str, ModuleType]:
    """The rules' modules by rule name, in the order of their codes."""
    if not _modules:
        names = sorted(
            entry.name[:-3]
            for folder in _package.__path__
            for entry in os.scandir(folder)
            if entry.name.endswith(".py") and not entry.name.startswith("_")
        )
        found = [import_module(f"{_package.__name__}.{name}") for name in names]
        found.sort(key=lambda module: (module.RULE.code, module.RULE.name))
        _modules.update((module.RULE.name, module) for module in found)
    return _modules


def rules() -> dict[str, Rule]:
    """Every rule by its name, in the order of their codes."""
    return {name: module.RULE for name, module in modules().items()}


@cache
def checks() -> tuple[Check, ...]:
    """The checks of the rules that look at the whole model (other rules' findings are made by the phases)."""
    return _defined("check")


def _defined(name: str) -> tuple[Check, ...]:
    """What the rules' modules have by this name, in their order."""
    return tuple(getattr(module, name) for module in modules().values() if hasattr(module, name))


def unavailable() -> frozenset[str]:
    """Names and codes of rules that could not run here, as a program that they need is not installed.

    Such a rule's module has `available() -> bool`.
    """
    found: set[str] = set()
    for module in modules().values():
        available = getattr(module, "available", None)
        if available is not None and not available():
            found.update((module.RULE.name, module.RULE.code))
    return frozenset(found)


@cache
def needing_programs() -> frozenset[str]:
    """Names and codes of the rules that start other programs."""
    found: set[str] = set()
    for module in modules().values():
        if hasattr(module, "check_with_programs"):
            found.update((module.RULE.name, module.RULE.code))
    return frozenset(found)


@cache
def program_checks() -> tuple[Check, ...]:
    """The checks that start other programs."""
    return _defined("check_with_programs")


def docs(rule: Rule) -> str:
    """The rule's documentation page: its module's docstring."""
    return (modules()[rule.name].__doc__ or "").strip() + "\n"
