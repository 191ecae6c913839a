from __future__ import annotations

import pytest

from jobc.interpreter.durations import seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (1.5, 1.5),
        ("90", 90),
        ("500ms", 0.5),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
    ],
)
def test_durations(value: object, expected: float) -> None:
    assert seconds(value) == pytest.approx(expected)


@pytest.mark.parametrize("value", [True, None, -1, "", "x", "5 m", "-5s", float("inf"), float("nan"), [1]])
def test_what_is_no_duration_says_so(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write seconds"):
        seconds(value)
