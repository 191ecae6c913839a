"""Sizes as people write them."""

from __future__ import annotations

import pytest

from jobc.interpreter.lines import LIMIT, output_limit, shown, size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("500000", 500_000),
        ("64K", 65_536),
        ("64 kb", 65_536),
        ("10MiB", 10 * 1024**2),
        ("1G", 1024**3),
        ("7B", 7),
        ("", None),
        ("M", None),
        ("-5", None),
        ("1.5M", None),
        ("all", None),
    ],
)
def test_a_size_is_digits_and_a_unit(text: str, count: int | None) -> None:
    assert size(text) == count


def test_a_limit_that_is_none_leaves_the_default() -> None:
    assert output_limit({"JOBC_OUTPUT_LIMIT": "much"}) == output_limit({}) == LIMIT


def test_bytes_are_shown_for_people() -> None:
    assert [shown(n) for n in (5, 4096, 5 * 1024**2, 3 * 2**29)] == ["5 bytes", "4 KiB", "5 MiB", "1.5 GiB"]
