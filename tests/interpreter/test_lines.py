"""Sizes as people write them."""

from __future__ import annotations

import pytest

from jobc.interpreter import lines
from jobc.interpreter.lines import LIMIT, Output, output_limit, shown, size
from jobc.interpreter.masking import Masker


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


def test_a_line_has_the_instant_of_its_end_also_one_that_was_kept_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(lines, "instant", lambda: float(next(clock)))
    seen: list[tuple[str, float]] = []
    output = Output(Masker({}), lambda stream, text, at: seen.append((text, at)), limit=40)
    for chunk in (
        b"a\nb",
        b"c\n" + b"x" * 14 + b"\n",
        b"flood " * 2 + b"\n",
        b"torn 1\n",
        b"kept 2\nto",
        b" the end",
    ):
        output.feed("stdout", chunk)
    output.end()
    assert [entry for entry in seen if "output" not in entry[0] and "stage" not in entry[0]] == [
        ("a", 0.0),
        ("bc", 1.0),
        ("x" * 14, 1.0),
        ("kept 2", 5.0),
        ("to the end", 6.0),
    ]
