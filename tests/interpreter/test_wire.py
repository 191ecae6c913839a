from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.interpreter import wire

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
    | st.decimals(allow_nan=False)
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.just(wire.TAG), inner) | st.lists(inner).map(tuple)
    ),
    max_leaves=20,
)


@given(DATA)
def test_packing_is_undone_by_unpacking(value: Any) -> None:
    assert wire.unpack(json.loads(wire.encode(wire.pack(value)))) == value


def test_outputs_are_json_data() -> None:
    value = {
        1: (date(2024, 1, 2), Decimal("1.50"), PurePosixPath("a")),
        "t": time(1, 2),
        "d": datetime(2024, 1, 2),
    }
    assert wire.plain(value) == {
        "1": ["2024-01-02", "1.50", "a"],
        "t": "01:02:00",
        "d": "2024-01-02T00:00:00",
    }


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, {2}]}, r"x\['a'\]\[1\] is of type set"),
        (float("nan"), "not a JSON number"),
        (object(), "object"),
    ],
)
def test_what_is_not_plain_names_its_place(value: Any, where: str) -> None:
    with pytest.raises(wire.NotPlain, match=where):
        wire.plain(value, "x")


def test_a_list_in_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(wire.NotPlain, match="contains itself"):
        wire.plain(loop)
