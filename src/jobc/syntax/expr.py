"""The typed AST of expressions (LANGUAGE §4). A sealed set: `Expr` is the union of all of them.

`start` and `end` are character offsets into the *file* (mapped through quotes, escapes and block
scalars by the template's offset map), so a node's place is `Span(file, node.start, node.end)`.
Two nodes are equal if they are of one class and their fields are equal; places do not count.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias


class ExprNode:
    """Base: `fields` names the parts that make up equality and traversal, in source order."""

    __slots__ = ("end", "start")
    fields: ClassVar[tuple[str, ...]] = ()
    start: int
    end: int

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        for name in self.fields:
            a, b = getattr(self, name), getattr(other, name)
            if type(a) is not type(b) or a != b:
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def children(self) -> tuple[Expr, ...]:
        """The direct sub-expressions, in source order."""
        return ()

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({inside})"


class Literal(ExprNode):
    """`value` is None, a bool, an int, a float or a str."""

    __slots__ = ("value",)
    fields = ("value",)

    def __init__(self, value: bool | int | float | str | None, start: int = 0, end: int = 0) -> None:
        self.value = value
        self.start = start
        self.end = end


class ListExpr(ExprNode):
    __slots__ = ("items",)
    fields = ("items",)

    def __init__(self, items: list[Expr], start: int = 0, end: int = 0) -> None:
        self.items = items
        self.start = start
        self.end = end

    def children(self) -> tuple[Expr, ...]:
        return (*self.items,)


class MapExpr(ExprNode):
    """`entries` are (key, value) pairs; a bare-word key is a string Literal."""

    __slots__ = ("entries",)
    fields = ("entries",)

    def __init__(self, entries: list[tuple[Expr, Expr]], start: int = 0, end: int = 0) -> None:
        self.entries = entries
        self.start = start
        self.end = end

    def children(self) -> tuple[Expr, ...]:
        return tuple(part for entry in self.entries for part in entry)


class Name(ExprNode):
    """A bare name in value position: a context (`params`, `item`, …), or unknown."""

    __slots__ = ("name",)
    fields = ("name",)

    def __init__(self, name: str, start: int = 0, end: int = 0) -> None:
        self.name = name
        self.start = start
        self.end = end


class Member(ExprNode):
    """`object.name`; `name_start` is where the name itself begins (it ends at `end`)."""

    __slots__ = ("name", "name_start", "object")
    fields = ("object", "name")

    def __init__(self, object: Expr, name: str, start: int = 0, end: int = 0, name_start: int = 0) -> None:
        self.object = object
        self.name = name
        self.start = start
        self.end = end
        self.name_start = name_start

    def children(self) -> tuple[Expr, ...]:
        return (self.object,)


class Index(ExprNode):
    """`object[index]`."""

    __slots__ = ("index", "object")
    fields = ("object", "index")

    def __init__(self, object: Expr, index: Expr, start: int = 0, end: int = 0) -> None:
        self.object = object
        self.index = index
        self.start = start
        self.end = end

    def children(self) -> tuple[Expr, ...]:
        return (self.object, self.index)


class Call(ExprNode):
    """`function(args, name=value)`; `function` may be dotted (`datetime.now`). `name_end` ends the function's name."""

    __slots__ = ("args", "function", "keywords", "name_end")
    fields = ("function", "args", "keywords")

    def __init__(
        self,
        function: str,
        args: list[Expr],
        keywords: list[tuple[str, Expr]],
        start: int = 0,
        end: int = 0,
        name_end: int = 0,
    ) -> None:
        self.function = function
        self.args = args
        self.keywords = keywords
        self.start = start
        self.end = end
        self.name_end = name_end

    def children(self) -> tuple[Expr, ...]:
        return (*self.args, *(value for _, value in self.keywords)) if self.keywords else (*self.args,)


class Method(ExprNode):
    """`object.method(args)` on a value, e.g. `datetime.now().strftime('%F')`."""

    __slots__ = ("args", "keywords", "name", "name_start", "object")
    fields = ("object", "name", "args", "keywords")

    def __init__(
        self,
        object: Expr,
        name: str,
        args: list[Expr],
        keywords: list[tuple[str, Expr]],
        start: int = 0,
        end: int = 0,
        name_start: int = 0,
    ) -> None:
        self.object = object
        self.name = name
        self.args = args
        self.keywords = keywords
        self.start = start
        self.end = end
        self.name_start = name_start

    def children(self) -> tuple[Expr, ...]:
        return (self.object, *self.args, *(value for _, value in self.keywords))


class Filter(ExprNode):
    """`value | name(args)`."""

    __slots__ = ("args", "keywords", "name", "name_start", "value")
    fields = ("value", "name", "args", "keywords")

    def __init__(
        self,
        value: Expr,
        name: str,
        args: list[Expr],
        keywords: list[tuple[str, Expr]],
        start: int = 0,
        end: int = 0,
        name_start: int = 0,
    ) -> None:
        self.value = value
        self.name = name
        self.args = args
        self.keywords = keywords
        self.start = start
        self.end = end
        self.name_start = name_start

    def children(self) -> tuple[Expr, ...]:
        return (self.value, *self.args, *(value for _, value in self.keywords))


class Unary(ExprNode):
    """`op` is `not` or `-`."""

    __slots__ = ("op", "operand")
    fields = ("op", "operand")

    def __init__(self, op: str, operand: Expr, start: int = 0, end: int = 0) -> None:
        self.op = op
        self.operand = operand
        self.start = start
        self.end = end

    def children(self) -> tuple[Expr, ...]:
        return (self.operand,)


class Binary(ExprNode):
    """`op` is one of `or and ?? == != < <= > >= in not-in + - * / %` (`||` is `or`, `&&` is `and`)."""

    __slots__ = ("left", "op", "right")
    fields = ("left", "op", "right")

    def __init__(self, op: str, left: Expr, right: Expr, start: int = 0, end: int = 0) -> None:
        self.op = op
        self.left = left
        self.right = right
        self.start = start
        self.end = end

    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right)


class Conditional(ExprNode):
    """`test ? then : otherwise`."""

    __slots__ = ("otherwise", "test", "then")
    fields = ("test", "then", "otherwise")

    def __init__(self, test: Expr, then: Expr, otherwise: Expr, start: int = 0, end: int = 0) -> None:
        self.test = test
        self.then = then
        self.otherwise = otherwise
        self.start = start
        self.end = end

    def children(self) -> tuple[Expr, ...]:
        return (self.test, self.then, self.otherwise)


Expr: TypeAlias = "Literal | ListExpr | MapExpr | Name | Member | Index | Call | Method | Filter | Unary | Binary | Conditional"


def walk(expr: Expr) -> list[Expr]:
    """The expression and everything inside it, outermost first."""
    found: list[Expr] = []
    todo = [expr]
    while todo:
        node = todo.pop()
        found.append(node)
        children = node.children()
        if children:
            todo += children[::-1]
    return found
