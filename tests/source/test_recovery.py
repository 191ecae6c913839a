"""A file with syntax errors: each is reported once, in plain words, and the rest is still composed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.source import recovery
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Composed, Mapping, Node, Scalar, Sequence


def read(text: str) -> Composed:
    return compose(SourceFile("f.yml", text))


def plain(node: Node | None) -> object:
    if isinstance(node, Mapping):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value if node is not None else None


CASES = [
    # (file, line:column of the finding, the text it covers, message, value of the file)
    (
        "a:\n\tb: c\n\td: e\nf: g\n",
        "2:1",
        "\t",
        "a tab is used for indentation",
        {"a": {"b": "c", "d": "e"}, "f": "g"},
    ),
    ("x: 1\na:b\nc: d\n", "2:2", ":", "no space after the colon of `a`", {"x": 1, "c": "d"}),
    ("a:b\nc: d\n", "1:2", ":", "no space after the colon of `a`", {"c": "d"}),
    ("a: 'b\nc: 'd'\ne: f\n", "1:4", "'b", "the quote `'` is never closed", {"a": "'b", "c": "d", "e": "f"}),
    ('a: "b\nc: d\n', "1:4", '"b', 'the quote `"` is never closed', {"a": '"b', "c": "d"}),
    ("a: [b,\nc: d\n", "1:4", "[", "this `[` is never closed", {"c": "d"}),
    ("a: {b: c\nd: e\n", "1:4", "{", "this `{` is never closed", {"d": "e"}),
    ("a: b: c\nd: e\n", "1:4", "b: c", "a value with `: ` in it needs quotes", {"a": "b: c", "d": "e"}),
    ("a: @b\nc: d\n", "1:4", "@b", "a value cannot start with `@`", {"a": "@b", "c": "d"}),
    ("a: %b\nc: d\n", "1:4", "%b", "a value cannot start with `%`", {"a": "%b", "c": "d"}),
    ("a: `b`\nc: d\n", "1:4", "`b`", "a value cannot start with a backtick", {"a": "`b`", "c": "d"}),
    (
        "a: *.py\nc: d\n",
        "1:4",
        "*.py",
        "a value that starts with `*` is an alias to YAML, and this is no name of one",
        {"a": "*.py", "c": "d"},
    ),
    ('a: "C:\\dir\\q"\nc: d\n', "1:7", "\\d", "`\\d` is no escape sequence", {"a": "C:\\dir\\q", "c": "d"}),
    ('a: "b" c\nd: e\n', "1:8", "c", "`c` stands after the closing quote", {"a": '"b" c', "d": "e"}),
    ("a: 'it's'\nd: e\n", "1:8", "s'", "`s'` stands after the closing quote", {"a": "'it's'", "d": "e"}),
    ("a: [b]]\nd: e\n", "1:7", "]", "`]` stands after the closing bracket", {"a": "[b]]", "d": "e"}),
    ("a: - b\nd: e\n", "1:4", "- b", "a list cannot start on the line of its key", {"d": "e"}),
    (
        "a:\n    b: 1\n   c: 2\n    d: 3\ne: f\n",
        "3:4",
        "c: 2",
        "`c` is indented by 3, which fits no block above",
        {"a": {"b": 1}, "e": "f"},
    ),
    (
        "a: 1\n  b: 2\nc: 3\n",
        "2:3",
        "b:",
        "`b` is indented like a part of the text of `a`",
        {"a": 1, "c": 3},
    ),
    (
        "jobs:\n  build\n    x: 1\n  test: 2\n",
        "2:3",
        "build",
        "`build` lacks its colon",
        {"jobs": {"test": 2}},
    ),
    ("- a\nb: c\n- d\n", "2:1", "b: c", "`b` stands among the items of a list", ["a", "d"]),
    ("a: 1\n- b\nc: 2\n", "2:1", "- b", "this list item stands among the keys of a map", {"a": 1, "c": 2}),
    ("a: |x\nc: d\n", "1:4", "|x", "text cannot follow `|` on its line", {"a": "|x", "c": "d"}),
    ("a\x01b: c\n", "1:2", "\x01", "character U+0001 is not allowed in YAML", {"a\x01b": "c"}),
    ("%FOO\na: b\n", "1:1", "%FOO", "a line that starts with `%` is a directive to YAML", {"a": "b"}),
    (
        "a: [${{ x }}, y]\nb: 1\n",
        "1:5",
        "${{ x }}",
        "this expression cannot stand without quotes inside `[ ]` or `{ }`",
        {"a": ["${{ x }}", "y"], "b": 1},
    ),
    (
        "a: [\n  b,\n  c: d: e\n]\nz: 1\n",
        "3:7",
        ":",
        "expected `,` or `]` before `:`",
        {"z": 1},
    ),
]


@pytest.mark.parametrize(("text", "place", "covered", "message", "value"), CASES)
def test_an_error_is_explained_once_and_the_rest_is_read(
    text: str, place: str, covered: str, message: str, value: object
) -> None:
    composed = read(text)
    (problem,) = composed.problems
    span = problem.span
    assert (problem.rule, f"{span.line}:{span.column}", span.text, problem.message) == (
        "yaml-syntax",
        place,
        covered,
        message,
    )
    assert problem.help
    assert plain(composed.documents[0]) == value


def test_what_was_left_out_is_known() -> None:
    composed = read("a: 1\nb: - c\nd: 2\n")
    assert [hole.text for hole in composed.holes] == ["b: - c\n"]


def test_an_unclosed_bracket_names_the_place_where_it_is_noticed() -> None:
    ((span, words),) = read("a: {b: c\nd: e\n").problems[0].related
    assert (span.line, words) == (2, "noticed here")


BROKEN = [
    "  run:x\n",
    "  needs: [a, b\n",
    "  desc: 'it\n",
    "  desc: a: b\n",
    "  desc: @x\n",
    "\trun: x\n",
    '  desc: "\\q"\n',
    "  needs: - a\n",
    "  desc: 'x' y\n",
    "  runs-on: local\n    env: 1\n",
    "     runs-on: local\n   env: {}\n",
    "  desc: {{ x }}/y\n",
    "  desc: !a!b c\n",
]
SOUND = "  runs-on: local\n  stages:\n    - run: |\n        a: [b\n    - echo: 'x'\n"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([None, None, *BROKEN]), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"])
)
def test_each_of_several_errors_is_reported_and_other_jobs_are_read(
    errors: list[str | None], line_end: str
) -> None:
    jobs = [f"job-{number}:\n" + SOUND + (broken or "") for number, broken in enumerate(errors)]
    text = "".join(jobs).replace("\n", line_end)
    composed = read(text)
    lines = {problem.span.line for problem in composed.problems}
    broken_jobs = {number for number, broken in enumerate(errors) if broken}
    size = [job.count("\n") for job in jobs]
    found = {
        number
        for number in range(len(jobs))
        for line in lines
        if 0 < line - sum(size[:number]) <= size[number]
    }
    assert found == broken_jobs
    assert len(composed.problems) >= len(broken_jobs)
    root = plain(composed.documents[0]) if composed.documents else {}
    sound = plain(read(("j:\n" + SOUND).replace("\n", line_end)).documents[0])
    for number, broken in enumerate(errors):
        if broken is None:
            assert root[f"job-{number}"] == sound["j"]  # type: ignore[index]


def test_more_errors_than_passes_end_with_a_word_about_it() -> None:
    composed = read("".join(f"k{number}: @x\n" for number in range(recovery.PASSES + 20)))
    assert composed.problems[-1].message == "too many YAML errors: the file was not read from here on"
    assert len(composed.problems) == recovery.PASSES + 1
    assert isinstance(composed.documents[0], Mapping)


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from([*"\t'\"[]{}:-,#&*!|>%@`\\ \n\r\0😀\u2028\ufeff", "\n\t", "}}", "- ", ""]),
    ),
    min_size=1,
    max_size=6,
)
BASE = "a: &x\n  b: [1, {c: 'd'}]\n  e: |\n    f ${{ g }}\n\n  h: \"i\\tj\"\nk:\n  - <<: *x\n    l: m\n  - >-\n    n\n    o\n---\np: q\n"


@settings(max_examples=200, deadline=None)
@given(MUTATIONS, st.booleans())
def test_no_mutation_of_a_file_raises(mutations: list[tuple[int, str]], crlf: bool) -> None:
    text = BASE.replace("\n", "\r\n") if crlf else BASE
    for place, piece in mutations:
        place %= len(text)
        text = text[:place] + piece + text[place + 1 :]
    composed = read(text)
    for problem in composed.problems:
        assert 0 <= problem.span.start <= problem.span.end <= len(text)
        assert problem.message
        assert problem.help
        assert all(0 <= span.start <= span.end <= len(text) for span, _ in problem.related)
    waiting: list[Node] = [node for node in composed.documents if node is not None]
    while waiting:
        node = waiting.pop()
        assert 0 <= node.start <= node.end <= len(text)
        if isinstance(node, Sequence):
            waiting += [item for item in node.items if item.anchor is None]
        elif isinstance(node, Mapping):
            waiting += [entry.value for entry in node.entries if entry.value.anchor is None]
        else:
            assert isinstance(node, Scalar)
