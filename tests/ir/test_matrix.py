"""The combinations of a matrix, against LANGUAGE §2 read word for word."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.ir.matrix import count, expand

VALUES = st.sampled_from([1, 1.0, True, False, 0, "a", "1", None, [1], [True], {"k": 1}, {"k": 1.0}])
KEYS = ["x", "y", "z"]
MATRIX = st.dictionaries(st.sampled_from(KEYS), st.lists(VALUES, max_size=3), max_size=3)
ENTRY = st.dictionaries(st.sampled_from([*KEYS, "new", "other"]), VALUES, max_size=4)
ENTRIES = st.lists(ENTRY, max_size=4)


def key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def literally(
    matrix: dict[str, list[Any]], include: list[dict[str, Any]], exclude: list[dict[str, Any]]
) -> list[Any]:
    """Cross product, minus excluded, plus include, duplicates removed: sentence by sentence, all in memory."""
    rows = itertools.product(*matrix.values()) if matrix else []
    product = [dict(zip(matrix, row, strict=True)) for row in rows]
    kept = []
    for combination in product:
        if not any(
            all(k in combination and key(combination[k]) == key(v) for k, v in e.items()) for e in exclude
        ):
            kept.append(combination)
    extended = [dict(combination) for combination in kept]
    appended = []
    for entry in include:
        if all(k in matrix for k in entry) and any(key(entry) == key(c) for c in kept):
            continue
        agreeing = [
            i for i, c in enumerate(kept) if all(key(entry[k]) == key(c[k]) for k in entry if k in matrix)
        ]
        if agreeing and any(k not in matrix for k in entry):
            for i in agreeing:
                extended[i].update({k: v for k, v in entry.items() if k not in matrix})
        else:
            appended.append(dict(entry))
    if not matrix and not include:
        return [{}]
    seen: dict[str, Any] = {}
    for combination in extended + appended:
        seen.setdefault(key(combination), combination)
    return list(seen.values())


@settings(max_examples=200, deadline=None)
@given(MATRIX, ENTRIES, ENTRIES)
def test_agrees_with_the_text_read_literally(
    matrix: dict[str, list[Any]], include: list[dict[str, Any]], exclude: list[dict[str, Any]]
) -> None:
    expected = literally(matrix, include, exclude)
    found = list(expand(matrix, include, exclude))
    assert [key(c) for c in found] == [key(c) for c in expected]
    assert count(matrix, include, exclude) == len(found)


def test_the_last_key_varies_fastest() -> None:
    assert list(expand({"os": ["linux", "mac"], "py": [3.11, 3.12]})) == [
        {"os": "linux", "py": 3.11},
        {"os": "linux", "py": 3.12},
        {"os": "mac", "py": 3.11},
        {"os": "mac", "py": 3.12},
    ]


def test_an_unset_matrix_gives_one_empty_combination_and_an_empty_list_none() -> None:
    assert list(expand({})) == [{}]
    assert list(expand({"x": []})) == []
    assert list(expand({"x": [], "y": [1]})) == []


def test_include_extends_appends_or_adds_nothing() -> None:
    matrix = {"os": ["linux", "mac"], "py": [1, 2]}
    include = [
        {"os": "linux", "py": 1},
        {"os": "mac", "fast": True},
        {"os": "windows", "py": 1},
        {"os": "linux"},
    ]
    assert list(expand(matrix, include)) == [
        {"os": "linux", "py": 1},
        {"os": "linux", "py": 2},
        {"os": "mac", "py": 1, "fast": True},
        {"os": "mac", "py": 2, "fast": True},
        {"os": "windows", "py": 1},
        {"os": "linux"},
    ]


def test_true_one_and_one_point_zero_are_three_values() -> None:
    found = list(expand({"x": [1, True, 1.0, 1, True]}))
    assert [type(c["x"]) for c in found] == [int, bool, float]
    assert [c["x"] for c in expand({"x": [1, True]}, exclude=[{"x": True}])] == [1]


def test_a_huge_product_is_made_one_at_a_time() -> None:
    matrix = {name: range(1000) for name in "abcd"}
    found = expand(matrix, include=[{"a": 0, "extra": 1}, {"a": -1}], exclude=[{"b": 0}])
    first = list(itertools.islice(found, 3))
    assert first[0] == {"a": 0, "b": 1, "c": 0, "d": 0, "extra": 1}
    assert count(matrix) == 10**12
    assert count({"x": range(10**9)}, include=[{"x": 1, "y": 2}, {"x": -1}]) == 10**9 + 1


def test_any_iterable_is_a_list_of_values() -> None:
    assert [c["x"] for c in expand({"x": (n * n for n in range(3))})] == [0, 1, 4]
