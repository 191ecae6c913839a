"""Registered functions: a name means one function."""

from __future__ import annotations

import pytest

from jobc.interpreter import tasks


def first() -> None: ...


def second() -> None: ...


def test_a_name_belongs_to_one_function() -> None:
    tasks.register("interpreter-tests.first", first)
    tasks.register("interpreter-tests.first", first)
    assert tasks.find("interpreter-tests.first") is first
    with pytest.raises(ValueError, match=r"there is a task .+ already"):
        tasks.register("interpreter-tests.first", second)


@pytest.mark.parametrize("name", ["", "module:function", " padded"])
def test_names_that_could_be_something_else_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be named"):
        tasks.register(name, first)
