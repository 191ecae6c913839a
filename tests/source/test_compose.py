"""YAML text becomes nodes with exact places and YAML 1.2 core values."""

from __future__ import annotations

import io
import math
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from jobc.source import compose as compose_module
from jobc.source import events
from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Composed, Mapping, Node, Sequence


def read(text: str, **options: int) -> Composed:
    return compose(SourceFile("f.yml", text), **options)


def root(text: str) -> Node:
    composed = read(text)
    assert not composed.problems, composed.problems
    node = composed.documents[0]
    assert node is not None
    return node


def plain(node: Node | None) -> object:
    if isinstance(node, Mapping):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value if node is not None else None


def messages(text: str, **options: int) -> list[tuple[str, str]]:
    return [(problem.rule, problem.message) for problem in read(text, **options).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("2026-01-02", "2026-01-02"),
        ("1.2.3", "1.2.3"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!float 1", 1.0),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("! 12", "12"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_have_their_yaml_12_core_value(text: str, value: object) -> None:
    found = plain(root(f"k: {text}\n"))
    assert found == {"k": value}
    assert type(found["k"]) is type(value)  # type: ignore[index]


def test_nan_is_a_number() -> None:
    value = root("[.nan]").items[0].value  # type: ignore[union-attr]
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a: |\n  x\n  y\n\n# c\nb: 1\n", {"a": "|\n  x\n  y", "b": "1"}),
        ("a: >-  # c\n  x\n\n\nb: 1\n", {"a": ">-  # c\n  x", "b": "1"}),
        ("a: |\nb: 1\n", {"a": "|", "b": "1"}),
        ("a: x y  # c\n\nb: 'q' \n", {"a": "x y", "b": "'q'"}),
        ("a:\n  - 1\n  - k: v\n\n# c\nb: [1, 2]  \n", {"a": "- 1\n  - k: v", "b": "[1, 2]"}),
        ("a:\n  k: v\n  l:\n\nb: {x: 1}\n", {"a": "k: v\n  l:", "b": "{x: 1}"}),
        ("a: &x !!str  v\nb: *x\n", {"a": "v", "b": "v"}),
        ("a: &x\n  # c\n  k: v\nb: !!map {}\n", {"a": "k: v", "b": "{}"}),
        ("a: 😀 x\r\nb: |\r\n  y\r\n\r\n", {"a": "😀 x", "b": "|\r\n  y"}),
        ("\ufeffa: 1\nb: x\u2028y\n", {"a": "1", "b": "x\u2028y"}),
    ],
)
def test_spans_cover_the_token_and_no_blank_lines_or_comments(text: str, spans: dict[str, str]) -> None:
    node = root(text)
    assert isinstance(node, Mapping)
    assert {entry.key.text: entry.value.span.text for entry in node.entries} == spans


def test_other_unicode_line_ends_are_text_as_in_yaml_12() -> None:
    assert plain(root("a: x\u0085y\nb: '\u2028'\nc: |\n  p\u2029q\n")) == {
        "a": "x\x85y",
        "b": "\u2028",
        "c": "p\u2029q\n",
    }


def test_documents_of_a_stream_are_separate() -> None:
    composed = read("a: &x 1\n---\n# nothing\n---\n- *x\n")
    assert [plain(node) for node in composed.documents] == [{"a": 1}, None, ["*x"]]
    assert [problem.message for problem in composed.problems] == ["no anchor `&x` stands before this alias"]


def test_an_alias_is_the_anchored_node_itself() -> None:
    node = root("a: &x [1]\nb: *x\nc: &y k\n*y : v\n")
    assert isinstance(node, Mapping)
    assert node.get("a") is node.get("b")
    assert node.entries[3].key is node.get("c")


def test_a_misspelt_alias_is_told_the_nearest_anchor() -> None:
    problem = read("a: &defaults 1\nb: *default\n").problems[0]
    assert (problem.span.text, problem.help) == ("*default", "did you mean `*defaults`?")


def test_merge_keys_take_in_what_the_mapping_lacks() -> None:
    node = root("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 0\nd:\n  <<: *b\n")
    assert plain(node)["c"] == {"x": 0, "y": 2, "z": 4}  # type: ignore[index]
    assert isinstance(node, Mapping)
    c, a = node.get("c"), node.get("a")
    assert isinstance(c, Mapping)
    assert isinstance(a, Mapping)
    assert [(entry.key.text, entry.merged) for entry in c.entries] == [("x", False), ("y", True), ("z", True)]
    assert c.entries[1].value is a.entries[1].value


def test_a_quoted_merge_key_is_a_key() -> None:
    assert plain(root("'<<': 1\n")) == {"<<": 1}


def test_merging_what_is_no_map_is_a_problem() -> None:
    wrong = ("yaml-syntax", "`<<` can only merge a map, or a list of maps")
    assert messages("<<: 1\na: {<<: [{}, 2]}\n") == [wrong, wrong]


def test_colons_and_question_marks_inside_text_need_no_quotes_in_brackets() -> None:
    text = 'a: {image: python:3.12, uses: m:f, u: http://x?y, "k":1}\nb: [c::d, !<tag:yaml.org,2002:str> 1, $<< a ? b >>]\n'
    expected = {
        "a": {"image": "python:3.12", "uses": "m:f", "u": "http://x?y", "k": 1},
        "b": ["c::d", "1", "$<< a ? b >>"],
    }
    assert plain(root(text)) == expected


@pytest.mark.parametrize("before", ["", " ", "\n  ", " # c\n\n  ", "\t"])
def test_a_question_mark_before_a_word_in_brackets_is_text(before: str) -> None:
    assert plain(root(f"a: [x,{before}?b, {{{before}?c: ?d}}]\n")) == {"a": ["x", "?b", {"?c": "?d"}]}


def test_the_first_of_two_equal_keys_stays_and_the_second_is_reported() -> None:
    composed = read("a: 1\nb: 2\n'a': 3\n")
    assert plain(composed.documents[0]) == {"a": 1, "b": 2}
    (problem,) = composed.problems
    assert (problem.rule, problem.span.line, problem.related[0][0].line) == ("duplicate-key", 3, 1)


@pytest.mark.parametrize("text", ["? [a]\n: b\nc: d\n", "{x: 1}: b\nc: d\n", "? - a\n: b\nc: d\n"])
def test_keys_must_be_scalars(text: str) -> None:
    composed = read(text)
    assert [problem.message.startswith("a key cannot be a") for problem in composed.problems] == [True]
    assert plain(composed.documents[0]) == {"c": "d"}


def test_braces_without_quotes_are_told_apart_from_maps() -> None:
    composed = read("a: {{ x }}\nb: {{ y }}/z\n")
    assert plain(composed.documents[0]) == {"a": "{{ x }}", "b": "{{ y }}/z"}
    assert all("starts with `{{`" in problem.message for problem in composed.problems)
    assert len(composed.problems) == 2


@pytest.mark.parametrize("tag", ["!foo", "!!binary", "!!timestamp"])
def test_unknown_tags_are_problems(tag: str) -> None:
    composed = read(f"a: {tag} b\n")
    assert [(p.message, p.span.text) for p in composed.problems] == [(f"unknown tag `{tag}`", tag)]


def test_an_unknown_tag_is_kept_as_the_text_that_was_meant() -> None:
    composed = read("condition: !failure()\n")
    assert plain(composed.documents[0]) == {"condition": "!failure()"}
    assert composed.problems[0].message == "unknown tag `!failure()`"


@pytest.mark.parametrize(
    "text", ["!!int x", "!!bool yes", "!!float abc", "!!seq {}", "!!map [1]", "!!str [1]", "!!map x"]
)
def test_tags_must_fit_their_values(text: str) -> None:
    assert [rule for rule, _ in messages(f"a: {text}\n")] == ["yaml-syntax"]


def test_recursive_aliases_are_refused() -> None:
    assert [rule for rule, _ in messages("a: &x\n  b: {c: *x}\n  d: *x\n")] == ["alias-expansion"] * 2


def test_alias_bombs_are_refused_once() -> None:
    levels = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert [rule for rule, _ in messages("\n".join(levels))] == ["alias-expansion"]
    assert messages("a: &a [1, 2]\nb: [*a, *a]\n", limit=6) == []
    assert [rule for rule, _ in messages("a: &a [1, 2]\nb: [*a, *a]\n", limit=5)] == ["alias-expansion"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 900 + "]" * 900,
        "".join(" " * i + "k:\n" for i in range(900)),
        "- " * 3000 + "x",
        "[" * 100_000,
        "a: b\nc: " + "{x: " * 50_000,
    ],
)
def test_deep_nesting_is_a_problem_and_no_crash(text: str) -> None:
    assert [message for _, message in messages(text)] == ["values are nested more than 100 levels deep"]


# The C parser takes a colon right after a quote for the end of a key, in brackets also in plain text. The dumper
# adds a space where it folds a quoted text right after an escape, and writes `? a` and `: a` without quotes; `:? a` is one text that is not read.
WORDS = st.text(alphabet="ab 😀é'\"#:{}[],&*!|>%@`-\\?~0.\t", max_size=12).filter(
    lambda word: re.search(r"['\"!*&]:|[\t\\][^'\"]* |^[?:]+ ", word) is None
)
LINES = st.lists(st.text(alphabet="ab😀é'\"#:{}", min_size=1, max_size=6), min_size=1, max_size=4).map(
    "\n".join
)
STRINGS = st.one_of(
    WORDS,
    WORDS.map(DoubleQuotedScalarString),
    WORDS.map(SingleQuotedScalarString),
    LINES.map(lambda text: LiteralScalarString(text + "\n")),
    LINES.map(lambda text: FoldedScalarString(text.replace("\n", " ") + "\n")),
)
KEYS = st.text(alphabet="abc😀-_", min_size=1, max_size=5)
VALUES = st.recursive(
    st.one_of(STRINGS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, width=32)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def dump(value: object, flow: bool) -> str:
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = flow
    yaml.width = 40
    yaml.dump(value, stream)
    return stream.getvalue()


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_dumped_data_comes_back_and_each_span_reads_as_its_value(
    data: dict[str, object], flow: bool, line_end: str
) -> None:
    text = dump(data, flow).replace("\n", line_end)
    node = root(text)
    assert plain(node) == data
    waiting: list[Node] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += [entry.value for entry in part.entries]
        elif isinstance(part, Sequence):
            waiting += part.items
        elif part.style in ("single", "double") or (part.style == "plain" and part.text):
            assert plain(root(part.span.text.strip())) == part.value
        elif part.style in ("literal", "folded"):
            assert part.span.text.startswith(("|", ">"))
            assert not part.span.text.endswith(("\n", "\r"))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.booleans())
def test_the_parser_in_python_gives_the_same_nodes(data: dict[str, object], flow: bool) -> None:
    text = dump(data, flow)
    pure = read_pure(text)
    assume(not pure.problems)  # the parser in Python takes `{a: :b}` for an error
    assert places(read(text)) == places(pure)


def read_pure(text: str) -> Composed:
    original = compose_module.pull
    compose_module.pull = lambda standin: events.pull_pure(standin.text)
    try:
        return read(text)
    finally:
        compose_module.pull = original


def places(composed: Composed) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    waiting: list[Node] = [node for node in composed.documents if node is not None]
    while waiting:
        part = waiting.pop()
        found.append(
            (type(part).__name__, part.start, part.end, part.tag, part.anchor, getattr(part, "text", None))
        )
        if isinstance(part, Mapping):
            waiting += [node for entry in part.entries for node in (entry.key, entry.value)]
        elif isinstance(part, Sequence):
            waiting += part.items
    return found
