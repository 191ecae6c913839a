"""What a docker stage asks of whoever runs the interpreter: containers, by a library that the interpreter does not have."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Protocol

from jobc.interpreter.api import Cancellation


class ContainerProblem(Exception):
    """A container cannot be run; the text says why and what to do. `lost`: the environment took it away while it ran."""

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


class ContainerOrder:
    """A container to run.

    `arguments` are evaluated, by their names in `runs-on: docker` (snake_case); `command` is None for the image's own. `env` is what its
    processes find, of which the values of `hidden` are secret. `name` is the same for the same attempt; `mark` and `run` are those of
    the run, `workdir` the folder that host paths are relative to, `grace` the seconds between asking it to end and ending it.
    """

    __slots__ = ("arguments", "command", "env", "grace", "hidden", "mark", "name", "run", "workdir")

    def __init__(
        self,
        name: str,
        arguments: Mapping[str, Any],
        command: Optional[List[str]],
        env: Dict[str, str],
        hidden: FrozenSet[str],
        *,
        run: str,
        mark: str,
        workdir: str,
        grace: float,
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.command = command
        self.env = env
        self.hidden = hidden
        self.run = run
        self.mark = mark
        self.workdir = workdir
        self.grace = grace


class ContainerEnd:
    """How it ended: its exit code, whether it was asked to end, the files that it wrote its outputs to, `why` in words where
    the code alone does not tell.
    """

    __slots__ = ("code", "cut", "json", "text", "why")

    def __init__(self, code: int, cut: bool, text: bytes, json: bytes, why: str = "") -> None:
        self.code = code
        self.cut = cut
        self.text = text
        self.json = json
        self.why = why


class Containers(Protocol):
    """Runs containers, from several threads."""

    def run(
        self, order: ContainerOrder, take: Callable[[str, bytes], None], cancellation: Cancellation
    ) -> ContainerEnd:
        """Run a container to its end; `take(stream, data)` gets its output as it comes. Raises ContainerProblem.

        Nothing of the container is left, however it ended.
        """
