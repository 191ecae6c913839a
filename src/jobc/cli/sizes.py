"""Sizes of files as people write and read them: `500M`, `1.4 MB`."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jobc.cli.context import Context

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def size_of(value: object) -> int | None:
    """The bytes of a number, or of a text such as `500M`, `1.5 GiB`; units are powers of 1024. None for what is no size."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else int(float(found[1]) * _UNITS[found[2].upper()])


def size_text(size: float) -> str:
    """`0 B`, `512 B`, `1.4 KB`, `20 GB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def cache_size(context: Context) -> int:
    """The bytes that the cache may take, by the settings."""
    from jobc.engine.options import CACHE_SIZE

    configured = context.config.cache_max_size
    found = None if configured is None else size_of(configured)
    return CACHE_SIZE if found is None else found
