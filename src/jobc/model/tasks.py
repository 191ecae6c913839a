"""Functions that jobs may call by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def task(function: Function, /) -> Function: ...
@overload
def task(*, name: str) -> Callable[[Function], Function]: ...
def task(function: Any = None, /, *, name: str | None = None) -> Any:
    """Register a function for `CallStage(uses="name")`; it stays as it is, to be called as ever.

    Its name is the function's own, or `name`. A stage calls it by keyword, in this process, and its arguments and result are
    checked against the signature before anything runs. A map that it returns is the stage's outputs, any other
    value but None the output `result`. Raises ValueError where the name is another function's.
    """
    from jobc.interpreter.tasks import register

    def registered(function: Any) -> Any:
        register(name or function.__name__, function)
        return function

    return registered if function is None else registered(function)
