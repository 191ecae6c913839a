"""What expressions mean, and what is said about texts that are none."""

from __future__ import annotations

import pytest

from jobc.source.file import SourceFile, Span
from jobc.source.templates import Hole, OffsetMap
from jobc.syntax.expr import Binary, Call, Expr, Filter, Literal, Member, Method, Name, walk
from jobc.syntax.expressions import ExpressionSyntaxError, parse_hole, parse_text
from jobc.syntax.printer import print_expr


class Mapped(OffsetMap):
    """Offsets as a list gives them."""

    __slots__ = ("offsets",)

    def __init__(self, offsets: list[int]) -> None:
        self.offsets = offsets

    def at(self, index: int) -> int:
        return self.offsets[index]


def hole(file: SourceFile, source: str, offsets: list[int]) -> Hole:
    span = Span(file, 0, len(file.text))
    return Hole(source, 0, len(source), 0, "${{", span, Mapped(offsets))


def grouped(expr: Expr) -> str:
    """The expression with every operation in parentheses."""
    if isinstance(expr, Binary):
        return f"({grouped(expr.left)} {expr.op} {grouped(expr.right)})"
    if isinstance(expr, Literal | Name | Member):
        return print_expr(expr)
    parts = " ".join(grouped(child) for child in expr.children())
    return f"({type(expr).__name__} {parts})"


@pytest.mark.parametrize(
    ("source", "meaning"),
    [
        ("a || b && c", "(a or (b and c))"),
        ("a ?? b || c", "(a ?? (b or c))"),
        ("a ?? b ? c : d", "(Conditional (a ?? b) c d)"),
        ("a ? b : c ? d : e", "(Conditional a b (Conditional c d e))"),
        ("!a == b", "(Unary (a == b))"),
        ("not a and b", "((Unary a) and b)"),
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a - b - c", "((a - b) - c)"),
        ("-a.b * c", "((Unary a.b) * c)"),
        ("a + b == c", "((a + b) == c)"),
        ("a not in b && c", "((a not-in b) and c)"),
        ("a ? b : c | json", "(Filter (Conditional a b c))"),
        ("a | trim | upper", "(Filter (Filter a))"),
        ("f(a | json, b)", "(Call (Filter a) b)"),
    ],
)
def test_operators_bind_as_the_language_says(source: str, meaning: str) -> None:
    assert grouped(parse_text(source)) == meaning


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("needs.split-data.outputs.x", "needs.split-data.outputs.x"),
        ("a-b", "a-b"),
        ("a - b", "a - b"),
        ("a -b", "a - b"),
        ("x -1", "x - 1"),
        ("x-1", "x-1"),
        ("(x)-1", "x - 1"),
        ("3-1", "3 - 1"),
        ("or-else or in-x", "or-else || in-x"),
        ("needs.in.not.true", "needs.in.not.true"),
        ("True and None", "true && null"),
        ("{in: 1, 'b c': {d: {}}}", "{in: 1, 'b c': {d: {}}}"),
        ("f(1, x=2,)", "f(1, x=2)"),
    ],
)
def test_hyphens_and_keywords_in_names(source: str, printed: str) -> None:
    assert print_expr(parse_text(source)) == printed


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'it''s'", "it's"),
        (r'"a\tb\u00e9\ud83d\ude80\/"', "a\tbé🚀/"),
        ("'a\\n'", "a\\n"),
        ("''", ""),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("0", 0),
    ],
)
def test_literals(source: str, value: object) -> None:
    assert parse_text(source) == Literal(value)  # type: ignore[arg-type]


def test_a_dotted_function_is_a_call_and_what_follows_a_method() -> None:
    expr = parse_text("datetime.now().strftime('%F')")
    assert isinstance(expr, Method)
    assert expr.object == Call("datetime.now", [], [])
    assert isinstance(parse_text("x | fmt('.2f')"), Filter)


ERRORS = [
    ("", 0, 0, "the expression is empty"),
    ("a &&", 4, 4, "expected a value after `&&`"),
    ("a && || b", 5, 7, "expected a value after `&&`, but found `||`"),
    ("&& a", 0, 2, "expected a value before `&&`"),
    ("contains(a, b", 13, 13, "expected `)` to close the call of `contains`"),
    ("(a]", 2, 3, "expected `)` to close the parenthesis, but found `]`"),
    ("a = b", 2, 3, "a single `=` does not compare"),
    ("a === b", 2, 5, "`===` is not an operator"),
    ("a !== b", 2, 5, "`!==` is not an operator"),
    ("a <> b", 2, 4, "`<>` is not an operator"),
    ("a & b", 2, 3, "a single `&` is not an operator"),
    ("a |", 3, 3, "expected the name of a filter after `|`"),
    ("a | b.c", 5, 6, "a filter is one name, but `b` goes on with `.`"),
    ("a == “x”", 5, 6, "`“` is no quote of expressions"),
    ("'abc", 0, 4, "the text that begins here has no closing `'`"),
    ("'it's'", 4, 5, "expected an operator between `'it'` and `s`"),
    ("x if c else y", 2, 4, "`x if c else y` is not the form of a choice"),
    ("a ? b", 5, 5, "expected `:` and a second value for `?`"),
    ("a b", 2, 3, "expected an operator between `a` and `b`"),
    ("f(a b)", 4, 5, "expected an operator or `,` between `a` and `b`"),
    ("a.", 2, 2, "expected a name after `.`"),
    ("needs.2-build.x", 6, 13, "a name after `.` cannot begin with a digit: `2-build`"),
    ("{a 1}", 3, 4, "expected `:` after the key `a`, but found `1`"),
    ("{1: 2}", 1, 2, "expected a key, but found `1`"),
    ("{a: 1, a: 2}", 7, 8, "the key `a` is given twice"),
    ("a)", 1, 2, "`)` closes nothing"),
    ("a < b < c", 6, 7, "comparisons cannot be chained"),
    ("a == !b", 5, 6, "`!` cannot stand after `==`"),
    ("f(a=1, 2)", 7, 8, "an argument without a name follows one with a name"),
    (r'"\q"', 1, 3, r"`\q` is not an escape of text in double quotes"),
    ("007", 0, 3, "the number `007` begins with 0"),
    ("1e999", 0, 5, "the number is too large"),
    ("${{ a }}", 0, 1, "`${{` inside an expression"),
    ("a ?. b", 2, 4, "there is no operator `?.`"),
]


@pytest.mark.parametrize(("source", "start", "end", "message"), ERRORS)
def test_an_error_says_what_was_expected_and_where(source: str, start: int, end: int, message: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse_text(source)
    error = caught.value
    assert (error.message, error.index, error.end) == (message, start, end)
    assert error.help


def test_an_unclosed_call_points_at_its_opening() -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse_text("a && contains(b, 'c'")
    assert caught.value.related == ((5, 14, "opened here"),)


@pytest.mark.parametrize("source", ["[" * 300 + "]" * 300, "!" * 5000 + "a", "+".join("1" * 5000)])
def test_nesting_too_deep_is_an_error_in_words(source: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match="nested more than"):
        parse_text(source)


def test_parentheses_and_long_lists_have_no_depth() -> None:
    assert parse_text("(" * 3000 + "1" + ")" * 3000) == Literal(1)
    assert len(list(walk(parse_text(f"[{','.join('1' * 3000)}]")))) == 3001


def test_places_are_mapped_into_the_file() -> None:
    file = SourceFile("x.yml", 'run: "é\\u0061.b == 1"')
    source = "a.b == 1"
    offsets = [7, *range(13, 21)]
    expr, found = parse_hole(hole(file, source, offsets), file)
    assert not found
    assert isinstance(expr, Binary)
    assert isinstance(expr.left, Member)
    assert file.text[expr.start : expr.end] == "\\u0061.b == 1"
    assert file.text[expr.left.name_start : expr.left.end] == "b"
    assert file.text[expr.left.object.start : expr.left.object.end] == "\\u0061"


def test_a_part_that_ends_a_line_ends_on_it() -> None:
    file = SourceFile("x.yml", "|\n  a ||\n  b")
    source = "a ||\nb"
    expr, _ = parse_hole(hole(file, source, [4, 5, 6, 7, 8, 11, 12]), file)
    assert isinstance(expr, Binary)
    assert file.text[expr.left.start : expr.left.end] == "a"
    assert file.text[expr.start : expr.end] == "a ||\n  b"
    file = SourceFile("x.yml", "|\n  a\n    || b")
    expr, _ = parse_hole(hole(file, "a\n|| b", [4, 5, 10, 11, 12, 13, 14]), file)
    assert isinstance(expr, Binary)
    assert file.text[expr.left.start : expr.left.end] == "a"


def test_the_same_text_in_two_places_has_two_trees() -> None:
    file = SourceFile("x.yml", "a.b a.b")
    first, _ = parse_hole(hole(file, "a.b", [0, 1, 2, 3]), file)
    second, _ = parse_hole(hole(file, "a.b", [4, 5, 6, 7]), file)
    assert first == second
    assert first is not second
    assert first is not None
    assert second is not None
    assert (first.start, second.start) == (0, 4)


def test_a_syntax_error_is_a_diagnostic_on_its_columns() -> None:
    file = SourceFile("x.yml", "if: a = b")
    expr, found = parse_hole(hole(file, "a = b", list(range(4, 10))), file)
    assert expr is None
    assert [(d.rule, d.span.text, d.help) for d in found] == [
        ("expression-syntax", "=", "did you mean `==`?")
    ]
