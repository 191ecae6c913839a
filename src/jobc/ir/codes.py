"""What a code may look like (`program` lists the operations): checked when a program is read."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

#: operation -> (least number of operands, most; None where there is no limit). Codes only, unless said in `_TEXTS`.
OPERATIONS: Dict[str, Tuple[int, Optional[int]]] = {
    "list": (0, None),
    "map": (0, None),
    "name": (1, 1),
    "get": (2, 2),
    "index": (2, 2),
    "call": (1, None),
    "method": (2, None),
    "text": (0, None),
    "not": (1, 1),
    "neg": (1, 1),
    "?:": (3, 3),
}
for _operator in (
    "and",
    "or",
    "??",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not-in",
    "+",
    "-",
    "*",
    "/",
    "%",
):
    OPERATIONS[_operator] = (2, 2)

#: operation -> the operand (from 0) that is a plain text.
_TEXTS = {"name": 0, "get": 1, "call": 0, "method": 1}
DEPTH = 500


class CodeProblem(ValueError):
    """A tree is not a code."""


def check_code(tree: Any) -> None:
    """Raise CodeProblem unless the tree is a code: known operations, as many operands as they take, not too deep."""
    pending = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        if depth > DEPTH:
            raise CodeProblem("an expression is nested more than %d deep" % DEPTH)
        if node is None or isinstance(node, (bool, int, float, str)):
            continue
        if (
            not isinstance(node, list)
            or not node
            or not isinstance(node[0], str)
            or node[0] not in OPERATIONS
        ):
            raise CodeProblem("not an expression of this version: %.80r" % (node,))
        operation, operands = node[0], node[1:]
        least, most = OPERATIONS[operation]
        odd = operation == "map" and len(operands) % 2
        if odd or len(operands) < least or (most is not None and len(operands) > most):
            raise CodeProblem("wrong number of operands of %s" % operation)
        text = _TEXTS.get(operation)
        for number, operand in enumerate(operands):
            if number == text:
                if not isinstance(operand, str):
                    raise CodeProblem("%s takes a name, not %.80r" % (operation, operand))
            else:
                pending.append((operand, depth + 1))
