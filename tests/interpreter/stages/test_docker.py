"""What a docker stage asks for, and what it makes of how its container ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobc.interpreter.api import Cancellation
from jobc.interpreter.containers import ContainerEnd, ContainerOrder, ContainerProblem


class Pretended:
    """Runs no container: writes what it was told to and ends as it was told to."""

    def __init__(self, end: ContainerEnd | ContainerProblem, *pieces: tuple[str, bytes]) -> None:
        self.end = end
        self.pieces = pieces
        self.orders: list[ContainerOrder] = []

    def run(
        self, order: ContainerOrder, take: Callable[[str, bytes], None], cancellation: Cancellation
    ) -> ContainerEnd:
        self.orders.append(order)
        for stream, data in self.pieces:
            take(stream, data)
        if isinstance(self.end, ContainerProblem):
            raise self.end
        return self.end


def ended(code: int = 0, text: bytes = b"", json: bytes = b"", **more: Any) -> ContainerEnd:
    return ContainerEnd(code, more.pop("cut", False), text, json, **more)


def stage(build: Any, command: Any = None, **options: Any) -> Any:
    made = build.docker("tool:1", **options)
    if command is not None:
        made.command = build.code(command)
    return build.job(made)


def test_outputs_and_log_come_from_the_container(build: Any, run: Any) -> None:
    run.host.container_runner = Pretended(
        ended(text=b"x=1\ny=2\n", json=b'{"y": [3]}'),
        ("stdout", b"one\ntw"),
        ("stderr", b"bad\n"),
        ("stdout", b"o"),
    )
    result = run(stage(build))
    assert (result.status, result.outputs) == ("success", {"x": "1", "y": [3]})
    assert run.host.lines("stdout") == ["one", "two"]
    assert run.host.lines("stderr") == ["bad"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["list", "echo", "a b", 3, True], ["echo", "a b", "3", "true"]),
        (["list", "echo", ["list", "a", "b"], None], ["echo", "a", "b"]),
        ("a word", ["a word"]),
    ],
)
def test_words_of_the_command_stay_words(build: Any, run: Any, command: Any, words: list[str]) -> None:
    run.host.container_runner = Pretended(ended())
    run(stage(build, command))
    assert run.host.container_runner.orders[0].command == words


def test_the_environment_is_the_files_own_and_secrets_are_named(build: Any, run: Any) -> None:
    run.host.container_runner = Pretended(ended())
    run(
        stage(build, env={"A": "1", "T": "x-s3cr3t-value"}), secrets={"TOKEN": "s3cr3t-value"}, env={"B": "2"}
    )
    order = run.host.container_runner.orders[0]
    assert order.hidden == {"T"}
    assert (order.env["A"], order.env["B"], order.env["JOBC_RUN_ID"]) == ("1", "2", "run-1")
    assert "PATH" not in order.env
    assert order.command is None


@pytest.mark.parametrize(
    ("end", "type", "said"),
    [
        (ended(3), "exit", "exit code 3: last words"),
        (ended(137, why="out of memory"), "exit", "exit code 137: out of memory"),
        (ended(143), "exit", "killed by SIGTERM"),
        (ended(text=b"no output"), "output", "no output"),
        (ended(text=b"\xff"), "output", "is not UTF-8"),
        (ContainerProblem("no daemon"), "start", "no daemon"),
        (ContainerProblem("it went away", lost=True), "lost", "it went away"),
    ],
)
def test_what_goes_wrong_is_told(
    build: Any, run: Any, end: ContainerEnd | ContainerProblem, type: str, said: str
) -> None:
    run.host.container_runner = Pretended(end, ("stderr", b"last words\n"))
    result = run(stage(build))
    assert result.status == "failed"
    assert result.error.type == type
    assert said in result.error.message
