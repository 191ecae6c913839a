"""The environment under test, as the suite sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobc.backends.api import Backend
from jobc.backends.registry import create


class Subject:
    """An environment, its arguments, what it lacks, and how to break it. Subclass it where a default does not do.

    type                what `runs-on` names
    arguments           those of `runs-on`, with which everything works
    wrong_credentials   arguments that differ, with which the service refuses; None where it asks for none
    missing_image       arguments that differ, naming an image that is not there; None where there are no images
    unreachable         arguments that differ, with which no service answers; None where there is none
    python              whether stages in Python run there
    combinations        how many the large matrix has
    parallel            how many combinations run at once in the tests
    seconds             how long one run of a test may take: a hang ends then, and fails
    prelude             Python statements that make `type` known to a new process, where installing the backend does not
    """

    def __init__(
        self,
        type: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        wrong_credentials: Mapping[str, Any] | None = None,
        missing_image: Mapping[str, Any] | None = None,
        unreachable: Mapping[str, Any] | None = None,
        python: bool = True,
        combinations: int = 200,
        parallel: int = 8,
        seconds: float = 300.0,
        prelude: str = "",
    ) -> None:
        self.type = type
        self.arguments = dict(arguments or {})
        self.wrong_credentials = wrong_credentials
        self.missing_image = missing_image
        self.unreachable = unreachable
        self.python = python
        self.combinations = combinations
        self.parallel = parallel
        self.seconds = seconds
        self.prelude = prelude

    def make(self) -> Backend:
        """A new backend, as a run makes one."""
        return create(self.type)

    def leftovers(self) -> list[str]:
        """What tasks have left in the environment, when all have ended: containers, folders. Must be empty then."""
        return []

    def exposed(self) -> bytes:
        """What others may see of the tasks that run now: argument lists, environments, metadata, files at rest. Must not hold
        a secret."""
        return b""
