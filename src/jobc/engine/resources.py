"""What jobs take of this machine: processors, memory and accelerators, for environments that run on it.

A job takes what its `resources` name while a combination of it runs, and nothing of what they do not name: `max-parallel`
alone bounds jobs without resources. What does not fit waits, first come, first served: the first that waits has what
it needs set aside as it becomes free, so that smaller ones pass it only with what it will not need, and a large job is
never starved. A job that needs more than there is takes all of it, and so runs when nothing else takes any; of
accelerators, which cannot be made up for by patience, it is refused.

Runs of one state directory count each other's (`sharing.machine_table`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Protocol

from jobc.errors import UsageError

#: In the order in which they are told to people.
KINDS = ("cpu", "memory", "gpu")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
VARIABLES = {"cpu": "JOBC_LOCAL_CPU", "memory": "JOBC_LOCAL_MEMORY", "gpu": "JOBC_LOCAL_GPU"}
#: Rounding errors of sums of fractions of processors.
_CLOSE = 1e-9

Needs = dict[str, float]


def amount(kind: str, value: Any) -> float | None:
    """Processors, bytes, accelerators; None where `value` is no amount of that kind."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value) if value >= 0 else None
    match = _AMOUNT.fullmatch(str(value).strip())
    if match is None or (match[2] and kind != "memory"):
        return None
    return float(match[1]) * _UNITS[match[2].lower()]


def needs(resources: Mapping[str, Any]) -> Needs:
    """What evaluated `resources` take. Raises ValueError with the reason."""
    found: Needs = {}
    for kind in KINDS:
        value = resources.get(kind)
        if value is None:
            continue
        needed = amount(kind, value)
        if needed is None:
            wanted = "a number and a unit, such as `512M` or `4G`" if kind == "memory" else "a number"
            raise ValueError(f"`{kind}` is `{value}`, which is no amount; write {wanted}")
        if needed:
            found[kind] = needed
    return found


def machine(environ: Mapping[str, str]) -> Needs:
    """What this machine, or the container around this process, has. Raises UsageError for a bad variable."""
    found: Needs = {}
    for kind in KINDS:
        text = environ.get(VARIABLES[kind])
        if not text:
            found[kind] = _MEASURES[kind](environ)
            continue
        given = amount(kind, text)
        if given is None:
            wanted = "a number and a unit, such as `8G`" if kind == "memory" else "a number"
            raise UsageError(f"{VARIABLES[kind]} cannot be `{text}`", help=f"set it to {wanted}, or unset it")
        found[kind] = given
    return found


def shown(kind: str, value: float) -> str:
    """`2 cpu`, `4G memory`."""
    if kind != "memory":
        return f"{value:g} {kind}"
    for unit in ("T", "G", "M", "k"):
        if value >= _UNITS[unit.lower()]:
            return f"{value / _UNITS[unit.lower()]:.3g}{unit} {kind}"
    return f"{value:g} bytes {kind}"


class Shared(Protocol):
    """What other engines leave of the machine (`sharing.machine_table.MachineTable`)."""

    def fits(self, needed: Needs) -> bool: ...
    def claim(self, needed: Needs) -> bool: ...
    def took(self, needed: Needs) -> None: ...
    def gave(self, needed: Needs) -> None: ...
    def set_aside(self, needed: Needs) -> None: ...


class Room:
    """What is free. An asker is whatever waits: a job."""

    def __init__(self, total: Needs, shared: Shared | None = None) -> None:
        self._total = total
        self._shared = shared
        #: Who has claimed what it will take at once.
        self._claimed: object = None
        #: Who waits for what other engines have; whoever tells them so empties it.
        self.behind_others: list[Any] = []
        self._free = dict(total)
        #: The first that waits, and what is set aside for it.
        self._first: object = None
        self._aside: Needs = {}
        #: Whether what did not fit may fit now; whoever tries again resets it.
        self.changed = False

    def total(self, kind: str) -> float:
        """How much of a kind there is at all."""
        return self._total.get(kind, 0.0)

    def excess(self, needed: Needs) -> list[str]:
        """The kinds of which there is not that much at all."""
        return [kind for kind, value in needed.items() if value > self.total(kind) + _CLOSE]

    def fits(self, asker: object, needed: Needs) -> bool:
        """Whether it can be had now. The first that cannot has it set aside from then on."""
        capped = self._capped(needed)
        if self._is_free(asker, capped) and (self._shared is None or self._shared.fits(capped)):
            return True
        self._wait(asker, capped)
        return False

    def claim(self, asker: object, needed: Needs) -> bool:
        """As `fits`, for an asker that takes it at once."""
        capped = self._capped(needed)
        if not self._is_free(asker, capped):
            self._wait(asker, capped)
            return False
        if self._shared is not None and capped:
            if not self._shared.claim(capped):
                self._wait(asker, capped)
                self.behind_others.append(asker)
                return False
            self._claimed = asker
        return True

    def _wait(self, asker: object, capped: Needs) -> None:
        if self._first is None:
            self._first, self._aside = asker, capped
            if self._shared is not None:
                self._shared.set_aside(capped)

    def _is_free(self, asker: object, capped: Needs) -> bool:
        aside = {} if self._first is asker else self._aside
        return all(
            value <= self._free[kind] - aside.get(kind, 0.0) + _CLOSE for kind, value in capped.items()
        )

    def take(self, asker: object, needed: Needs) -> None:
        if self._first is asker:
            self.forget(asker)
        capped = self._capped(needed)
        for kind, value in capped.items():
            self._free[kind] -= value
        if self._claimed is asker:
            self._claimed = None
        elif self._shared is not None and capped:
            self._shared.took(capped)

    def give(self, needed: Needs) -> None:
        capped = self._capped(needed)
        for kind, value in capped.items():
            self._free[kind] += value
        self.changed = True
        if self._shared is not None and capped:
            self._shared.gave(capped)

    def forget(self, asker: object) -> None:
        """Set nothing aside for it any more."""
        if self._first is asker:
            self._first, self._aside = None, {}
            self.changed = True
            if self._shared is not None:
                self._shared.set_aside({})

    def _capped(self, needed: Needs) -> Needs:
        return {kind: min(value, self.total(kind)) for kind, value in needed.items()}


def _processors(environ: Mapping[str, str]) -> float:
    try:
        count = float(len(os.sched_getaffinity(0)))
    except AttributeError:
        count = float(os.cpu_count() or 1)
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdecimal() and period.strip().isdecimal() and int(period) > 0:
        count = min(count, int(quota) / int(period))
    return count


def _memory(environ: Mapping[str, str]) -> float:
    try:
        found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        found = float("inf")
    limit = _read("/sys/fs/cgroup/memory.max")
    return min(found, float(limit)) if limit.isdecimal() else found


def _accelerators(environ: Mapping[str, str]) -> float:
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return float(len([each for each in visible.split(",") if each.strip() not in ("", "-1")]))
    try:
        return float(len([name for name in os.listdir("/dev") if re.fullmatch(r"nvidia\d+", name)]))
    except OSError:
        return 0.0


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


_MEASURES = {"cpu": _processors, "memory": _memory, "gpu": _accelerators}
