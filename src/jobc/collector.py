"""The garbage collector, which has nothing to find in what the compiler builds.

Trees and tables are kept to the end or let go by their reference counts. Looking for cycles among a million of
their objects, again and again while they grow, takes as long as building them. So the entries to the compiler
pause it: `analyze`, `lower`, and the commands around them.
"""

from __future__ import annotations

import gc


class Paused:
    """`with Paused():` no collection inside; afterwards as it was before."""

    __slots__ = ("_collecting",)

    def __init__(self) -> None:
        self._collecting = gc.isenabled()

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *error: object) -> None:
        if self._collecting:
            gc.enable()
