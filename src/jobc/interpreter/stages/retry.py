"""Further attempts after the first: how many, which failures, how long between them (LANGUAGE §3).

The wait before further attempt n (from 1) is `delay` for `fixed`, `delay * n` for `linear`, `delay * 2^(n-1)` for
`exponential`, at most `max-delay`, and then up to `jitter` more: a number up to 1 is a part of the wait (`true` is a half),
anything else a duration. How much more follows from the run's id, the combination, the stage and n alone, so it is the same
whenever the run is done again under its id, and spreads what failed together. Unset parts come from `JOBC_CORE_RETRY_*`, then `WORKFLOW_CORE_RETRY_*`, then 3 and 5.
"""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Union

from jobc.interpreter.api import ErrorInfo
from jobc.interpreter.contexts import Scope
from jobc.interpreter.durations import LONGEST, seconds
from jobc.ir.program import CodeIndex, Retry

ATTEMPTS = 3
DELAY = 5.0
_PREFIXES = ("JOBC_CORE_", "JOBC_", "WORKFLOW_CORE_")


def variable(name: str, environ: Mapping[str, str]) -> Optional[str]:
    """The variable that sets a default; the JOBC spellings win over the reference's."""
    return next((prefix + name for prefix in _PREFIXES if environ.get(prefix + name)), None)


def setting(environ: Mapping[str, str], name: str) -> Optional[str]:
    """A default from the environment."""
    found = variable(name, environ)
    return None if found is None else environ[found]


class Policy:
    """`further` attempts; `wait(n)` the seconds before further attempt n; `covers` whether a failure is worth one."""

    def __init__(self, retry: Optional[Retry], scope: Scope, seed: str = "") -> None:
        self.further = 0
        self._seed = seed
        self._delay = 0.0
        self._longest: Optional[float] = None
        self._jitter = 0.0
        self._jitter_is_part = False
        self._backoff = "fixed"
        self._on: List[Union[str, int]] = []
        if retry is None:
            return
        environ = {**scope.state.inputs.environ, **scope.env}
        self._backoff = retry.backoff
        self._on = retry.on
        if retry.attempts is not None:
            self.further = scope.whole(retry.attempts, "`retry` attempts", 0)
        else:
            self.further = _whole(setting(environ, "RETRY_ATTEMPTS"), ATTEMPTS)
        if retry.delay is not None:
            self._delay = duration(scope, retry.delay, "`delay`")
        else:
            self._delay = _seconds(setting(environ, "RETRY_DELAY"), DELAY)
        if retry.max_delay is not None:
            self._longest = duration(scope, retry.max_delay, "`max-delay`")
        if retry.jitter is not None:
            value = scope.evaluate(retry.jitter)
            if isinstance(value, bool):
                self._jitter, self._jitter_is_part = (0.5 if value else 0.0), True
            else:
                self._jitter = duration(scope, retry.jitter, "`jitter`")
                self._jitter_is_part = isinstance(value, (int, float)) and value <= 1

    def wait(self, number: int) -> float:
        delay = self._delay
        if self._backoff == "linear":
            delay *= number
        elif self._backoff == "exponential":
            delay *= 2.0 ** min(number - 1, 60)
        if self._longest is not None:
            delay = min(delay, self._longest)
        delay = min(delay, LONGEST)
        most = self._jitter * delay if self._jitter_is_part else self._jitter
        if not most:
            return delay
        import random

        return delay + random.Random("%s/%d" % (self._seed, number)).uniform(0.0, most)

    def covers(self, error: ErrorInfo, bases: Sequence[str] = ()) -> bool:
        if not self._on:
            return True
        names = {error.type, *error.bases, *bases}
        return any(
            error.exit_code == entry if isinstance(entry, int) else entry in names for entry in self._on
        )


def duration(scope: Scope, code: CodeIndex, what: str) -> float:
    """The seconds that a code gives."""
    try:
        return seconds(scope.evaluate(code))
    except ValueError as error:
        raise scope.fault(code, "%s: %s" % (what, error)) from None


def _whole(text: Optional[str], default: int) -> int:
    return int(text) if text is not None and text.strip().isdecimal() else default


def _seconds(text: Optional[str], default: float) -> float:
    try:
        return default if text is None else seconds(text)
    except ValueError:
        return default
