from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

MODULE = """
import asyncio

def add(a: int, b: int = 2, *, note=None):
    print("adding", a, b)
    return {"sum": a + b}

def plain(): return [1, (2,)]
def nothing(): return None
def odd(): return {1, 2}
def fails(): raise KeyError("gone")
async def later(x):
    await asyncio.sleep(0)
    return x
class Box:
    @staticmethod
    def open(): return "opened"
VALUE = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(MODULE)


@pytest.mark.parametrize(
    ("function", "arguments", "outputs"),
    [
        ("tasks:add", {"a": 1}, {"sum": 3}),
        ("tasks:plain", {}, {"result": [1, [2]]}),
        ("tasks:nothing", {}, {}),
        ("tasks:later", {"x": 5}, {"result": 5}),
        ("tasks:Box.open", {}, {"result": "opened"}),
        ("os.path:basename", {"p": "a/b"}, {"result": "b"}),
    ],
)
def test_what_a_function_returns_is_its_outputs(
    build: Any, run: Any, function: str, arguments: dict[str, Any], outputs: dict[str, Any]
) -> None:
    result = run(build.job(build.call(function, arguments)))
    assert result.error is None
    assert result.outputs == outputs


@pytest.mark.parametrize(
    ("function", "arguments", "kind", "message"),
    [
        (
            "tasks:add",
            {"b": 1},
            "call",
            "`with` does not fit tasks:add(a: int, b: int = 2, *, note=None): missing a required",
        ),
        ("tasks:add", {"a": 1, "c": 1}, "call", "unexpected keyword argument 'c'"),
        ("tasks:ad", {}, "call", "did you mean 'add'?"),
        ("tsaks:add", {}, "call", "there is no module 'tsaks'; put it beside the jobs file, or install it"),
        ("tasks:VALUE", {}, "call", "is of type int, which cannot be called"),
        ("notify", {}, "call", "no function is registered as `notify`; write `module:function`"),
        ("a b:c", {}, "call", "names no function"),
        ("tasks:fails", {}, "KeyError", "'gone'"),
        ("tasks:odd", {}, "output", "what tasks:odd returned is of type set"),
    ],
)
def test_failures_are_clear(
    build: Any, run: Any, function: str, arguments: dict[str, Any], kind: str, message: str
) -> None:
    result = run(build.job(build.call(function, arguments)))
    assert result.status == "failed"
    assert result.error.type == kind
    assert message in result.error.message
    assert result.error.line == 10


def test_what_it_prints_is_the_log(build: Any, run: Any) -> None:
    run(build.job(build.call("tasks:add", {"a": 1})))
    assert run.host.lines("stdout") == ["adding 1 2"]
