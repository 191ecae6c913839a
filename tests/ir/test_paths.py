"""Paths and globs: which are refused, what they match, when two surely meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.ir.paths import literal_folder, matches, overlap, refusal, split


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("/etc/passwd", "is an absolute path"),
        ("C:\\data", "is an absolute path"),
        ("~/x", "begins with `~`, which means nothing here"),
        ("..", "leads out of the work folder (`..`)"),
        ("a/../b", "leads out of the work folder (`..`)"),
        ("a\0b", "holds a NUL character"),
    ],
)
def test_what_leads_out_is_refused(pattern: str, why: str) -> None:
    found = refusal(pattern)
    assert found is not None
    assert found[0] == why


@pytest.mark.parametrize("pattern", ["a", "a/b", "./a", "a..b", "..a/b", "a~", "**/*", "."])
def test_what_stays_inside_is_taken(pattern: str) -> None:
    assert refusal(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "path", "covers"),
    [
        ("a", "a", True),
        ("a", "a/b/c", True),
        ("a/b", "a", False),
        ("*.csv", "x.csv", True),
        ("*.csv", "d/x.csv", False),
        ("*", ".hidden", False),
        (".*", ".hidden", True),
        ("d/**", "d/x/y", True),
        ("d/**", "d/.x/y", False),
        ("d/**", "d", False),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("**/x", "a/.b/x", False),
        ("a/**/z", "a/z", True),
        ("[ab]?", "bz", True),
        ("[!ab]", "c", True),
        ("[!ab]", "a", False),
        ("[", "[", True),
        ("[z-a]", "[z-a]", True),
        (".", "anything/at/all", True),
    ],
)
def test_what_a_pattern_covers(pattern: str, path: str, covers: bool) -> None:
    assert matches(pattern, path) is covers


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("dist", "dist/x", True),
        ("dist/x", "dist/y", False),
        ("out/*.csv", "out/x.csv", True),
        ("out/**", "out/a*.csv", True),
        ("out/*", "out/a*", True),
        ("a*", "*b", False),
        ("out/?", "out/*", True),
        ("out/??", "out/*b", False),
        ("*.csv", ".csv", False),
        (".", "x", True),
    ],
)
def test_when_two_patterns_surely_meet(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet
    assert overlap(other, one) is meet


names = st.text("ab", min_size=1, max_size=2)
constants = st.lists(names, min_size=1, max_size=3).map("/".join)
globs = st.lists(
    st.one_of(names, st.sampled_from(["*", "**", "a*", "?", "[ab]"])), min_size=1, max_size=3
).map("/".join)


@given(one=globs, other=globs, paths=st.lists(constants, min_size=1))
def test_an_overlap_is_an_inclusion_one_way_or_the_other(one: str, other: str, paths: list[str]) -> None:
    if overlap(one, other):
        for path in paths:
            mine, theirs = matches(one, path), matches(other, path)
            if mine != theirs:
                inner = one if mine and not theirs else other
                outer = other if inner is one else one
                # Then the one that misses this path is the narrower one: it never covers what the other does not.
                assert all(matches(inner, each) for each in paths if matches(outer, each))


@given(path=constants)
def test_constants_meet_where_one_is_the_other_or_a_folder_of_it(path: str) -> None:
    for other in ("a", "a/b", "b", "ab"):
        expected = path == other or path.startswith(other + "/") or other.startswith(path + "/")
        assert overlap(path, other) is expected


@pytest.mark.parametrize(
    ("path", "folder"),
    [("a", ""), ("a/b", "a"), ("a/*/b", "a"), ("*", ""), ("a/b/**", "a/b"), (".", "")],
)
def test_the_folder_that_is_written_out(path: str, folder: str) -> None:
    assert literal_folder(path) == folder


def test_normal_form() -> None:
    assert split("!./a//b/") == (True, "a/b")
    assert split("./") == (False, ".")
