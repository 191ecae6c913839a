"""Types in the user's words, and the questions asked of them."""

from __future__ import annotations

import pytest

from jobc.sema.types import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    LITERAL_LIMIT,
    NULL,
    STR,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    OptionalType,
    SecretType,
    Type,
    UnionType,
    assignable,
    comparable,
    join,
    of_json,
    orderable,
    show,
    union,
)

DEV, PROD = LiteralType("dev"), LiteralType("prod")


@pytest.mark.parametrize(
    ("type", "words"),
    [
        (STR, "text"),
        (of_json([1, 2]), "a list of whole numbers"),
        (union([DEV, PROD]), "`'dev' | 'prod'`"),
        (OptionalType(INT), "a whole number or null"),
        (SecretType(STR), "a secret"),
        (MapType(STR), "a map of texts"),
        (of_json({"a": 1}), "a map"),
        (ListType(ANY), "a list"),
        (LiteralType("it's"), "`'it''s'`"),
        (LiteralType(True), "`true`"),
        (union([STR, INT]), "text or a whole number"),
    ],
)
def test_types_are_shown_in_words(type: Type, words: str) -> None:
    assert show(type) == words


@pytest.mark.parametrize(
    ("a", "b", "joined"),
    [
        (INT, INT, INT),
        (INT, FLOAT, FLOAT),
        (LiteralType(1), INT, INT),
        (DEV, PROD, UnionType((DEV, PROD))),
        (STR, NULL, OptionalType(STR)),
        (STR, ANY, ANY),
        (BOOL, STR, UnionType((BOOL, STR))),
        (LiteralType(True), LiteralType(False), BOOL),
        (ListType(INT), ListType(STR), ListType(UnionType((INT, STR)))),
        (SecretType(STR), STR, SecretType(STR)),
        (
            ObjectType({"a": INT}),
            ObjectType({"b": STR}),
            ObjectType({"a": OptionalType(INT), "b": OptionalType(STR)}),
        ),
        (ObjectType({"a": INT}), MapType(STR), MapType(UnionType((INT, STR)))),
    ],
)
def test_join_holds_both(a: Type, b: Type, joined: Type) -> None:
    assert join(a, b) == joined
    assert join(b, a) == joined


def test_many_literals_are_widened() -> None:
    assert union(LiteralType(n) for n in range(LITERAL_LIMIT + 1)) == INT


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        (STR, DEV, True),
        (union([DEV, PROD]), LiteralType("test"), False),
        (INT, FLOAT, True),
        (LiteralType(1), LiteralType(1.0), True),
        (INT, STR, False),
        (BOOL, INT, False),
        (OptionalType(STR), INT, False),
        (OptionalType(STR), OptionalType(INT), True),
        (OptionalType(STR), NULL, True),
        (STR, NULL, True),
        (ANY, ListType(INT), True),
        (ListType(INT), MapType(INT), False),
        (SecretType(STR), STR, True),
        (UnionType((STR, INT)), LiteralType(3), True),
    ],
)
def test_comparable(a: Type, b: Type, answer: bool) -> None:
    assert comparable(a, b) is answer
    assert comparable(b, a) is answer


def test_orderable_and_assignable() -> None:
    assert orderable(INT, OptionalType(FLOAT))
    assert orderable(DATETIME, ANY)
    assert not orderable(BOOL, BOOL)
    assert not orderable(STR, INT)
    assert assignable(LiteralType(3), INT)
    assert assignable(FLOAT, INT)
    assert not assignable(LiteralType(2.5), INT)
    assert not assignable(STR, ListType(ANY))
    assert not assignable(LiteralType("x"), DEV)
    assert assignable(OptionalType(STR), STR)
