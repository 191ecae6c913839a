"""What is kept of texts, and when it is let go."""

from __future__ import annotations

import ast

import pytest

from jobc.sema.python_tree import parse
from jobc.sema.remembered import Remembered, forget, make_room


def test_a_full_table_takes_nothing_more_and_is_emptied_before_the_next_file() -> None:
    table: Remembered[str, int] = Remembered(10)
    assert table.keep("a", 1, 6) == 1
    assert table.keep("b", 2, 6) == 2
    assert (table.get("a"), table.get("b")) == (1, None)
    make_room()
    assert table.get("a") is None
    table.keep("c", 3, 2)
    make_room()
    assert table.get("c") == 3
    forget()
    assert table.get("c") is None


CODE = """
def total(rows, *, start=0):
    return sum(row.size for row in rows if row) + start
try:
    x: int = -1
    print(f"{x!r:>{x}}", [a async for a in b] if 0 else {**{}}, lambda y, /: (yield))
except* ValueError as error:
    match x:
        case {"a": [1, *rest], **more} | str() as whole if whole:
            del x
"""


def test_a_tree_has_the_nodes_that_ast_has_but_for_contexts_and_operators() -> None:
    tree = parse(CODE)
    left_out = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
    expected = [node for node in ast.walk(tree.module) if not isinstance(node, left_out)]
    assert tree.nodes == expected
    for node, parent in tree.parents.items():
        assert node in list(ast.iter_child_nodes(parent))
    assert len(tree.parents) == len(expected) - 1
    assert parse(CODE) is tree


def test_a_script_that_does_not_parse_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(SyntaxError):
            parse("x =")
