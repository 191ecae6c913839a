"""Functions that the program around a run registers under a name, for `uses: name` (`jobc.task` in the Python API).

They live in this process, so a stage that calls one runs inline. The table is the process's: a name means one function.
"""

from __future__ import annotations

from _thread import allocate_lock
from typing import Any, Callable, Dict, List, Optional

_functions: Dict[str, Callable[..., Any]] = {}
_lock = allocate_lock()


def register(name: str, function: Callable[..., Any]) -> None:
    """Give `function` a name. Raises ValueError where the name cannot be one, or is another function's."""
    if not name or ":" in name or name != name.strip():
        raise ValueError(
            "a task cannot be named %r; use a name without `:` and without blanks around it" % name
        )
    with _lock:
        known = _functions.setdefault(name, function)
        if known is not function and not _same(known, function):
            raise ValueError("there is a task %r already: %r; give this one another name" % (name, known))
        _functions[name] = function


def _same(known: Callable[..., Any], function: Callable[..., Any]) -> bool:
    """Whether one function is the other, its module loaded again."""
    names = ("__module__", "__qualname__")
    return all(getattr(known, name, None) == getattr(function, name, "") for name in names)


def find(name: str) -> Optional[Callable[..., Any]]:
    """The function of that name."""
    return _functions.get(name)


def known() -> List[str]:
    """The names that are registered."""
    return list(_functions)
